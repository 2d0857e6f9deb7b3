// The panel, the keys and the pointer: they turn what people do into questions to the words and views of the map.
// Words are put into the page as text only, never as markup.

const ANSWERS = 10;
const element = (id) => document.getElementById(id);

/** Make an element with a text or children. */
function make(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

class Panel {
  constructor(table) {
    this.table = table;
    this.map = new WordCanvas(element("map"), table, {
      onPick: (id) => this.ask(table.words[id]),
      onView: () => this.viewChanged(),
    });
    this.describe();
    this.listen();
    watchPointer(this.map);
    this.answerAddress(true);
  }

  /** Write down what the map shows. */
  describe() {
    const { header, count } = this.table;
    element("summary").textContent = `${count.toLocaleString("en")} ${count === 1 ? "word" : "words"} × ${header.dim}`;
    element("facts").append(...header.facts.map((fact) => make("p", { textContent: fact })));
    const example = ["king", "man", "woman"].every((word) => this.table.ids.has(word));
    element("query").placeholder = example ? "king - man + woman" : this.table.words[Math.min(count - 1, 50)];
    const sizes = new Array(header.groups.length).fill(0);
    for (const group of this.table.group) sizes[group]++;
    element("groups").append(
      ...header.groups.map((name, group) => {
        const dot = make("span", { className: "dot" });
        dot.style.background = `var(--group-${group})`;
        const button = make("button", { type: "button" }, dot, make("bdi", { textContent: name }),
          make("span", { className: "count", textContent: sizes[group].toLocaleString("en") }));
        button.setAttribute("aria-pressed", "false");
        button.addEventListener("click", () => this.emphasise(this.map.onlyGroup === group ? -1 : group));
        return make("li", {}, button);
      }),
    );
  }

  listen() {
    element("search").addEventListener("submit", (event) => {
      event.preventDefault();
      this.ask(element("query").value);
    });
    element("query").addEventListener("input", () => this.complete());
    element("by-group").addEventListener("click", () => this.colour(true));
    element("by-rank").addEventListener("click", () => this.colour(false));
    element("in").addEventListener("click", () => this.map.zoom(1.6));
    element("out").addEventListener("click", () => this.map.zoom(1 / 1.6));
    element("fit").addEventListener("click", () => this.map.flyTo(this.map.fittedView()));
    element("places").addEventListener("toggle", () => this.listPlaces());
    addEventListener("hashchange", () => this.answerAddress(false));
    addEventListener("keydown", (event) => this.key(event));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.map.readPalette();
      this.map.redraw();
    });
    new ResizeObserver(() => this.map.resize()).observe(this.map.canvas);
  }

  /** Put a question into the address, which answers it: so it can be kept, sent, and gone back to. */
  ask(text) {
    const address = text === "" ? "" : `#${encodeURIComponent(text)}`;
    if (location.hash === address) this.answer(text, false);
    else location.hash = address;
  }

  answerAddress(atOnce) {
    let text = location.hash.slice(1);
    try {
      text = decodeURIComponent(text);
    } catch {
      // A "%" that is no escape: the address was typed by hand.
    }
    this.answer(text, atOnce);
  }

  /** Answer a question: list the nearest words, and show them on the map. */
  answer(text, atOnce) {
    const { map, table } = this;
    element("query").value = text;
    element("near").replaceChildren();
    element("results").replaceChildren();
    element("status").replaceChildren();
    map.chosen = [];
    map.near = [];
    map.redraw();
    if (!text.trim() && table.find(text) === undefined) return;
    const terms = table.parse(text);
    if (terms.some((term) => !term.text)) return this.say("A sign has no word after it. Write sums like king - man + woman.");
    const unknown = terms.filter((term) => term.id === undefined);
    if (unknown.length) return this.sayUnknown(terms, unknown);
    const found = table.nearest(terms, ANSWERS);
    map.chosen = [...new Set(terms.map((term) => term.id))];
    map.near = found.map((one) => one.id);
    this.report(terms, found);
    const view = map.fittedView(this.worthSeeing(terms, map.near));
    if (atOnce) map.show(view);
    else map.flyTo(view);
  }

  /** Return the words to bring into view: of a word, itself and the nearest on the map of its neighbours, as a few may
   * lie at the other end; of a sum, the same around the best answer. The others are marked at the edge. */
  worthSeeing(terms, near) {
    const { x, y } = this.table;
    if (!near.length) return this.map.chosen;
    const middle = terms.length === 1 ? terms[0].id : near[0];
    const distance = (id) => Math.hypot(x[id] - x[middle], y[id] - y[middle]);
    const others = near.filter((id) => id !== middle).sort((one, other) => distance(one) - distance(other));
    const close = others.filter((id, place) => place < 3 || distance(id) < 0.12);
    return [middle, ...(terms.length === 1 ? [] : this.map.chosen.filter((id) => distance(id) < 0.25)), ...close];
  }

  say(...parts) {
    element("status").replaceChildren(...parts);
  }

  /** Say which words the map does not have, and offer similar ones. */
  sayUnknown(terms, unknown) {
    const names = unknown.map((term) => `“${term.text.trim()}”`).join(" and ");
    const signs = terms.length === 1 && /\S[+\u2212\u2013-]\S/.test(unknown[0].text);
    const like = this.table.spelledLike(unknown[0].text.trim(), 5);
    const hint = signs ? " In a sum, put spaces around the signs." : like.length ? " Did you mean one of these?" : "";
    this.say(`The map does not have ${names}.${hint}`);
    const asked = (id) =>
      terms.map((term, i) => (i || term.sign < 0 ? (term.sign < 0 ? "- " : "+ ") : "")
        + (term === unknown[0] ? this.table.words[id] : term.text)).join(" ");
    element("near").replaceChildren(...like.map((id) => this.wordButton(id, asked(id))));
  }

  wordButton(id, question = this.table.words[id]) {
    const button = make("button", { type: "button" }, make("bdi", { textContent: this.table.words[id] }));
    button.addEventListener("click", () => this.ask(question));
    return button;
  }

  report(terms, found) {
    const { table } = this;
    const name = (term) => make("bdi", { textContent: table.words[term.id] });
    const sum = make("strong");
    terms.forEach((term, i) => sum.append(i || term.sign < 0 ? ` ${term.sign < 0 ? "−" : "+"} ` : "", name(term)));
    if (!found.length) return this.say("There is no other word than ", sum, ".");
    const parts = ["Nearest to ", sum];
    if (terms.length === 1) {
      const { id } = terms[0];
      const place = `number ${(id + 1).toLocaleString("en")} by frequency, in the group “${table.header.groups[table.group[id]]}”`;
      parts.push(make("span", { className: "where", textContent: place }));
    }
    this.say(...parts);
    element("results").replaceChildren(
      ...found.map(({ id, score }) => {
        const button = this.wordButton(id);
        const bar = make("span", { className: "bar" });
        bar.style.width = `calc(${Math.max(0, score)} * (100% - 1rem))`;
        button.append(make("span", { className: "score", textContent: score.toFixed(4) }), bar);
        button.addEventListener("pointerenter", () => this.map.hover(id));
        button.addEventListener("pointerleave", () => this.map.hover(-1));
        return make("li", {}, button);
      }),
    );
    element("panel").scrollTop = 0;
  }

  /** Offer words that begin like the last word of the query. */
  complete() {
    const text = element("query").value;
    const [, before, start] = /^(.*(?:^|\s)[+\u2212\u2013-]\s*)?(.*)$/s.exec(text);
    const ids = start ? this.table.beginningWith(start, 12) : [];
    element("words").replaceChildren(...ids.map((id) => make("option", { value: (before ?? "") + this.table.words[id] })));
  }

  colour(byGroup) {
    element("by-group").setAttribute("aria-pressed", byGroup);
    element("by-rank").setAttribute("aria-pressed", !byGroup);
    element("groups").hidden = !byGroup;
    element("ramp").hidden = byGroup;
    this.map.byGroup = byGroup;
    if (!byGroup) this.emphasise(-1);
    this.map.redraw();
  }

  /** Show one group, and the others only faintly; −1: all alike. */
  emphasise(group) {
    this.map.onlyGroup = group;
    [...element("groups").querySelectorAll("button")].forEach((button, i) =>
      button.setAttribute("aria-pressed", i === group));
    this.map.redraw();
  }

  viewChanged() {
    clearTimeout(this.listing);
    if (element("places").open) this.listing = setTimeout(() => this.listPlaces(), 300);
  }

  /** List the most frequent words in view with those beside them, for people who cannot see the map. */
  listPlaces() {
    if (!element("places").open) return;
    const { map, table } = this;
    const inView = [];
    for (let id = 0; id < table.count && inView.length < 1500; id++) {
      const [x, y] = [map.screenX(id), map.screenY(id)];
      if (x >= 0 && y >= 0 && x <= map.width && y <= map.height) inView.push({ id, x, y });
    }
    const beside = (word) =>
      inView.filter((other) => other !== word)
        .map((other) => ({ id: other.id, distance: (other.x - word.x) ** 2 + (other.y - word.y) ** 2 }))
        .sort((one, other) => one.distance - other.distance)
        .slice(0, 3).map(({ id }) => table.words[id]);
    const third = (value, whole, names) => names[Math.min(2, Math.floor((3 * value) / whole))];
    element("places").querySelector("ol").replaceChildren(
      ...inView.slice(0, 40).map((word) => {
        const where = [third(word.y, map.height, ["top", "middle", "bottom"]), third(word.x, map.width, ["left", "center", "right"])];
        const near = beside(word);
        const text = make("span", { textContent: near.length ? ` near ${near.join(", ")}; ${where.join(" ")}` : ` ${where.join(" ")}` });
        return make("li", {}, this.wordButton(word.id), text);
      }),
    );
  }

  key(event) {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = target instanceof HTMLInputElement;
    const step = 80;
    const keys = {
      "/": () => element("query").select(),
      "+": () => this.map.zoom(1.6),
      "=": () => this.map.zoom(1.6),
      "-": () => this.map.zoom(1 / 1.6),
      0: () => this.map.flyTo(this.map.fittedView()),
    };
    const arrows = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (key === "Escape") this.clear();
    else if (!typing && Object.hasOwn(keys, key)) keys[key]();
    // In the panel the arrows scroll it.
    else if (Object.hasOwn(arrows, key) && !element("panel").contains(target)) this.map.pan(...arrows[key]);
    else return;
    event.preventDefault();
  }

  clear() {
    this.emphasise(-1);
    this.ask("");
  }
}

/** Move and zoom the map by mouse, wheel, finger or two fingers; a click picks a word. */
function watchPointer(map) {
  const { canvas } = map;
  const fingers = new Map();
  let travelled = 0;
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    if (!fingers.size) travelled = 0;
    fingers.set(event.pointerId, at(event));
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = at(event);
    const before = fingers.get(event.pointerId);
    if (!before) return map.hover(map.wordAt(now.x, now.y));
    travelled += Math.hypot(now.x - before.x, now.y - before.y);
    if (fingers.size === 2) {
      const [other] = [...fingers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
      const apart = (place) => Math.max(1, Math.hypot(place.x - other.x, place.y - other.y));
      map.zoom(apart(now) / apart(before), other.x, other.y);
    } else if (travelled > 4) {
      canvas.classList.add("moving");
      map.pan(before.x - now.x, before.y - now.y);
    }
    fingers.set(event.pointerId, now);
  });
  const lift = (event) => {
    if (!fingers.delete(event.pointerId) || fingers.size) return;
    canvas.classList.remove("moving");
    const { x, y } = at(event);
    const id = travelled <= 4 && event.type === "pointerup" ? map.wordAt(x, y) : -1;
    if (id >= 0) map.onPick(id);
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("pointerleave", () => map.hover(-1));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const { x, y } = at(event);
    // A wheel may count in lines instead of pixels; a pinch on a touchpad comes as small steps with Ctrl.
    const pixels = event.deltaY * (event.deltaMode ? 24 : 1) * (event.ctrlKey ? 6 : 1);
    map.zoom(2 ** (-pixels / 260), x, y);
  }, { passive: false });
}

unpack(element("data").textContent).then(
  (table) => {
    element("data").remove(); // the text takes as much memory as the file
    const panel = new Panel(table);
    element("loading").remove();
    panel.map.draw();
    // What the tests of the page look at; the page itself does not need it.
    window.wordMap = panel;
    performance.mark("ready");
    document.documentElement.dataset.ready = "";
  },
  (error) => {
    element("loading").textContent = `The data of this page cannot be unpacked (${error.message}). Is the file complete?`;
  },
);

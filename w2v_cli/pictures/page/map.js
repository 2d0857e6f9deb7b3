// The map: a canvas with a point for every word, and as many labels as fit without overlap.
//
// Points are written into the pixels of an image, because that needs no graphics processor and takes a few
// milliseconds for 100,000 points. A view is the place in the middle of the canvas and the scale, in CSS pixels for
// the length of the map.

const CELL = 6; // labels keep apart by cells of this many CSS pixels
const AREA_PER_LABEL = 4200; // square CSS pixels; denser labels are hard to read
const NARROWEST_LABEL = 10; // CSS pixels; `enclosed` counts on it
const LONGEST_LABEL = 28; // letters
const DEEPEST = 600; // how much larger than the canvas the map can become
const FLIGHT = 450; // milliseconds
const ON_TOP = 2000; // so many of the most frequent words lie on top of the others
const HALO = 2; // CSS pixels around the letters of a label
const LARGEST_POINT = 8; // CSS pixels of the radius

class WordCanvas {
  /** `onPick` is told the id of a word that was clicked, `onView` that the view has changed. */
  constructor(canvas, table, { onPick, onView }) {
    Object.assign(this, { canvas, table, onPick, onView });
    this.context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    this.view = null;
    this.chosen = []; // ids of the words of the query
    this.near = []; // ids of its nearest words
    this.hovered = -1;
    this.onlyGroup = -1; // the group that is emphasised
    this.byGroup = true;
    this.labels = []; // what was drawn: id, text, and the box of the text
    this.widths = new Float32Array(table.count); // of the labels in text of 100 pixels; 0: not measured yet
    this.points = arranged(table);
    this.readPalette();
    this.resize();
  }

  /** Read the colours of the style sheet, which depend on whether the page is light or dark. */
  readPalette() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const names = ["paper", "ink", "quiet", "accent"];
    this.colours = Object.fromEntries(names.map((name) => [name, colour(name)]));
    this.groupColours = Array.from({ length: 9 }, (_, i) => channels(colour(`group-${i}`)));
    this.rankColours = Array.from({ length: 5 }, (_, i) => channels(colour(`rank-${i}`)));
    this.font = getComputedStyle(document.body).fontFamily;
    this.sprites = []; // points, made when first needed; see `makeSprite`
    this.labelImages = new Map(); // and labels; see `labelImage`
  }

  /** Take the size of the canvas on the screen; the place in the middle stays there. */
  resize() {
    const { clientWidth, clientHeight } = this.canvas;
    this.width = Math.max(1, clientWidth);
    this.height = Math.max(1, clientHeight);
    const ratio = Math.min(window.devicePixelRatio || 1, 3);
    if (ratio !== this.ratio) this.labelImages.clear();
    this.ratio = ratio;
    this.canvas.width = Math.round(this.width * this.ratio);
    this.canvas.height = Math.round(this.height * this.ratio);
    this.sprites = []; // they hold offsets in an image of another width
    // The image is wider than the canvas on each side, so that points at the edges need no care.
    this.margin = Math.ceil(LARGEST_POINT * this.ratio) + 1;
    this.image = this.context.createImageData(this.canvas.width + 2 * this.margin, this.canvas.height + 2 * this.margin);
    this.pixels = new Int32Array(this.image.data.buffer);
    const fitted = this.fittedView();
    if (!this.view || this.view.scale <= (this.fittedScale ?? 0) * 1.001) this.view = fitted;
    this.fittedScale = fitted.scale;
    // Where buttons cover the canvas, no label would be readable.
    this.covered = [...this.canvas.parentElement.querySelectorAll("[role=group]")].map((buttons) => ({
      left: buttons.offsetLeft - CELL, top: buttons.offsetTop, w: buttons.offsetWidth, h: buttons.offsetHeight,
    }));
    this.redraw();
  }

  /** Return the view that shows these words, or all. */
  fittedView(ids = null) {
    const { x, y } = this.table;
    let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
    const include = (id) => {
      left = Math.min(left, x[id]);
      right = Math.max(right, x[id]);
      top = Math.min(top, y[id]);
      bottom = Math.max(bottom, y[id]);
    };
    if (ids) ids.forEach(include);
    else for (let id = 0; id < this.table.count; id++) include(id);
    // Room for the labels at the edges. The smallest length keeps a single word from being magnified without end.
    const smallest = ids ? 0.02 : 1e-6;
    const across = Math.max(this.width - (ids ? 240 : 90), this.width * 0.4);
    const down = Math.max(this.height - (ids ? 120 : 60), this.height * 0.4);
    const scale = Math.min(across / Math.max(right - left, smallest), down / Math.max(bottom - top, smallest));
    return { x: (left + right) / 2, y: (top + bottom) / 2, scale };
  }

  get largestScale() {
    return Math.max(this.width, this.height) * DEEPEST;
  }

  screenX(id) {
    return (this.table.x[id] - this.view.x) * this.view.scale + this.width / 2;
  }

  screenY(id) {
    return (this.table.y[id] - this.view.y) * this.view.scale + this.height / 2;
  }

  /** Show a view at once. */
  show(view) {
    cancelAnimationFrame(this.flight);
    this.flight = undefined;
    this.setView(view);
  }

  setView(view) {
    const scale = Math.min(Math.max(view.scale, this.fittedScale * 0.5), this.largestScale);
    const keep = (value) => Math.min(Math.max(value, 0), 1); // the map cannot be lost from sight
    this.view = { x: keep(view.x), y: keep(view.y), scale };
    this.redraw();
    this.onView();
  }

  /** Fly to a view, or jump if the user prefers no motion. */
  flyTo(target) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return this.show(target);
    cancelAnimationFrame(this.flight);
    const from = this.view;
    const begin = performance.now();
    const step = (now) => {
      const t = Math.min(1, Math.max(0, (now - begin) / FLIGHT));
      const eased = t * t * (3 - 2 * t);
      const scale = from.scale * (target.scale / from.scale) ** eased;
      // Moving in proportion to the scale keeps the target in sight.
      const share = Math.abs(target.scale / from.scale - 1) < 1e-3
        ? eased
        : (1 / from.scale - 1 / scale) / (1 / from.scale - 1 / target.scale);
      this.setView({ x: from.x + (target.x - from.x) * share, y: from.y + (target.y - from.y) * share, scale });
      this.flight = t < 1 ? requestAnimationFrame(step) : undefined;
    };
    this.flight = requestAnimationFrame(step);
  }

  /** Zoom by a factor; the place under the pointer, or else the middle, stays where it is. */
  zoom(factor, atX = this.width / 2, atY = this.height / 2) {
    const { x, y, scale } = this.view;
    const next = Math.min(Math.max(scale * factor, this.fittedScale * 0.5), this.largestScale);
    const moved = 1 / scale - 1 / next;
    this.show({ x: x + (atX - this.width / 2) * moved, y: y + (atY - this.height / 2) * moved, scale: next });
  }

  /** Move the view by CSS pixels. */
  pan(right, down) {
    const { x, y, scale } = this.view;
    this.show({ x: x + right / scale, y: y + down / scale, scale });
  }

  /** Draw before the browser next paints. Several changes in between are drawn once. */
  redraw() {
    this.pending ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.pending);
    this.pending = undefined;
    this.drawPoints();
    const { context } = this;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    this.drawThreads();
    this.placeLabels();
    this.drawLabels();
  }

  drawPoints() {
    const { pixels, image, margin, ratio, view, byGroup, onlyGroup } = this;
    const { ids, x, y, group, size, rank } = this.points;
    pixels.fill(packed(channels(this.colours.paper)));
    const scale = view.scale * ratio;
    const left = image.width / 2 - view.x * scale + 0.5;
    const top = image.height / 2 - view.y * scale + 0.5;
    const [last, lowest] = [image.width - margin, image.height - margin];
    const dim = this.chosen.length > 0 || onlyGroup >= 0;
    // Points grow more slowly than the map, and are smaller the more words there are.
    const zoomed = Math.max(0, Math.log2(view.scale / this.fittedScale));
    const density = Math.min(1, Math.sqrt((this.width * this.height) / (ids.length * 30)));
    const smallest = 0.5 + 0.5 * density + 0.25 * zoomed;
    for (let i = 0; i < ids.length; i++) {
      const px = Math.floor(x[i] * scale + left);
      const py = Math.floor(y[i] * scale + top);
      if (!(px >= margin && px < last && py >= margin && py < lowest)) continue;
      const hue = byGroup ? group[i] : 9 + rank[i];
      const faint = dim && group[i] !== onlyGroup ? 1 : 0;
      const quarters = Math.round(Math.min(smallest + size[i], LARGEST_POINT) * ratio * 4);
      const number = (quarters * 16 + hue) * 2 + faint;
      const sprite = this.sprites[number] ?? (this.sprites[number] = this.makeSprite(quarters / 4, hue, faint));
      stamp(sprite, pixels, py * image.width + px);
    }
    this.context.putImageData(image, -margin, -margin);
  }

  /**
   * Make a round point: for each of its pixels the offset from the middle, how much of the background remains, in
   * 256ths, and the colour multiplied by what is covered. Red and blue are in one number, as both are blended at once.
   */
  makeSprite(radius, hue, faint) {
    const reach = Math.ceil(radius);
    const [red, green, blue] = hue < 9 ? this.groupColours[hue] : this.rankColours[hue - 9];
    const parts = [];
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) {
        const covered = Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(dx, dy)));
        const share = Math.round(256 * covered * (faint ? 0.24 : 0.82));
        if (share < 24) continue; // hardly to be seen, and would take as long as the others
        parts.push(dy * this.image.width + dx, 256 - share, ((blue << 16) | red) * share, (green << 8) * share);
      }
    }
    return Int32Array.from(parts);
  }

  /** Draw a line from the chosen word to each of its nearest, and a ring around each of them. */
  drawThreads() {
    const { context, colours } = this;
    const [from] = this.chosen.length === 1 ? this.chosen : [];
    context.strokeStyle = colours.accent;
    context.lineWidth = 1;
    if (from !== undefined) {
      context.globalAlpha = 0.35;
      context.beginPath();
      for (const id of this.near) {
        context.moveTo(this.screenX(from), this.screenY(from));
        context.lineTo(this.screenX(id), this.screenY(id));
      }
      context.stroke();
      context.globalAlpha = 1;
    }
    const dot = (id, radius, fill) => {
      context.beginPath();
      context.arc(this.screenX(id), this.screenY(id), radius, 0, 2 * Math.PI);
      context.fillStyle = fill;
      context.fill();
      context.stroke();
    };
    context.lineWidth = 1.5;
    for (const id of this.near) dot(id, 3.5, colours.paper);
    context.lineWidth = 2;
    for (const id of this.chosen) dot(id, 5, colours.accent);
  }

  /** Choose the labels: those of the query first, then frequent words, each if no other label is in its way. */
  placeLabels() {
    const { table, width, height } = this;
    const columns = Math.ceil(width / CELL) + 1;
    const rows = Math.ceil(height / CELL) + 1;
    const taken = new Uint8Array(columns * rows);
    this.labels = [];
    for (const { left, top, w, h } of this.covered) this.takeCells(left, top, w, h, taken, columns);
    const marked = new Set([...this.chosen, ...this.near]);
    this.marks = [...marked].map((id) => ({ x: this.screenX(id), y: this.screenY(id) }));
    for (const id of this.chosen) this.place(id, taken, columns, "chosen");
    for (const id of this.near) this.place(id, taken, columns, "near");
    if (this.hovered >= 0 && !marked.has(this.hovered)) this.place(this.hovered, taken, columns, "hovered");
    // An answer stands out better among fewer other words.
    const most = Math.ceil((width * height) / AREA_PER_LABEL / (marked.size ? 2 : 1));
    // The place on the screen is computed here and not by a method, because this runs for every word of the map.
    const { x, y, group } = table;
    const { x: middleX, y: middleY, scale } = this.view;
    for (let id = 0; id < table.count && this.labels.length < most; id++) {
      const sx = (x[id] - middleX) * scale + width / 2;
      const sy = (y[id] - middleY) * scale + height / 2;
      if (!(sx >= 0 && sx <= width && sy >= 0 && sy <= height)) continue;
      if (this.onlyGroup >= 0 && group[id] !== this.onlyGroup) continue;
      if (enclosed(taken, Math.floor(sy / CELL) * columns + Math.floor(sx / CELL), columns)) continue;
      if (marked.has(id) || id === this.hovered) continue;
      this.place(id, taken, columns, "");
    }
  }

  /** Place the label of one word to the right of its point, to the left, above or below. */
  place(id, taken, columns, kind) {
    const size = kind ? 14.5 : labelSize(id);
    const text = shortened(this.table.words[id]);
    const w = Math.max(NARROWEST_LABEL, Math.ceil((this.measure(id, text) * size) / 100) + 2);
    const h = Math.ceil(size * 1.25);
    let x = this.screenX(id);
    let y = this.screenY(id);
    let edge = null;
    if (kind && (x < 0 || y < 0 || x > this.width || y > this.height)) {
      // A word of the query outside the view is marked at the edge, where the line to it leaves the view.
      if (kind === "hovered") return;
      edge = this.edgePoint(x, y);
      ({ x, y } = edge);
    }
    const gap = kind ? 8 : 5;
    const tries = [[x + gap, y - h / 2], [x - gap - w, y - h / 2], [x - w / 2, y - gap - h], [x - w / 2, y + gap]];
    // Labels of the query may stand further from their points, or aslant.
    for (const far of kind ? [6, 14, 24, 36, 50, 66] : []) {
      for (const side of [x + far, x - far - w]) tries.push([side, y - far - h], [side, y + far]);
    }
    for (let [left, top] of tries) {
      if (kind) {
        // These labels are moved rather than left out.
        left = Math.min(Math.max(left, 2), Math.max(2, this.width - w - 2));
        top = Math.min(Math.max(top, 2), Math.max(2, this.height - h - 2));
      }
      // No label hides a point of the query, such as its own.
      const hides = (mark) => mark.x > left - 4 && mark.x < left + w + 4 && mark.y > top - 4 && mark.y < top + h + 4;
      if (this.marks.some(hides)) continue;
      if (this.takeCells(left, top, w, h, taken, columns)) {
        this.labels.push({ id, text, x: left, y: top, w, h, size, kind, edge });
        return;
      }
    }
  }

  /** Take the cells of a box if all of them are free and the box is on the canvas. */
  takeCells(left, top, w, h, taken, columns) {
    if (left < 0 || top < 0 || left + w > this.width || top + h > this.height) return false;
    const [c0, c1] = [Math.floor(left / CELL), Math.floor((left + w) / CELL)];
    const [r0, r1] = [Math.floor(top / CELL), Math.floor((top + h) / CELL)];
    for (let row = r0; row <= r1; row++) {
      for (let column = c0; column <= c1; column++) if (taken[row * columns + column]) return false;
    }
    for (let row = r0; row <= r1; row++) taken.fill(1, row * columns + c0, row * columns + c1 + 1);
    return true;
  }

  /** Return where the line from the middle to a place outside leaves the view, and its direction. */
  edgePoint(x, y) {
    const [dx, dy] = [x - this.width / 2, y - this.height / 2];
    const margin = 12;
    const share = Math.min((this.width / 2 - margin) / Math.abs(dx), (this.height / 2 - margin) / Math.abs(dy));
    return { x: this.width / 2 + dx * share, y: this.height / 2 + dy * share, angle: Math.atan2(dy, dx) };
  }

  measure(id, text) {
    if (!this.widths[id]) {
      // One weight for all: bold letters are a little wider, which the factor allows for.
      this.context.font = `600 100px ${this.font}`;
      this.widths[id] = this.context.measureText(text).width;
    }
    return this.widths[id];
  }

  drawLabels() {
    const { context, colours } = this;
    const asked = this.chosen.length > 0;
    // The labels of the query were placed first and are drawn last, on top of lines and points.
    for (const label of [...this.labels].reverse()) {
      const { id, text, x, y, size, kind, edge } = label;
      const strong = kind || (!asked && size > 12);
      const colour = kind === "chosen" ? colours.accent : strong ? colours.ink : colours.quiet;
      const image = this.labelImage(text, kind || (!asked && id < 100) ? 600 : 400, size, colour, label);
      // On whole pixels of the screen, letters are sharp.
      const snap = (value) => Math.round(value * this.ratio) / this.ratio;
      context.drawImage(image, snap(x) - HALO, snap(y) - HALO, image.width / this.ratio, image.height / this.ratio);
      if (edge) this.drawArrow(edge);
      else if (kind) this.drawLeader(label);
    }
  }

  /** Draw a short line from a label that stands off to its point. */
  drawLeader({ id, x, y, w, h }) {
    const { context } = this;
    const [px, py] = [this.screenX(id), this.screenY(id)];
    const nearest = (value, low, high) => Math.min(Math.max(value, low), high);
    const [toX, toY] = [nearest(px, x, x + w), nearest(py, y + 2, y + h - 2)];
    const distance = Math.hypot(px - toX, py - toY);
    if (distance < 11) return;
    context.strokeStyle = this.colours.quiet;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(px + ((toX - px) * 5) / distance, py + ((toY - py) * 5) / distance);
    context.lineTo(toX, toY);
    context.stroke();
  }

  /** Return the picture of a label. It is kept, because drawing letters with a halo takes long, and frames repeat it. */
  labelImage(text, weight, size, colour, { w, h }) {
    const key = `${weight} ${size} ${colour} ${text}`;
    let image = this.labelImages.get(key);
    if (image) return image;
    if (this.labelImages.size > 3000) this.labelImages.clear();
    image = document.createElement("canvas");
    image.width = Math.ceil((w + 2 * HALO) * this.ratio);
    image.height = Math.ceil((h + 2 * HALO) * this.ratio);
    const context = image.getContext("2d", { willReadFrequently: true });
    context.scale(this.ratio, this.ratio);
    Object.assign(context, { textBaseline: "middle", textAlign: "center", lineJoin: "round", lineWidth: 2 * HALO });
    context.font = `${weight} ${size}px ${this.font}`;
    context.strokeStyle = this.colours.paper;
    context.fillStyle = colour;
    context.strokeText(text, HALO + w / 2, HALO + h / 2);
    context.fillText(text, HALO + w / 2, HALO + h / 2);
    this.labelImages.set(key, image);
    return image;
  }

  drawArrow({ x, y, angle }) {
    const { context } = this;
    context.save();
    context.translate(x, y);
    context.rotate(angle);
    context.beginPath();
    context.moveTo(8, 0);
    context.lineTo(-4, -5);
    context.lineTo(-4, 5);
    context.closePath();
    context.fillStyle = this.colours.accent;
    context.fill();
    context.restore();
  }

  /** Return the id of the word at a place on the canvas: of the label there, or of the nearest point; −1 if none. */
  wordAt(atX, atY) {
    for (const { id, x, y, w, h } of this.labels) {
      if (atX >= x && atX <= x + w && atY >= y && atY <= y + h) return id;
    }
    let [found, least] = [-1, 12 * 12];
    for (let id = 0; id < this.table.count; id++) {
      const distance = (this.screenX(id) - atX) ** 2 + (this.screenY(id) - atY) ** 2;
      if (distance < least) [found, least] = [id, distance];
    }
    return found;
  }

  hover(id) {
    if (id === this.hovered) return;
    this.hovered = id;
    this.canvas.classList.toggle("pointing", id >= 0);
    this.redraw();
  }
}

/**
 * Arrange the points in the order in which they are drawn. The most frequent words come last, on top, and the most
 * frequent of all at the end. The others come from top to bottom, so that their pixels are near in memory: that takes
 * half the time.
 */
function arranged(table) {
  const { count } = table;
  const all = Uint32Array.from({ length: count }, (_, id) => id);
  const ids = new Uint32Array(count);
  ids.set(all.slice(ON_TOP).sort((one, other) => table.y[one] - table.y[other]));
  ids.set(all.slice(0, ON_TOP).reverse(), Math.max(0, count - ON_TOP));
  return {
    ids,
    x: Float32Array.from(ids, (id) => table.x[id]),
    y: Float32Array.from(ids, (id) => table.y[id]),
    group: Uint8Array.from(ids, (id) => table.group[id]),
    rank: Uint8Array.from(ids, (id) => rankOf(id, count)),
    size: Float32Array.from(ids, (id) => 2.2 / (1 + id / 60) ** 0.45), // CSS pixels of the radius, beside the smallest
  };
}

/** Return how frequent a word is among all: from 0 to 4, fifths of the logarithm of its rank. */
function rankOf(id, count) {
  return Math.min(4, Math.floor((5 * Math.log(id + 1)) / Math.log(count + 1)));
}

/**
 * Tell whether the smallest label of a point in this cell would cover a taken cell on each of its four sides. Most words
 * of a full map are enclosed, and need no closer look.
 */
function enclosed(taken, at, columns) {
  const above = at - columns;
  const below = at + columns;
  return (
    (taken[at + 1] || taken[at + 2] || taken[above + 1] || taken[above + 2] || taken[below + 1] || taken[below + 2])
    && (taken[at - 1] || taken[at - 2] || taken[above - 1] || taken[above - 2] || taken[below - 1] || taken[below - 2])
    && (taken[above] || taken[above - columns] || taken[above - 2 * columns])
    && (taken[below] || taken[below + columns] || taken[below + 2 * columns])
  );
}

/** Blend a point into the pixels of an image. */
function stamp(sprite, pixels, middle) {
  for (let i = 0; i < sprite.length; i += 4) {
    const at = middle + sprite[i];
    const old = pixels[at];
    const remains = sprite[i + 1];
    const redBlue = ((Math.imul(old & 0xff00ff, remains) + sprite[i + 2]) >>> 8) & 0xff00ff;
    const green = ((Math.imul(old & 0x00ff00, remains) + sprite[i + 3]) >>> 8) & 0x00ff00;
    pixels[at] = 0xff000000 | redBlue | green;
  }
}

/** Return the size of a word's label in CSS pixels: frequent words are larger. */
function labelSize(id) {
  return id < 20 ? 15 : id < 100 ? 13.5 : id < 1000 ? 12.5 : 11.5;
}

function shortened(word) {
  if (word.length <= LONGEST_LABEL) return word;
  return `${[...word].slice(0, LONGEST_LABEL - 1).join("")}…`;
}

/** Return red, green and blue of a colour such as #12abef. */
function channels(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

/** Return a colour as the pixel of an image. */
function packed([red, green, blue]) {
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}

// The words with their vectors, and what can be asked of them. Nothing here draws or touches the page.

const MINUS = /[\u2212\u2013]/g; // a minus sign and a dash, which people type or paste for "-"

/** Unpack the data of the page; see `pack` in packing.py for the order of its parts. */
async function unpack(text) {
  const bytes = Uint8Array.fromBase64
    ? Uint8Array.fromBase64(text)
    : Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const unzipped = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const data = await new Response(unzipped).arrayBuffer();
  const view = new DataView(data);
  let at = 0;
  const part = (length) => data.slice(at, (at += length));
  const json = () => {
    const length = view.getUint32(at, true);
    at += 4;
    return JSON.parse(new TextDecoder().decode(part(length)));
  };
  const header = json();
  const spellings = json();
  const n = header.words;
  const x = new Uint16Array(part(2 * n));
  const y = new Uint16Array(part(2 * n));
  const group = new Uint8Array(part(n));
  return new WordTable(header, spellings, x, y, group, new Int8Array(part(n * header.dim)));
}

/** Words, most frequent first. A word's index is its id. */
class WordTable {
  constructor(header, words, x, y, group, vectors) {
    this.header = header;
    this.words = words;
    this.count = words.length;
    this.dim = header.dim;
    this.group = group;
    this.vectors = vectors;
    // Places from 0 to 1.
    this.x = Float32Array.from(x, (value) => value / 65535);
    this.y = Float32Array.from(y, (value) => value / 65535);
    // A Map and not an object: a word may be "__proto__".
    this.ids = new Map();
    for (let id = this.count - 1; id >= 0; id--) this.ids.set(words[id], id);
    this.made = {};
  }

  /** Make something once, when it is first needed. */
  once(name, make) {
    return (this.made[name] ??= make());
  }

  /** One over the length of every vector; 0 for a vector of zeros, so that its cosines are 0. */
  get inverseNorms() {
    return this.once("norms", () => {
      const { count, dim, vectors } = this;
      const inverse = new Float64Array(count);
      for (let id = 0, at = 0; id < count; id++) {
        let sum = 0;
        for (let i = 0; i < dim; i++, at++) sum += vectors[at] * vectors[at];
        inverse[id] = sum ? 1 / Math.sqrt(sum) : 0;
      }
      return inverse;
    });
  }

  get lowerCase() {
    return this.once("lower", () => this.words.map((word) => word.toLowerCase()));
  }

  /** Return the id of a word: as it is spelled, without white space around it, in another normal form, in any case. */
  find(text) {
    const trimmed = text.trim();
    const spellings = [text, trimmed, trimmed.normalize("NFC"), trimmed.normalize("NFD"), trimmed.replace(MINUS, "-")];
    for (const spelling of spellings) {
      const id = this.ids.get(spelling);
      if (id !== undefined) return id;
    }
    const lower = this.lowerCase.indexOf(trimmed.normalize("NFC").toLowerCase());
    return lower < 0 ? undefined : lower;
  }

  /**
   * Parse a word, or a sum such as "king - man + woman", into terms with an id, or without one if unknown.
   * A text that is itself a known word is that word. A sign counts only at the start or after white space.
   */
  parse(text) {
    const whole = this.find(text);
    if (whole !== undefined) return [{ sign: 1, id: whole, text }];
    const [first, ...rest] = text.trim().split(/(?:^|\s+)([+\u2212\u2013-])\s*/);
    const terms = first || !rest.length ? [{ sign: 1, text: first }] : [];
    for (let i = 0; i < rest.length; i += 2) terms.push({ sign: rest[i] === "+" ? 1 : -1, text: rest[i + 1] });
    for (const term of terms) term.id = this.find(term.text);
    return terms;
  }

  /**
   * Return the k nearest words to a sum of words, best first, as `w2v similar` and `w2v analogy` do: the direction is
   * the sum of the words' unit vectors, the words themselves are no answers, and of equal scores the more frequent
   * word comes first.
   */
  nearest(terms, k) {
    const { count, dim, vectors, inverseNorms } = this;
    const direction = new Float64Array(dim);
    for (const { sign, id } of terms) {
      const scale = sign * inverseNorms[id];
      for (let i = 0; i < dim; i++) direction[i] += scale * vectors[id * dim + i];
    }
    const length = Math.hypot(...direction);
    if (length) for (let i = 0; i < dim; i++) direction[i] /= length;
    const own = new Set(terms.map((term) => term.id));
    const best = []; // ascending ids of equal scores stay in their order
    let least = -Infinity;
    for (let id = 0, at = 0; id < count; id++, at += dim) {
      let sum = 0;
      for (let i = 0; i < dim; i++) sum += direction[i] * vectors[at + i];
      const score = sum * inverseNorms[id];
      if (score <= least || own.has(id)) continue;
      let place = best.length;
      while (place && best[place - 1].score < score) place--;
      best.splice(place, 0, { id, score });
      if (best.length > k) best.pop();
      if (best.length === k) least = best[k - 1].score;
    }
    return best;
  }

  /** Return up to `most` words that begin with these letters in any case, most frequent first. */
  beginningWith(text, most) {
    const start = text.toLowerCase();
    const found = [];
    const { lowerCase } = this;
    for (let id = 0; id < this.count && found.length < most; id++) {
      if (lowerCase[id].startsWith(start)) found.push(id);
    }
    return found;
  }

  /** Return up to `most` words with a spelling near an unknown one: at most two letters differ, or one in short words. */
  spelledLike(text, most) {
    const letters = [...text.toLowerCase()];
    const limit = letters.length < 4 ? 1 : 2;
    const found = [[], [], []];
    this.lowerCase.forEach((word, id) => {
      if (Math.abs(word.length - text.length) > limit + 1) return;
      const edits = editsBetween(letters, [...word], limit);
      if (edits <= limit) found[edits].push(id);
    });
    return found.flat().slice(0, most);
  }
}

/** Count the letters to insert, remove or replace between two words; more than `limit` is not counted further. */
function editsBetween(one, other, limit) {
  if (Math.abs(one.length - other.length) > limit) return limit + 1;
  let above = Array.from({ length: other.length + 1 }, (_, j) => j);
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= other.length; j++) {
      row[j] = Math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (one[i - 1] !== other[j - 1]));
    }
    if (Math.min(...row) > limit) return limit + 1;
    above = row;
  }
  return above[other.length];
}

// Restores a .tflite that tfedge packed (TFP1). Written by tfedge; change nothing here.
//
// The bytes came over a network: no size in them is believed, and the work is bounded by `size`,
// which the caller knows. Whether the result is the right file, its SHA-256 tells.

const [MOST_SPANS, MOST_TABLES, MOST_LANES, MOST_STEPS] = [1 << 14, 1 << 14, 1 << 16, 1 << 17];
const [WHOLE, PARTS] = [0, 2];
const [STORED, DEFLATED, LZMA, PRIMED] = [0, 1, 2, 3];
const [BYTES, NIBBLES, WORDS, CODEBOOK, PRODUCT] = [0, 1, 2, 3, 4];
const PRIMER_BYTES = 48144; // of what the primer itself unpacks to
const TOTAL = 1 << 14; // what the frequencies of a table add up to

/**
 * The file.
 * @param {Uint8Array} packed what was fetched
 * @param {Uint8Array} primer tfedge_primer.lzma
 * @param {number} size bytes of the file
 * @returns {Promise<Uint8Array>}
 */
export async function unpack(packed, primer, size) {
  const reader = new Reader(packed);
  need(String.fromCharCode(...reader.take(4)) === 'TFP1', 'it does not begin with TFP1');
  const mode = reader.byte();
  reader.take(32); // its SHA-256: the caller knows which one it has to be
  const told = reader.varint();
  need(told === size, `it says ${told} bytes, not ${size}`);
  if (mode === WHOLE) return expanded(reader.rest(), primer, size);
  need(mode === PARTS, `mode ${mode} is not known here`);
  return new Parts(reader, size).file(primer);
}

function need(holds, cause) {
  if (!holds) throw new Error(`the packed model is damaged: ${cause}`);
}

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }
  take(count) {
    need(count <= this.bytes.length - this.at, 'it ends early');
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }
  rest() {
    return this.take(this.bytes.length - this.at);
  }
  byte() {
    need(this.at < this.bytes.length, 'it ends early');
    return this.bytes[this.at++];
  }
  varint() {
    let value = 0;
    for (let place = 0; place < 5; place++) {
      const byte = this.byte();
      value += (byte & 127) * 2 ** (7 * place);
      if (byte < 128) return value;
    }
    need(false, 'a length is too long');
  }
}

/** Numbers in bits, the most significant first. */
class Bits {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }
  fixed(width) {
    let value = 0;
    for (let i = 0; i < width; i++, this.at++) {
      need(this.at >> 3 < this.bytes.length, 'its plan ends early');
      value = value * 2 + ((this.bytes[this.at >> 3] >> (7 - (this.at & 7))) & 1);
    }
    return value;
  }
  /** Exp-Golomb of this order. */
  number(order = 0) {
    let zeros = 0;
    while (!this.fixed(1)) need(++zeros + order <= 30, 'a number is too long');
    return 2 ** (zeros + order) + this.fixed(zeros + order) - 2 ** order;
  }
  signed(order) {
    const value = this.number(order);
    return value & 1 ? -(value + 1) / 2 : value / 2;
  }
}

/** Spans of the file that are coded, and the skeleton that is left without them. */
class Parts {
  constructor(reader, size) {
    const [plan, piece, skeleton, raw, lanes] = Array.from({length: 5}, () => reader.varint());
    need(lanes <= MOST_LANES && skeleton <= size, 'its sizes make no sense');
    this.carried = Math.min(2 * lanes, piece);
    this.bits = new Bits(reader.take(plan));
    this.piece = reader.take(piece - this.carried);
    this.raw = new Reader(reader.take(raw));
    const states = reader.take(4 * lanes);
    const view = new DataView(states.buffer, states.byteOffset, states.length);
    this.states = Uint32Array.from({length: lanes}, (_, i) => view.getUint32(4 * i, true));
    this.words = new Reader(reader.rest());
    this.skeletonBytes = skeleton;
    this.found = new Uint8Array(size);
    this.tables = MOST_TABLES;
    this.steps = MOST_STEPS;
    this.lengths = []; // the last one first
    this.single = []; // the last one first
  }

  async file(primer) {
    const spans = this.spans();
    need(this.raw.rest().length === 0, 'bytes belong nowhere');
    const skeleton = await expanded(this.wholePiece(), primer, this.skeletonBytes);
    let [taken, at] = [0, 0];
    for (const {position, length} of [...spans, {position: this.found.length, length: 0}]) {
      need(position - at <= skeleton.length - taken, 'its parts do not add up');
      this.found.set(skeleton.subarray(taken, taken + position - at), at);
      taken += position - at;
      at = position + length;
    }
    need(taken === skeleton.length, 'its parts do not add up');
    this.multiply(spans.filter(({product}) => product));
    return this.found;
  }

  /** The piece of the skeleton, whose first bytes the lanes began with. */
  wholePiece() {
    need(this.words.rest().length === 0, 'words are left over');
    const begin = new Uint8Array(2 * this.states.length);
    this.states.forEach((state, i) => {
      need(state >= 65536 && state < 131072, 'its lanes do not end where they should');
      [begin[2 * i], begin[2 * i + 1]] = [state & 255, (state >> 8) & 255];
    });
    return joined(begin.subarray(0, this.carried), this.piece);
  }

  spans() {
    const count = this.bits.number(4);
    need(count <= MOST_SPANS, 'it has too many spans');
    let end = 0;
    return Array.from({length: count}, () => {
      const position = end + this.bits.number(6);
      const length = this.length();
      end = position + length;
      need(end <= this.found.length, 'a span lies behind the end');
      return {position, length, product: this.span(position, length)};
    });
  }

  /** One that was there before, or another. */
  length() {
    const place = this.bits.fixed(1) ? this.bits.number() : -1;
    need(place < this.lengths.length, 'a length was never there');
    const length = place < 0 ? this.bits.number(8) : this.lengths[place];
    this.lengths = [length, ...this.lengths.filter((each) => each !== length)];
    return length;
  }

  /** Writes the span, or tells what it is a product of. */
  span(position, length) {
    const to = this.found.subarray(position, position + length);
    const kind = this.bits.fixed(3);
    if (kind === PRODUCT) {
      const product = {factor: this.bits.number(12), others: this.bits.number(12)};
      const last = Math.max(product.factor + 4, product.others + length);
      need(last <= this.found.length && length % 4 === 0, 'a product lies behind the end');
      return product;
    }
    if (kind === BYTES) {
      this.plane(length).forEach((symbol, i) => (to[i] = symbol ^ 128));
    } else if (kind === NIBBLES) {
      const halves = this.plane(2 * length);
      for (let i = 0; i < length; i++) to[i] = (halves[2 * i] ^ 8) & 15 | (halves[2 * i + 1] ^ 8) << 4;
    } else {
      const width = 1 << this.bits.fixed(2);
      need(length % width === 0 && (kind === WORDS || kind === CODEBOOK), 'a span is of no known kind');
      if (kind === WORDS) this.wordsInto(to, width);
      else this.codesInto(to, width);
    }
    return undefined;
  }

  codesInto(to, width) {
    const count = this.bits.fixed(8) + 1;
    const book = Array.from({length: count}, () =>
      Uint8Array.from({length: width}, () => this.bits.fixed(8)).reverse());
    this.plane(to.length / width).forEach((symbol, i) => {
      need(symbol < count, 'a value is not in its book');
      to.set(book[symbol], i * width);
    });
  }

  wordsInto(to, width) {
    const [transform, sparse, count] = [this.bits.fixed(2), this.bits.fixed(1), to.length / width];
    const planes = [this.plane(count)];
    while (planes.length < width) {
      const there = sparse ? planes[0].filter((symbol) => symbol).length : count;
      const symbols = this.plane(there);
      if (!sparse) planes.push(symbols);
      else {
        let next = 0;
        planes.push(planes[0].map((symbol) => (symbol ? symbols[next++] : 0)));
      }
    }
    for (let i = 0; i < count; i++) {
      const low = planes[width - 1][i] & 1;
      let carry = transform === 2 ? low : 0; // the bit that is rotated to the top
      for (let j = 0; j < width; j++) {
        const byte = planes[j][i];
        const moved = (carry << 7) | (byte >> 1);
        const kept = transform === 1 || transform === 2 ? moved : byte;
        to[i * width + width - 1 - j] = transform === 1 && low ? ~kept : kept;
        carry = byte & 1;
      }
    }
  }

  /** Symbols: raw, by a table used before, or by tables of their own. */
  plane(count) {
    if (this.bits.fixed(1)) return this.raw.take(count);
    if (this.bits.fixed(1)) {
      const [known] = this.single.splice(this.bits.number(), 1);
      need(known, 'a table was never there');
      this.single.unshift(known);
      return this.symbols(count, ...known);
    }
    const [rows, columns] = [this.bits.fixed(2) + 1, this.bits.fixed(2) + 1];
    if (rows * columns === 1) {
      const alphabet = this.alphabet();
      const made = [alphabet, this.tablesOf(1, alphabet.length)];
      this.single.unshift(made);
      return this.symbols(count, ...made);
    }
    const height = this.bits.number(5);
    need(height && height <= count && count % height === 0, 'rows do not divide a plane');
    const classes = (size, length) =>
      this.symbols(length, Uint8Array.from({length: size}, (_, i) => i), this.tablesOf(1, size));
    const [ofRow, wide] = [classes(rows, height), count / height];
    const ofColumn = classes(columns, wide);
    const alphabet = this.alphabet();
    const tables = this.tablesOf(rows * columns, alphabet.length);
    return this.symbols(count, alphabet, tables,
      (i) => ofRow[Math.floor(i / wide)] * columns + ofColumn[i % wide]);
  }

  /** The symbols that there are: some and the gaps between, or runs of them. */
  alphabet() {
    const found = [];
    if (this.bits.fixed(1)) {
      const [size, order] = [this.bits.number(3) + 1, this.bits.fixed(3)];
      need(size <= 256, 'an alphabet is too large');
      for (let symbol = -1; found.length < size; found.push(symbol)) symbol += this.bits.number(order) + 1;
    } else {
      let symbol = 0;
      for (let runs = this.bits.number() + 1; runs > 0; runs--, symbol++) {
        symbol += this.bits.number(2);
        const end = symbol + this.bits.number(2) + 1;
        need(end <= 256, 'an alphabet is too large');
        while (symbol < end) found.push(symbol++);
      }
    }
    need(found.at(-1) < 256, 'an alphabet is too large');
    return Uint8Array.from(found);
  }

  /** Where each symbol's range begins, and the end of the last one. */
  tablesOf(count, size) {
    this.tables -= count;
    need(this.tables >= 0, 'it has too many tables');
    return Array.from({length: count}, () => {
      const ends = [0];
      for (const frequency of frequencies(this.levels(size))) ends.push(ends.at(-1) + frequency);
      return Uint16Array.from(ends);
    });
  }

  levels(size) {
    const levels = size === 1 ? [0] : [];
    let level = 0;
    while (levels.length < size) {
      const run = this.bits.number() + 1;
      level += this.bits.signed(1);
      need(level >= 0 && level <= 87 && levels.length + run <= size, 'a table makes no sense');
      for (let i = 0; i < run; i++) levels.push(level);
    }
    return levels;
  }

  /** The next symbols of the lanes, by the only table or by the one that `chosen` tells. */
  symbols(count, alphabet, tables, chosen = (_) => 0) {
    const found = new Uint8Array(count).fill(alphabet[0]);
    if (alphabet.length === 1) return found;
    const lanes = this.states.length;
    this.steps -= lanes ? Math.ceil(count / lanes) : MOST_STEPS + 1;
    need(this.steps >= 0, 'it has too few lanes');
    for (let i = 0, lane = 0; i < count; i++, lane = lane + 1 < lanes ? lane + 1 : 0) {
      const state = this.states[lane];
      const begins = tables[chosen(i)];
      const slot = state & (TOTAL - 1);
      let low = 0;
      let high = alphabet.length;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (begins[middle] <= slot) low = middle;
        else high = middle;
      }
      found[i] = alphabet[low];
      const next = (begins[low + 1] - begins[low]) * (state >>> 14) + slot - begins[low];
      this.states[lane] = next < 65536 ? next * 65536 + this.word() : next;
    }
    return found;
  }

  word() {
    return this.words.byte() + 256 * this.words.byte();
  }

  multiply(products) {
    const view = new DataView(this.found.buffer);
    for (const {position, length, product} of products) {
      const factor = view.getFloat32(product.factor, true);
      const others = Float32Array.from({length: length / 4}, (_, i) => view.getFloat32(product.others + 4 * i, true));
      others.forEach((other, i) => view.setFloat32(position + 4 * i, factor * other, true));
    }
  }
}

/** Each weight's share of TOTAL. */
function frequencies(levels) {
  const weights = levels.map((level) => (4 + (level % 4)) * 2 ** (level >> 2));
  const sum = weights.reduce((all, weight) => all + weight, 0);
  const found = weights.map((weight) => Math.max(1, Math.floor((2 * weight * TOTAL + sum) / (2 * sum))));
  let left = TOTAL - found.reduce((all, each) => all + each, 0);
  const largest = () => found.indexOf(Math.max(...found));
  for (; left < 0; left++) found[largest()]--;
  found[largest()] += left;
  return found;
}

function joined(first, second) {
  const found = new Uint8Array(first.length + second.length);
  found.set(first);
  found.set(second, first.length);
  return found;
}

async function expanded(piece, primer, size) {
  const reader = new Reader(piece);
  const method = reader.byte();
  let found;
  if (method === STORED) found = reader.rest();
  else if (method === DEFLATED) found = await inflated(reader.rest(), size);
  else if (method === LZMA) {
    const properties = reader.byte();
    const [pb, rest] = [Math.floor(properties / 45), properties % 45];
    found = new Lzma(reader.rest(), rest % 9, Math.floor(rest / 9), pb).unpack(size);
  } else {
    need(method === PRIMED, `method ${method} is not known here`);
    const shared = new Reader(primer).take(reader.varint());
    found = new Lzma(joined(shared, reader.rest()), 0, 2, 2).unpack(PRIMER_BYTES + size).subarray(PRIMER_BYTES);
  }
  need(found.length === size, 'a part does not give the bytes it should');
  return found;
}

async function inflated(bytes, size) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  const reader = stream.getReader();
  const found = new Uint8Array(size);
  for (let at = 0; ;) {
    const {done, value} = await reader.read();
    if (done) return found.subarray(0, at);
    need(value.length <= size - at, 'a part does not give the bytes it should');
    found.set(value, at);
    at += value.length;
  }
}

const chances = (count) => new Uint16Array(count).fill(1024);
const lengths = () => ({
  choice: chances(2), low: chances(16 << 3), middle: chances(16 << 3), high: chances(256),
});

/** A raw LZMA1 stream with an end marker; the output is its own dictionary. */
class Lzma {
  constructor(bytes, lc, lp, pb) {
    need(lc + lp <= 4 && pb <= 4, 'its LZMA has no such properties');
    this.reader = new Reader(bytes);
    this.lc = lc;
    this.lp = lp;
    this.pb = pb;
    this.range = 2 ** 32 - 1;
    this.code = 0;
    this.literals = chances(0x300 << (lc + lp));
    this.isMatch = chances(12 << 4);
    this.isRep = chances(12);
    this.isRep0 = chances(12);
    this.isRep1 = chances(12);
    this.isRep2 = chances(12);
    this.isRep0Long = chances(12 << 4);
    this.slots = chances(4 << 6);
    this.special = chances(128);
    this.align = chances(16);
    this.matchLengths = lengths();
    this.repLengths = lengths();
    need(this.reader.byte() === 0, 'its LZMA begins wrong');
    for (const byte of this.reader.take(4)) this.code = this.code * 256 + byte;
  }

  /** At most `size` bytes: a stream that goes on is refused. */
  unpack(size) {
    const found = new Uint8Array(size);
    const reps = [0, 0, 0, 0];
    let [at, state] = [0, 0];
    for (;;) {
      const place = at & ((1 << this.pb) - 1);
      if (!this.bit(this.isMatch, state << 4 | place)) {
        need(at < size, 'its LZMA goes on');
        found[at] = this.literal(found, at, state < 7 ? -1 : at - reps[0] - 1);
        at++;
        state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
        continue;
      }
      let length;
      if (!this.bit(this.isRep, state)) {
        length = this.length(this.matchLengths, place);
        const distance = this.distance(Math.min(length, 3));
        if (distance === 2 ** 32 - 1) {
          need(this.reader.rest().length === 0 && this.code === 0, 'bytes follow its LZMA');
          return found.subarray(0, at);
        }
        reps.unshift(distance);
        reps.pop();
        state = state < 7 ? 7 : 10;
        length += 2;
      } else {
        length = this.repeated(reps, state, place);
        state = length === 1 ? (state < 7 ? 9 : 11) : state < 7 ? 8 : 11;
      }
      need(reps[0] < at && length <= size - at, 'its LZMA makes no sense');
      for (const end = at + length; at < end; at++) found[at] = found[at - reps[0] - 1];
    }
  }

  /** The length of a match at one of the last four distances, which comes to the front. */
  repeated(reps, state, place) {
    if (!this.bit(this.isRep0, state)) {
      if (!this.bit(this.isRep0Long, state << 4 | place)) return 1;
    } else {
      const which = !this.bit(this.isRep1, state) ? 1 : !this.bit(this.isRep2, state) ? 2 : 3;
      reps.unshift(...reps.splice(which, 1));
    }
    return this.length(this.repLengths, place) + 2;
  }

  literal(found, at, matched) {
    const before = at ? found[at - 1] : 0;
    const position = at & ((1 << this.lp) - 1);
    const base = 0x300 * (position << this.lc | before >> (8 - this.lc));
    let symbol = 1;
    if (matched >= 0) {
      let match = found[matched];
      while (symbol < 256) {
        const bit = match >> 7 & 1;
        match <<= 1;
        const got = this.bit(this.literals, base + (1 + bit << 8) + symbol);
        symbol = symbol << 1 | got;
        if (bit !== got) break;
      }
    }
    while (symbol < 256) symbol = symbol << 1 | this.bit(this.literals, base + symbol);
    return symbol & 255;
  }

  length(of, place) {
    if (!this.bit(of.choice, 0)) return this.tree(of.low, place << 3, 3);
    if (!this.bit(of.choice, 1)) return 8 + this.tree(of.middle, place << 3, 3);
    return 16 + this.tree(of.high, 0, 8);
  }

  distance(of) {
    const slot = this.tree(this.slots, of << 6, 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const begin = (2 | slot & 1) * 2 ** bits;
    if (slot < 14) return begin + this.backwards(this.special, begin - slot, bits);
    let direct = 0;
    for (let i = 4; i < bits; i++) {
      this.range = Math.floor(this.range / 2);
      const one = this.code >= this.range ? 1 : 0;
      if (one) this.code -= this.range;
      direct = direct * 2 + one;
      this.normalize();
    }
    return begin + direct * 16 + this.backwards(this.align, 0, 4);
  }

  tree(chances, base, bits) {
    let symbol = 1;
    for (let i = 0; i < bits; i++) symbol = symbol << 1 | this.bit(chances, base + symbol);
    return symbol - (1 << bits);
  }

  backwards(chances, base, bits) {
    let [symbol, found] = [1, 0];
    for (let i = 0; i < bits; i++) {
      const bit = this.bit(chances, base + symbol);
      symbol = symbol << 1 | bit;
      found |= bit << i;
    }
    return found;
  }

  bit(chances, index) {
    const chance = chances[index];
    const bound = Math.floor(this.range / 2048) * chance;
    const one = this.code >= bound ? 1 : 0;
    if (one) {
      this.range -= bound;
      this.code -= bound;
      chances[index] = chance - (chance >> 5);
    } else {
      this.range = bound;
      chances[index] = chance + (2048 - chance >> 5);
    }
    this.normalize();
    return one;
  }

  normalize() {
    if (this.range >= 2 ** 24) return;
    this.range *= 256;
    this.code = this.code * 256 + this.reader.byte();
  }
}

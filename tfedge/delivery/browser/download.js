// Files over a network that breaks and lies: resumed, compared chunk by chunk, tried again.

import {joined} from './sealed.js';
import {REASONS, Refused, sha256} from './tuf.js';

const TRY_AGAIN = new Set([408, 425, 429, 500, 502, 503, 504]);

/** What may go well when it is tried again. */
class Interrupted extends Error {
  constructor(cause, reason = REASONS.OFFLINE) {
    super(cause);
    Object.assign(this, {reason, moved: false});
  }
}

/**
 * A way to the network.
 * @typedef {Object} Ways
 * @property {typeof fetch} [fetch]
 * @property {number} [attempts] in a row of which none came further
 * @property {number} [firstSeconds] the longest first wait; each next one may be twice as long
 * @property {number} [longestSeconds] of any wait
 * @property {number} [timeoutSeconds] without a byte
 * @property {(seconds: number) => Promise<void>} [sleep]
 * @property {() => number} [draw] evenly in [0, 1)
 * @property {number} [mostBytes] that may come in all
 * @property {() => boolean} [isMetered] whether nothing large may be fetched now
 */
export class Network {
  /** @param {Ways} ways */
  constructor(ways = {}) {
    Object.assign(this, {
      fetch: globalThis.fetch.bind(globalThis),
      attempts: 6,
      firstSeconds: 0.5,
      longestSeconds: 60,
      timeoutSeconds: 30,
      sleep: (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds)),
      draw: Math.random,
      mostBytes: Infinity,
      isMetered: () => false,
      ...ways,
      received: 0,
    });
  }

  /** A small file, in one go; asked for again where it is not what `isRight` expects. */
  async whole(url, most, isRight = () => true) {
    return this.#untilDone(async () => {
      const answer = await this.#ask(url, 0, '');
      const pieces = [];
      let size = 0;
      for await (const piece of this.#pieces(answer)) {
        pieces.push(piece);
        size += piece.length;
        if (size > most) {
          await answer.cancel();
          throw new Refused(REASONS.ENDLESS, `${url} is endless: more than ${most} bytes`);
        }
      }
      const found = joined(pieces);
      if (answer.length !== null && found.length < answer.length) {
        this.#needBudget();
        throw new Interrupted(`${url} ended at byte ${found.length} of ${answer.length}`);
      }
      if (!isRight(found)) throw new Interrupted(`${url} is damaged`, REASONS.DAMAGED);
      return found;
    });
  }

  /**
   * A signed file, chunk by chunk.
   * @param {{name: string, url: string, length: number, sha256: string, chunkBytes: number,
   *     chunks: string[]}} wanted as it was signed
   * @param {{get: Function, put: Function}} kept chunks that came before, by number
   * @param {(done: number, total: number) => void} progress
   */
  async signed(wanted, kept, progress) {
    const part = new Part(wanted, kept);
    await part.open();
    let [etag, furthest] = ['', part.size];
    await this.#untilDone(async () => {
      const before = furthest;
      try {
        while (part.size < wanted.length) {
          this.#needUnmetered(wanted.name);
          const start = part.size;
          const answer = await this.#ask(wanted.url, start, etag);
          // Another file, says the server: the signed hashes decide on that, so what is missing is
          // asked for once more without a condition.
          const isAnother = start && etag && answer.start === 0;
          etag = isAnother ? '' : answer.etag;
          if (isAnother) await answer.cancel();
          else await this.#take(answer, part, wanted, progress);
        }
      } catch (error) {
        furthest = Math.max(before, part.size);
        error.moved = furthest > before;
        throw error;
      }
    });
    const whole = joined(part.chunks);
    if (await sha256(whole) !== wanted.sha256) {
      await part.drop();
      throw new Refused(REASONS.ARBITRARY, `${wanted.name} has another SHA-256 than was signed`);
    }
    return whole;
  }

  async #take(answer, part, wanted, progress) {
    if (answer.length !== null && answer.length !== wanted.length) {
      part.dropUnchecked();
      await answer.cancel();
      const told = `${answer.length} bytes at the server, and ${wanted.length} were signed`;
      throw new Interrupted(`${wanted.name} has ${told}`, REASONS.ARBITRARY);
    }
    let known = part.size - answer.start;
    for await (const piece of this.#pieces(answer)) {
      const fresh = piece.subarray(Math.min(known, piece.length));
      known = Math.max(0, known - piece.length);
      await part.append(fresh);
      progress(part.size, wanted.length);
      if (part.size === wanted.length) return answer.cancel();
      this.#needUnmetered(wanted.name);
    }
    this.#needBudget();
    throw new Interrupted(`${wanted.name} ended at byte ${part.size} of ${wanted.length}`);
  }

  async #untilDone(work) {
    for (let failures = 0; ;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof Interrupted)) throw error;
        failures = error.moved ? 1 : failures + 1;
        if (failures >= this.attempts) {
          throw new Refused(error.reason, `${error.message}, ${failures} times in a row`);
        }
        const longest = Math.min(this.longestSeconds, this.firstSeconds * 2 ** (failures - 1));
        await this.sleep(longest * this.draw());
      }
    }
  }

  async #ask(url, start, etag) {
    this.#needBudget();
    const headers = {};
    const left = this.mostBytes - this.received;
    const isPart = start > 0 || left < Infinity;
    if (isPart) headers.Range = `bytes=${start}-${left < Infinity ? start + left - 1 : ''}`;
    if (start && etag) headers['If-Range'] = etag;
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), 1000 * this.timeoutSeconds);
    let answer;
    try {
      answer = await this.fetch(url, {headers, cache: 'no-store', signal: controller.signal});
    } catch (error) {
      throw new Interrupted(`${url} cannot be reached (${error.message})`);
    } finally {
      clearTimeout(timer);
    }
    const reader = answer.body?.getReader();
    const cancel = () => reader?.cancel().catch(() => {});
    try {
      return {...checked(url, start, isPart, answer), reader, cancel, controller};
    } catch (error) {
      await cancel();
      throw error;
    }
  }

  /** What comes, counted; a connection that brings nothing for too long is broken. */
  async *#pieces({reader, controller}) {
    while (reader) {
      const timer = setTimeout(() => controller.abort(), 1000 * this.timeoutSeconds);
      let read;
      try {
        read = await reader.read();
      } catch (error) {
        throw new Interrupted(`the connection broke (${error.message})`);
      } finally {
        clearTimeout(timer);
      }
      if (read.done) return;
      this.received += read.value.length;
      yield read.value;
    }
  }

  #needBudget() {
    if (this.received >= this.mostBytes) {
      throw new Refused(REASONS.POSTPONED, `the budget of ${this.mostBytes} bytes is used up`);
    }
  }

  #needUnmetered(name) {
    if (this.isMetered()) {
      throw new Refused(REASONS.POSTPONED, `${name} waits for a connection that is not metered`);
    }
  }
}

/** Throws for an answer to another question. */
function checked(url, start, isPart, answer) {
  const {status, headers} = answer;
  if (TRY_AGAIN.has(status) || (status === 416 && isPart)) {
    throw new Interrupted(`${url} answered with ${status}`);
  }
  if (status >= 400) throw new Refused(REASONS.OFFLINE, `${url} answered with ${status}`, status);
  const told = headers.get('ETag') ?? '';
  const etag = told.startsWith('W/') ? '' : told;
  const packed = headers.get('Content-Encoding');
  if (status === 200) {
    const length = packed ? null : headers.get('Content-Length');
    return {start: 0, etag, length: length === null ? null : Number(length)};
  }
  const range = headers.get('Content-Range') ?? '';
  const found = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(range);
  if (status !== 206 || !isPart || !found || Number(found[1]) !== start) {
    throw new Interrupted(`${url} from byte ${start} on was asked for, and '${range}' came`);
  }
  return {start, etag, length: found[3] === '*' ? null : Number(found[3])};
}

/** The beginning of a file: chunks that were compared, and bytes that were not yet. */
class Part {
  constructor(wanted, kept) {
    Object.assign(this, {wanted, kept, chunks: [], tail: [], tailBytes: 0, checked: 0});
  }

  get size() {
    return this.checked + this.tailBytes;
  }

  /** Takes what came before, compared again. */
  async open() {
    while (this.checked < this.wanted.length) {
      const bytes = await this.kept.get(this.chunks.length);
      if (!bytes || !await this.#isGood(bytes)) return;
      this.#count(bytes);
    }
  }

  async append(bytes) {
    while (bytes.length) {
      const taken = bytes.slice(0, this.#end() - this.size);
      bytes = bytes.subarray(taken.length);
      this.tail.push(taken);
      this.tailBytes += taken.length;
      if (this.size < this.#end()) return;
      const chunk = joined(this.tail);
      this.dropUnchecked();
      if (!await this.#isGood(chunk)) {
        const cause = `chunk ${this.chunks.length} of ${this.wanted.name} is not what was signed`;
        throw new Interrupted(cause, REASONS.ARBITRARY);
      }
      await this.kept.put(this.chunks.length, chunk);
      this.#count(chunk);
    }
  }

  dropUnchecked() {
    [this.tail, this.tailBytes] = [[], 0];
  }

  async drop() {
    for (let i = 0; i < this.chunks.length; i++) await this.kept.put(i, undefined);
  }

  #end() {
    return Math.min(this.wanted.length, this.checked + this.wanted.chunkBytes);
  }

  #count(chunk) {
    this.chunks.push(chunk);
    this.checked += chunk.length;
  }

  async #isGood(chunk) {
    return await sha256(chunk) === this.wanted.chunks[this.chunks.length];
  }
}

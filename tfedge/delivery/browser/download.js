// Files over a network that breaks and lies: resumed, compared chunk by chunk, tried again.

import {joined} from './sealed.js';
import {REASONS, Refused, sha256} from './tuf.js';

const TRY_AGAIN = new Set([408, 425, 429, 500, 502, 503, 504]);
const MOST_MISREAD = 2; // questions for a part that were answered by something else
const [SLOW_SECONDS, SLOW_BYTES] = [60, 4096]; // fewer in so long is no download
const ETAG = /^"[!#-~]{0,200}"$/; // what can be said back to any server
const [NUMBER, RANGE] = [/^\d{1,15}$/, /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/];

/** What may go well when it is tried again. */
class Interrupted extends Error {
  constructor(cause, reason = REASONS.OFFLINE, more = {}) {
    super(cause);
    Object.assign(this, {reason, moved: false, misread: false, waitSeconds: 0, ...more});
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
 * @property {() => number} [clock] seconds
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
      clock: () => performance.now() / 1000,
      mostBytes: Infinity,
      isMetered: () => false,
      ...ways,
      received: 0,
    });
  }

  /** A small file, in one go; asked for again where it is not what `isRight` expects. */
  async whole(url, most, isRight, reason) {
    let misread = 0;
    return this.#untilDone(async () => {
      const answer = await this.#ask(url, 0, '', misread < MOST_MISREAD).catch((error) => {
        misread += error.misread ? 1 : 0;
        throw error;
      });
      const pieces = [];
      let size = 0;
      try {
        for await (const piece of this.#pieces(answer)) {
          pieces.push(piece);
          size += piece.length;
          if (size > most) {
            throw new Refused(REASONS.ENDLESS, `${url} is endless: more than ${most} bytes`);
          }
          if (size === answer.length) break;
        }
      } finally {
        answer.cancel();
      }
      if (answer.length !== null && size < answer.length) {
        this.#needBudget();
        throw new Interrupted(`${url} ended at byte ${size} of ${answer.length}`);
      }
      const found = joined(pieces);
      if (!await isRight(found)) throw new Interrupted(`${url} is not what it should be`, reason);
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
    let [etag, furthest, misread] = ['', part.size, 0];
    await this.#untilDone(async () => {
      const before = furthest;
      try {
        while (part.size < wanted.length) {
          this.#needUnmetered(wanted.name);
          // Who cannot tell parts sends all of it, of which what is there is left out.
          const isPart = misread < MOST_MISREAD;
          const start = isPart ? part.size : 0;
          const condition = start ? etag : '';
          etag = ''; // not said again where it was the reason that nothing came
          const answer = await this.#ask(wanted.url, start, condition, isPart);
          // Another file, says the server: the signed hashes decide on that, so what is missing is
          // asked for once more without a condition.
          const isAnother = condition && answer.start === 0;
          if (!isAnother) etag = answer.etag;
          try {
            if (!isAnother) await this.#take(answer, part, wanted, progress);
          } finally {
            answer.cancel();
          }
        }
      } catch (error) {
        misread += error.misread ? 1 : 0;
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
      const told = `${answer.length} bytes at the server, and ${wanted.length} were signed`;
      throw new Interrupted(`${wanted.name} has ${told}`, REASONS.ARBITRARY);
    }
    let known = part.size - answer.start;
    for await (const piece of this.#pieces(answer)) {
      const fresh = piece.subarray(Math.min(known, piece.length));
      known = Math.max(0, known - piece.length);
      await part.append(fresh);
      progress(part.size, wanted.length);
      if (part.size === wanted.length) return;
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
        const wait = Math.max(error.waitSeconds, longest * this.draw());
        await this.sleep(Math.min(this.longestSeconds, wait));
      }
    }
  }

  async #ask(url, start, etag, isPart) {
    this.#needBudget();
    const headers = {};
    const left = this.mostBytes - this.received;
    const isRanged = isPart && (start > 0 || left < Infinity);
    if (isRanged) headers.Range = `bytes=${start}-${left < Infinity ? start + left - 1 : ''}`;
    if (etag) headers['If-Range'] = etag;
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
    const cancel = () => {
      reader?.cancel().catch(() => {});
      controller.abort();
    };
    try {
      return {...checked(url, start, isRanged, answer), reader, cancel, controller};
    } catch (error) {
      cancel();
      throw error;
    }
  }

  /** What comes, counted; a connection that brings next to nothing for too long is broken. */
  async *#pieces({reader, controller}) {
    let [began, since] = [this.clock(), 0];
    while (reader) {
      this.#needBudget();
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
      since += read.value.length;
      yield read.value;
      if (this.clock() - began > SLOW_SECONDS) {
        if (since < SLOW_BYTES) throw new Interrupted(`${since} bytes came in ${SLOW_SECONDS} s`);
        [began, since] = [this.clock(), 0];
      }
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
function checked(url, start, isRanged, answer) {
  const {status, headers} = answer;
  if (TRY_AGAIN.has(status) || (status === 416 && isRanged)) {
    const asked = headers.get('Retry-After') ?? '';
    const waitSeconds = NUMBER.test(asked) ? Number(asked) : 0;
    const cause = `${url} answered with ${status}`;
    throw new Interrupted(cause, REASONS.OFFLINE, {waitSeconds, misread: status === 416});
  }
  if (status >= 400) throw new Refused(REASONS.OFFLINE, `${url} answered with ${status}`, status);
  const told = headers.get('ETag') ?? '';
  const etag = ETAG.test(told) ? told : '';
  if (status === 200) return {start: 0, etag, length: lengthOf(answer)};
  const range = headers.get('Content-Range') ?? '';
  const found = RANGE.exec(range);
  const isPacked = headers.get('Content-Encoding') ?? 'identity';
  if (status !== 206 || !isRanged || Number(found?.[1]) !== start || isPacked !== 'identity') {
    const came = `${status} '${range.slice(0, 60)}' came`;
    throw new Interrupted(
      `${url} from byte ${start} on was asked for, and ${came}`, REASONS.OFFLINE, {misread: true});
  }
  return {start, etag, length: found[2] === '*' ? null : Number(found[2])};
}

/** Of the whole file; null where it is not told, or may be that of a packed form. */
function lengthOf({type, headers}) {
  const packed = headers.get('Content-Encoding') ?? (type === 'cors' ? 'hidden' : 'identity');
  const told = headers.get('Content-Length') ?? '';
  return packed === 'identity' && NUMBER.test(told) ? Number(told) : null;
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
      if (!(bytes instanceof Uint8Array) || !await this.#isGood(bytes)) return;
      this.#count(bytes);
    }
  }

  async append(bytes) {
    while (bytes.length && this.size < this.wanted.length) {
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

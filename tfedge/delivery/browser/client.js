// An installation in a browser: asks for the version that is meant for it, and switches to what it
// has proved. What it says and does is docs/delivery.md's; the format is docs/delivery_format.md's.
//
//   const client = new Client({repository: 'https://host/models/', trust, model: 'ds_cnn',
//     store: await IndexedStore.open('ds_cnn'), probe, unpack});
//   const told = await client.update();
//   const answer = await client.using(({content}) => run(content));

import {Network} from './download.js';
import {applied, openSealed, unwrap} from './sealed.js';
import {REASONS, Refused, refresh, sha256} from './tuf.js';

export {IndexedStore, MemoryStore} from './store.js';
export {REASONS, Refused} from './tuf.js';

const [DONE, WAITING, BEGUN] = ['done', 'waiting', 'begun'];
const [WHOLE_ROLLOUT, LONGEST_CHAIN, MOST_SMALL] = [10000, 4, 1 << 20];
const NOTHING_YET = {current: null, previous: null, firstUse: DONE, refused: []};
const MODEL = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const CHANNEL = /^[a-z][a-z0-9_-]{0,31}$/;
const HASH = /^[0-9a-f]{64}$/;
const VERSION = /^(\d{1,9}(\.\d{1,9})*)?$/;
const utf8 = new TextDecoder('utf-8', {fatal: true});

/**
 * @typedef {Object} Told how an update ended
 * @property {'updated'|'unchanged'|'kept'|'nothing'} outcome kept: it could not be had, and the
 *     last good one is used; nothing: likewise, and there is none
 * @property {number|null} version that is used from here on
 * @property {string} reason one of REASONS, or ''
 * @property {string} cause a sentence about it
 * @property {number} received bytes that came over the network
 */

export class Client {
  #asked;
  #store;

  /**
   * @param {Object} asked
   * @param {string} asked.repository its address
   * @param {Object} asked.trust what the publisher gave with the app: the parsed trust.json
   * @param {string} asked.model its name
   * @param {Object} asked.store an IndexedStore of its own
   * @param {(model: Uint8Array, golden: Uint8Array) => Promise<void>} asked.probe runs the model on
   *     its examples, in a worker; throws where it does not answer as it should
   * @param {(packed: Uint8Array, size: number) => Promise<Uint8Array>} asked.unpack
   * @param {string} [asked.channel]
   * @param {string} [asked.app] version of the app, such as '2.4.1'
   * @param {string} [asked.runtime] of LiteRT
   * @param {string} [asked.installation] an identifier that stays; drawn once where it is left out
   * @param {() => Date} [asked.now]
   */
  constructor(asked) {
    const known = {channel: 'stable', app: '', runtime: '', now: () => new Date(), ...asked};
    need(MODEL.test(known.model), `model: '${known.model}' is no name`);
    need(CHANNEL.test(known.channel), `channel: '${known.channel}' is no name`);
    for (const each of [known.app, known.runtime]) {
      need(VERSION.test(each), `app, runtime: '${each}' is no version such as 2.4.1`);
    }
    need(/^https?:\/\/[^/?#\s]+(\/[^?#\s]*)?$/.test(known.repository), 'repository: http(s) only');
    known.repository = known.repository.replace(/\/?$/, '/');
    this.#asked = known;
    this.#store = known.store;
  }

  /**
   * Asks for the version that is meant for this installation, and switches to it. Whatever stands
   * in the way is told, not thrown: the last good version stays in use.
   * @param {import('./download.js').Ways} [ways] to the network, and what may come over it
   * @param {(state: string, done: number, total: number) => void} [progress]
   * @returns {Promise<Told>}
   */
  async update(ways = {}, progress = () => {}) {
    const network = new Network(ways);
    return exclusive(`tfedge update ${this.#store.name}`, async () => {
      let told;
      try {
        told = await this.#update(network, progress);
      } catch (error) {
        const reason = error instanceof Refused ? error.reason : error instanceof DOMException
          ? REASONS.DISK : REASONS.UNREADABLE;
        const version = (await this.#state().catch(() => NOTHING_YET)).current;
        const outcome = version === null ? 'nothing' : 'kept';
        told = {outcome, version, reason, cause: error.detail ?? error.message};
      }
      return {reason: '', cause: '', ...told, received: network.received};
    });
  }

  /**
   * Calls `work` with the last good model; it needs no network. The first call that does not throw
   * makes a new version the good one; after a crash the next gets the version before.
   * @param {(model: {version: number, content: Uint8Array}) => any} work
   */
  async using(work) {
    const state = await this.#state();
    if (state.firstUse === DONE || state.current === null) return work(await this.#model(false));
    return exclusive(`tfedge first use ${this.#store.name}`, async (isOurs) => {
      if (isOurs) await this.#beginFirstUse().catch(() => {});
      const model = await this.#model(isOurs);
      const answer = await work(model);
      if (isOurs) {
        await this.#change((now) => now.current === model.version ? {...now, firstUse: DONE} : now)
          .catch(() => {});
      }
      return answer;
    }, true);
  }

  async #update(network, progress) {
    progress('checking', 0, 0);
    const targets = await this.#targets(network);
    const offered = await this.#offered(targets, network);
    const state = await this.#change((now) => offered.entries
      .filter(({withdrawn}) => withdrawn).reduce((left, each) => without(left, each.version), now));
    const version = await this.#chosen(offered, state);
    if (version === null) {
      throw new Refused(REASONS.NONE, 'no version is meant for this installation');
    }
    const isThere = await this.#isWhole(version);
    if (isThere && version === state.current) return {outcome: 'unchanged', version};
    const files = isThere ? {} : await this.#got(targets, version, network, progress);
    progress('switching', 0, 0);
    // One transaction: the files of the version, and that it is used.
    await this.#change((now) => switched(now, version), files);
    await this.#sweep();
    return {outcome: 'updated', version};
  }

  async #targets(network) {
    const {repository, trust, now} = this.#asked;
    const root = new TextEncoder().encode(JSON.stringify(trust.root));
    const kept = {
      get: (name) => this.#store.get(`metadata/${name}`),
      put: (name, bytes) => this.#store.put({[`metadata/${name}`]: bytes}),
    };
    const get = (name, most) => network.whole(`${repository}metadata/${name}`, most, isJson);
    return refresh(root, get, kept, now());
  }

  async #offered(targets, network) {
    const {model, channel} = this.#asked;
    const name = `${model}/${channel}.json`;
    const told = JSON.parse(utf8.decode(await this.#small(targets, name, network)));
    readable(told.schema_version === 1, `${name} is of version ${told.schema_version}`);
    if (told.model !== model || told.name !== channel) {
      throw new Refused(REASONS.ARBITRARY, `${name} says that it is ${told.model}/${told.name}`);
    }
    for (const each of told.entries) {
      const whole = [each.version, each.rollout].every(Number.isSafeInteger);
      const versions = VERSION.test(each.min_app) && VERSION.test(each.min_runtime);
      readable(whole && versions && typeof each.withdrawn === 'boolean', `an entry of ${name}`);
    }
    return told;
  }

  /** The highest version that is for this installation; what it has it keeps. */
  async #chosen({entries}, {current, refused}) {
    const {model, app, runtime} = this.#asked;
    const id = this.#asked.installation ?? await this.#drawnId();
    const isRefused = ({version}) => refused.some((each) =>
      each.version === version && each.app === app && each.runtime === runtime);
    let best = null;
    for (const each of entries) {
      const reaches = isAtLeast(app, each.min_app) && isAtLeast(runtime, each.min_runtime);
      if (each.withdrawn || !reaches || isRefused(each) || each.version <= best) continue;
      if (each.version === current || await isIncluded(each.rollout, model, each.version, id)) {
        best = each.version;
      }
    }
    return best;
  }

  async #drawnId() {
    let id = await this.#store.get('installation');
    if (!id) {
      id = crypto.randomUUID();
      await this.#store.put({installation: id});
    }
    return id;
  }

  /** What the store gets for a version that was downloaded, opened and tried. */
  async #got(targets, version, network, progress) {
    const name = this.#sealedName(version);
    const {length} = target(targets, name);
    const sealed = fields(targets, name);
    const golden = `${this.#asked.model}/${version}.golden.npz`;
    if (sealed.version !== version || sealed.golden !== golden) {
      throw new Refused(
        REASONS.ARBITRARY, `${name} names version ${sealed.version} and ${sealed.golden}`);
    }
    readable(HASH.test(sealed.model.sha256) && sealed.model.length >= 0, `the model of ${name}`);
    const one = target(targets, golden);
    const chunk = {bytes: Math.max(1, one.length), sha256: [one.hashes.sha256]};
    const examples = await this.#download(targets, golden, chunk, network, progress);
    const {record, bytes, content} =
      await this.#opened(targets, {...sealed, length}, network, progress);
    progress('probing', 0, 0);
    try {
      await this.#asked.probe(content, examples);
    } catch (error) {
      await this.#refuse(version);
      throw new Refused(REASONS.PROBE, error.message);
    }
    return {[`versions/${version}`]: {record, bytes}};
  }

  /** By a difference where there is one that fits, else whole. */
  async #opened(targets, sealed, network, progress) {
    const {model} = this.#asked;
    for (const base of Object.keys(sealed.deltas).map(Number).sort((a, b) => b - a)) {
      try {
        const name = `${model}/${sealed.version}.from-${base}.sealed`;
        const before = await this.#store.get(`versions/${base}`);
        if (!before || (await this.#bases(base)).length >= LONGEST_CHAIN) continue;
        if (!await this.#isWhole(base)) continue;
        const delta = fields(targets, name);
        const isOurs = delta.base === base && delta.version === sealed.version
          && delta.base_model.sha256 === before.record.sealed.model.sha256;
        if (!isOurs || sealed.deltas[base] !== name) {
          throw new Refused(REASONS.ARBITRARY, `${name} is from another model`);
        }
        return await this.#openedFrom(
          targets, {sealed, name, base}, delta.chunks, network, progress);
      } catch (error) {
        if (error.reason === REASONS.POSTPONED || error instanceof DOMException) throw error;
      }
    }
    const name = this.#sealedName(sealed.version);
    return this.#openedFrom(targets, {sealed, name, base: null}, sealed.chunks, network, progress);
  }

  async #openedFrom(targets, record, chunks, network, progress) {
    const bytes = await this.#download(targets, record.name, chunks, network, progress);
    progress('opening', 0, 0);
    try {
      return {record, bytes, content: await this.#open({record, bytes})};
    } catch (error) {
      // All of it is as signed: it will not open another time.
      if (record.base === null && !(error instanceof Refused)) {
        await this.#refuse(record.sealed.version);
      }
      throw error;
    }
  }

  async #download(targets, name, chunks, network, progress) {
    const {length, hashes} = target(targets, name);
    const count = Math.ceil(Math.max(1, length) / chunks.bytes);
    readable(chunks.bytes > 0 && chunks.sha256.length === count, `the chunks of ${name}`);
    readable(chunks.sha256.every((each) => HASH.test(each)), `the chunks of ${name}`);
    const key = (number) => `parts/${hashes.sha256}/${number}`;
    const kept = {
      get: (number) => this.#store.get(key(number)),
      put: (number, bytes) => this.#store.put({[key(number)]: bytes}),
    };
    const url = this.#url(name, hashes.sha256);
    const wanted = {
      name, url, length, sha256: hashes.sha256, chunkBytes: chunks.bytes, chunks: chunks.sha256,
    };
    return network.signed(wanted, kept, (done, total) => progress('downloading', done, total));
  }

  async #small(targets, name, network) {
    const {length, hashes} = target(targets, name);
    if (length > MOST_SMALL) throw new Refused(REASONS.ENDLESS, `${name} has ${length} bytes`);
    const bytes = await network.whole(this.#url(name, hashes.sha256), length);
    if (await sha256(bytes) !== hashes.sha256) {
      throw new Refused(REASONS.ARBITRARY, `${name} is not what was signed`);
    }
    return bytes;
  }

  #url(name, digest) {
    const [folder, last] = name.split('/');
    return `${this.#asked.repository}targets/${folder}/${digest}.${last}`;
  }

  #sealedName(version) {
    return `${this.#asked.model}/${version}.sealed`;
  }

  /** The .tflite of a version in the store, compared with what was signed. */
  async #open({record: {sealed, name, base}, bytes}) {
    const {trust: {audience, key}, unpack} = this.#asked;
    const target = this.#sealedName(sealed.version);
    const wrapped = Object.hasOwn(sealed.keys, audience) ? sealed.keys[audience] : null;
    if (wrapped === null) {
      throw new Refused(REASONS.UNREADABLE, `${target} is not for '${audience}'`);
    }
    const contentKey = await unwrap(unbase64(wrapped), unbase64(key), target)
      .catch((error) => { throw new Refused(REASONS.UNREADABLE, `${target}: ${error.message}`); });
    const packed = await openSealed(bytes, contentKey, name);
    const {length, sha256: digest} = sealed.model;
    const content = base === null ? await unpack(packed, length)
      : await applied(packed, await this.#content(base), unpack, length);
    readable(
      content.length === length && await sha256(content) === digest, `${name} is another model`);
    return content;
  }

  async #content(version) {
    const found = await this.#store.get(`versions/${version}`);
    if (!found) throw new Error(`version ${version} is not there`);
    return this.#open(found);
  }

  async #isWhole(version) {
    try {
      await this.#content(version);
      return true;
    } catch (error) {
      if (error instanceof DOMException) throw error;
      return false;
    }
  }

  /** The current model; where it is damaged or in its first use elsewhere, the one before. */
  async #model(isOurs) {
    const {current, previous, firstUse} = await this.#state();
    const versions = [current, previous].filter((each) => each !== null);
    if (firstUse === BEGUN && !isOurs) versions.reverse();
    for (const version of versions) {
      try {
        return {version, content: await this.#content(version)};
      } catch (error) {
        console.warn(`version ${version} cannot be used: ${error.message}`);
      }
    }
    throw new Error('no model is there that can be used: update first');
  }

  /** It begins; or it had begun, and its page is gone. */
  #beginFirstUse() {
    return this.#change((now) => {
      if (now.firstUse === WAITING) return {...now, firstUse: BEGUN};
      const crashed = now.firstUse === BEGUN && now.previous !== null;
      return crashed ? this.#refusing(now, now.current) : now;
    });
  }

  #refusing(state, version) {
    const {app, runtime} = this.#asked;
    return {...without(state, version), refused: [...state.refused, {version, app, runtime}]};
  }

  #refuse(version) {
    return this.#change((now) => this.#refusing(now, version));
  }

  async #state() {
    return await this.#store.get('state') ?? NOTHING_YET;
  }

  async #change(change, files = {}) {
    const after = change(await this.#state());
    await this.#store.put({...files, state: after});
    return after;
  }

  async #bases(version) {
    const found = [];
    for (let at = version; ;) {
      const base = (await this.#store.get(`versions/${at}`))?.record.base ?? null;
      if (base === null) return found;
      found.push(base);
      at = base;
    }
  }

  /** Removes what nothing needs any more. */
  async #sweep() {
    const {current, previous} = await this.#state();
    const kept = new Set();
    for (const version of [current, previous].filter((each) => each !== null)) {
      for (const each of [version, ...await this.#bases(version)]) kept.add(`versions/${each}`);
    }
    const needless = (await this.#store.keys()).filter((key) =>
      key.startsWith('parts/') || (key.startsWith('versions/') && !kept.has(key)));
    await this.#store.put(Object.fromEntries(needless.map((key) => [key, undefined])));
  }
}

function switched(state, version) {
  const before = state.current !== null && state.firstUse === DONE ? state.current : state.previous;
  return {
    ...state, current: version, previous: before === version ? null : before, firstUse: WAITING,
  };
}

function without(state, version) {
  if (version === state.previous) return {...state, previous: null};
  if (version !== state.current) return state;
  return {...state, current: state.previous, previous: null, firstUse: DONE};
}

function target(targets, name) {
  if (!Object.hasOwn(targets, name)) {
    throw new Refused(REASONS.NONE, `the repository has no ${name}`);
  }
  readable(HASH.test(targets[name].hashes.sha256), `the SHA-256 of ${name}`);
  return targets[name];
}

function fields(targets, name) {
  const found = target(targets, name).custom?.tfedge;
  readable(found?.schema_version === 1, `the fields of ${name}`);
  return found;
}

/** Whether a version, if known, is at least another; missing parts are 0. */
function isAtLeast(version, least) {
  if (!version || !least) return true;
  const [a, b] = [version, least].map((each) => each.split('.').map(Number));
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) > (b[i] ?? 0);
  }
  return true;
}

async function isIncluded(parts, model, version, installation) {
  const said = new TextEncoder().encode(`tfedge-rollout-1 ${model}/${version} ${installation}`);
  return parseInt((await sha256(said)).slice(0, 8), 16) * WHOLE_ROLLOUT < parts * 2 ** 32;
}

/** One page at a time, where the browser has locks; `work` gets whether it is this one. */
function exclusive(name, work, ifAvailable = false) {
  if (!globalThis.navigator?.locks) return work(true);
  return navigator.locks.request(name, {ifAvailable}, (lock) => work(lock !== null));
}

/** A connection that ends early may look whole where the browser unpacks it. */
function isJson(bytes) {
  try {
    JSON.parse(utf8.decode(bytes));
    return true;
  } catch {
    return false;
  }
}

const unbase64 = (text) => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));

function readable(holds, what) {
  if (!holds) throw new Refused(REASONS.UNREADABLE, `not as it should be: ${what}`);
}

function need(holds, cause) {
  if (!holds) throw new TypeError(cause);
}

// An installation in a browser: asks for the version that is meant for it, and switches to what it
// has proved. What it says and does is docs/delivery.md's; the format is docs/delivery_format.md's.
//
//   const client = new Client({repository: 'https://host/models/', trust, model: 'ds_cnn',
//     store: await IndexedStore.open('ds_cnn'), probe, unpack});
//   const told = await client.update();
//   const answer = await client.using(({content}) => run(content));

import {Network} from './download.js';
import {deltaOf, entriesOf, sealedOf, targetOf, VERSION} from './facts.js';
import {applied, openSealed, unwrap} from './sealed.js';
import * as states from './state.js';
import {inTurn} from './turns.js';
import {isText, parsed, REASONS, Refused, refresh, sha256} from './tuf.js';

export {IndexedStore, MemoryStore} from './store.js';
export {REASONS, Refused} from './tuf.js';

const [WHOLE_ROLLOUT, LONGEST_CHAIN, MOST_SMALL] = [10000, 4, 1 << 20];
const MODEL = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const CHANNEL = /^[a-z][a-z0-9_-]{0,31}$/;
const ID = /^[0-9a-f-]{36}$/;

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
   *     its examples, in a worker; throws where it does not answer as it should, and a Refused of
   *     another reason than 'probe' where that is not the model's fault
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
    let network = {received: 0};
    let told;
    try {
      network = new Network(ways);
      told = await inTurn(this.#store, 'update', () => this.#update(network, progress));
    } catch (error) {
      const {version, isKnown} = await this.#state()
        .then(({current}) => ({version: current, isKnown: true}), () => ({version: null}));
      const outcome = version === null ? 'nothing' : 'kept';
      const reason = error instanceof Refused ? error.reason : REASONS.UNREADABLE;
      const cause = error?.detail ?? error?.message ?? String(error);
      told = {outcome, version, reason: isKnown ? reason : REASONS.DISK, cause};
    }
    return {reason: '', cause: '', ...told, received: network.received};
  }

  /**
   * Calls `work` with the last good model; it needs no network. The first call that does not throw
   * makes a new version the good one; after a crash the next gets the version before. An AbortError,
   * and a Refused of another reason than 'probe', are not the model's: the next call is a first one
   * again.
   * @param {(model: {version: number, content: Uint8Array}) => any} work
   */
  async using(work) {
    const {current, firstUse} = await this.#state();
    if (firstUse === states.DONE || current === null) return work(await this.#model(true));
    return inTurn(this.#store, 'first use', async (isOurs) => {
      const here = this.#here();
      if (isOurs) await this.#change((now) => states.begun(now, here)).catch(() => {});
      let version = current;
      const ended = (how) => isOurs
        && this.#change((now) => how(now, version)).catch(() => {}); // then it is once more
      try {
        const model = await this.#model(isOurs);
        version = model.version;
        const answer = await work(model);
        await ended(states.used);
        return answer;
      } catch (error) {
        await ended(isOfTheModel(error) ? states.failed : states.untried);
        throw error;
      }
    }, true);
  }

  async #update(network, progress) {
    progress('checking', 0, 0);
    const targets = await this.#targets(network);
    const {model, channel} = this.#asked;
    const offered = await this.#small(targets, `${model}/${channel}.json`, network);
    const entries = entriesOf(offered, model, channel);
    const withdrawn = entries.filter((each) => each.withdrawn);
    const state = await this.#change((now) =>
      withdrawn.reduce((left, {version}) => states.without(left, version), now));
    const version = await this.#chosen(entries, state);
    if (version === null) {
      throw new Refused(REASONS.NONE, 'no version is meant for this installation');
    }
    const isThere = await this.#isThere(targets, version);
    if (!isThere || version !== state.current) {
      const files = isThere ? {} : await this.#got(targets, version, network, progress);
      progress('switching', 0, 0);
      // One transaction: the files of the version, and that it is used.
      await this.#change((now) => states.switched(now, version), files);
    }
    await this.#sweep().catch(() => {}); // the next update does it
    return {outcome: isThere && version === state.current ? 'unchanged' : 'updated', version};
  }

  async #targets(network) {
    const {repository, trust, now} = this.#asked;
    const root = new TextEncoder().encode(JSON.stringify(trust.root));
    const kept = {
      get: (name) => this.#store.get(`metadata/${name}`),
      put: (name, bytes) => this.#store.put({[`metadata/${name}`]: bytes}),
    };
    const get = (name, most) =>
      network.whole(`${repository}metadata/${name}`, most, isJson, REASONS.DAMAGED);
    return refresh(root, get, kept, now());
  }

  /** The highest version that is for this installation; what it has it keeps. */
  async #chosen(entries, state) {
    const {model, app, runtime} = this.#asked;
    const id = this.#asked.installation ?? await this.#drawnId();
    let best = null;
    for (const each of entries) {
      const reaches = isAtLeast(app, each.min_app) && isAtLeast(runtime, each.min_runtime);
      const isOff = each.withdrawn || states.isRefused(state, each.version, this.#here());
      if (isOff || !reaches || each.version <= best) continue;
      const isKept = each.version === state.current;
      if (isKept || await isIncluded(each.rollout, model, each.version, id)) best = each.version;
    }
    return best;
  }

  #drawnId() {
    return this.#store.transaction(async (kept) => {
      const there = await kept.get('installation');
      if (isText(ID, there)) return there;
      const id = crypto.randomUUID();
      kept.put({installation: id});
      return id;
    });
  }

  #here() {
    const {app, runtime} = this.#asked;
    return {app, runtime};
  }

  /** What the store gets for a version that was downloaded, opened and tried. */
  async #got(targets, version, network, progress) {
    const name = this.#sealedName(version);
    const {length} = targetOf(targets, name);
    const sealed = sealedOf(targets, name);
    const golden = `${this.#asked.model}/${version}.golden.npz`;
    if (sealed.version !== version || sealed.golden !== golden) {
      throw new Refused(
        REASONS.ARBITRARY, `${name} names version ${sealed.version} and ${sealed.golden}`);
    }
    await this.#contentKey(sealed); // before anything of it is fetched
    const one = targetOf(targets, golden);
    const chunk = {bytes: Math.max(1, one.length), sha256: [one.hashes.sha256]};
    const examples = await this.#download(targets, golden, chunk, network, progress);
    const {record, bytes, content} =
      await this.#opened(targets, {...sealed, length}, network, progress);
    progress('probing', 0, 0);
    await this.#probe(version, content, examples);
    return {[`versions/${version}`]: {record, bytes}};
  }

  async #probe(version, content, examples) {
    const before = await this.#state();
    try {
      if (states.endsPages(before, version)) throw new Error('each page ended that has tried it');
      await this.#change((now) => states.probing(now, version));
      await this.#asked.probe(content, examples);
    } catch (error) {
      if (error instanceof Refused && error.reason !== REASONS.PROBE) throw error;
      await this.#refuse(version);
      throw new Refused(REASONS.PROBE, error?.message ?? String(error));
    }
  }

  /** By a difference where there is one that fits, else whole. */
  async #opened(targets, sealed, network, progress) {
    const {model} = this.#asked;
    for (const base of Object.keys(sealed.deltas).map(Number).sort((a, b) => b - a)) {
      try {
        if (base >= sealed.version) continue; // a chain of differences has an end
        const name = `${model}/${sealed.version}.from-${base}.sealed`;
        const before = await this.#store.get(`versions/${base}`);
        if (!before || (await bases(this.#store, base)).length >= LONGEST_CHAIN) continue;
        if (!await this.#isWhole(base)) continue;
        const delta = deltaOf(targets, name);
        const isOurs = delta.base === base && delta.version === sealed.version
          && delta.base_model.sha256 === before.record.sealed.model.sha256;
        if (!isOurs || sealed.deltas[base] !== name) {
          throw new Refused(REASONS.ARBITRARY, `${name} is from another model`);
        }
        return await this.#openedFrom(
          targets, {sealed, name, base}, delta.chunks, network, progress);
      } catch (error) {
        if ([REASONS.POSTPONED, REASONS.DISK].includes(error?.reason)) throw error;
        // What the server does not have has a status; without a network all of it would not come.
        if (error?.reason === REASONS.OFFLINE && !error.status) throw error;
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
    const {length, hashes} = targetOf(targets, name);
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
    const {length, hashes} = targetOf(targets, name);
    if (length > MOST_SMALL) throw new Refused(REASONS.ENDLESS, `${name} has ${length} bytes`);
    const isSigned = async (bytes) => await sha256(bytes) === hashes.sha256;
    return network.whole(this.#url(name, hashes.sha256), length, isSigned, REASONS.ARBITRARY);
  }

  #url(name, digest) {
    const [folder, last] = name.split('/');
    return `${this.#asked.repository}targets/${folder}/${digest}.${last}`;
  }

  #sealedName(version) {
    return `${this.#asked.model}/${version}.sealed`;
  }

  /** The .tflite of a version in the store, compared with what was signed. */
  async #open({record: {sealed, name, base}, bytes}, depth = 0) {
    const {unpack} = this.#asked;
    if (base !== null && !(base < sealed.version)) throw new Error(`${name} is from itself`);
    const packed = await openSealed(bytes, await this.#contentKey(sealed), name);
    const {length, sha256: digest} = sealed.model;
    const content = base === null ? await unpack(packed, length)
      : await applied(packed, await this.#content(base, depth + 1), unpack, length);
    if (content.length === length && await sha256(content) === digest) return content;
    throw new Error(`${name} is another model than was signed`);
  }

  /** What opens a version, where it is for this app. */
  async #contentKey(sealed) {
    const {audience, key} = this.#asked.trust;
    const target = this.#sealedName(sealed.version);
    const wrapped = Object.hasOwn(sealed.keys, audience) ? sealed.keys[audience] : null;
    if (wrapped === null) {
      throw new Refused(REASONS.UNREADABLE, `${target} is not for '${audience}'`);
    }
    return (async () => unwrap(unbase64(wrapped), unbase64(key), target))()
      .catch((error) => { throw new Refused(REASONS.UNREADABLE, `${target}: ${error.message}`); });
  }

  async #content(version, depth = 0) {
    const found = await this.#store.get(`versions/${version}`);
    if (!found || depth > LONGEST_CHAIN) throw new Error(`version ${version} is not there`);
    return this.#open(found, depth);
  }

  /**
   * Whether the model that is signed now is there and opens: another repository, as one that was
   * begun anew when keys were lost, has a version of that number too.
   */
  async #isThere(targets, version) {
    if (!await this.#isWhole(version)) return false;
    const {record} = await this.#store.get(`versions/${version}`);
    const {model} = sealedOf(targets, this.#sealedName(version));
    return record.sealed.model.sha256 === model.sha256;
  }

  /** Whether it is there and opens. What the disk refuses to read is fetched again, once more. */
  async #isWhole(version) {
    return this.#content(version).then(() => true, () => false);
  }

  /** The current model; where it is damaged or in its first use elsewhere, the one before. */
  async #model(isOurs) {
    const {current, previous, firstUse} = await this.#state();
    const versions = [current, previous].filter((each) => each !== null);
    if (firstUse !== states.DONE && !isOurs) versions.reverse();
    for (const version of versions) {
      try {
        return {version, content: await this.#content(version)};
      } catch (error) {
        console.warn(`version ${version} cannot be used: ${error.message}`);
      }
    }
    throw new Refused(REASONS.NONE, 'no model is there that can be used: update first');
  }

  #refuse(version) {
    const here = this.#here();
    return this.#change((now) => states.refusing(now, version, here));
  }

  async #state() {
    return states.stateOf(await this.#store.get('state'));
  }

  /** Another state, and files with it, at once: pages that do so come one after another. */
  #change(change, files = {}) {
    return this.#store.transaction(async (kept) => {
      const before = states.stateOf(await kept.get('state'));
      const after = change(before);
      if (after !== before || Object.keys(files).length) kept.put({...files, state: after});
      return after;
    });
  }

  /** Removes what nothing needs any more. */
  #sweep() {
    return this.#store.transaction(async (kept) => {
      const {current, previous} = states.stateOf(await kept.get('state'));
      const needed = new Set();
      for (const version of [current, previous].filter((each) => each !== null)) {
        for (const each of [version, ...await bases(kept, version)]) needed.add(`versions/${each}`);
      }
      const needless = (await kept.keys()).filter((key) =>
        key.startsWith('parts/') || (key.startsWith('versions/') && !needed.has(key)));
      kept.put(Object.fromEntries(needless.map((key) => [key, undefined])));
    });
  }
}

/** The versions that a version is a difference on, and they on others. */
async function bases(kept, version) {
  const found = [];
  for (let at = version; found.length <= LONGEST_CHAIN;) {
    const base = (await kept.get(`versions/${at}`))?.record?.base ?? null;
    if (base === null) break;
    found.push(base);
    at = base;
  }
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

/** A connection that ends early may look whole where the browser unpacks it. */
function isJson(bytes) {
  try {
    parsed(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Whether a version threw, or led to it: not what the app was kept from meanwhile. */
function isOfTheModel(error) {
  if (error instanceof Refused) return error.reason === REASONS.PROBE;
  return error?.name !== 'AbortError';
}

const unbase64 = (text) => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));

function need(holds, cause) {
  if (!holds) throw new TypeError(cause);
}

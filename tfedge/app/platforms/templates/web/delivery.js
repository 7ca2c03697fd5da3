// Fetches later versions of {{ model.class_name }}. Written by tfedge; change nothing here, write it again.

import {Client, IndexedStore, MemoryStore, REASONS, Refused} from './delivery/client.js';
import {{ "{" }}{{ model.class_name }}, runtime, unpacked} from './model.js';

/** Where they are, and what is believed: the first root, and the key that opens them. */
export const REPOSITORY = {{ model.delivered.repository|text }};
export const MODEL = {{ model.delivered.model|text }};
const TRUST = JSON.parse({{ model.delivered.trust|text }});
const PROBE_SECONDS = 120;

/** The model in this browser: the version that was proved last, or the one that the page brings. */
export class {{ model.class_name }}Delivery {
  #client;
  #options;

  /**
   * Opens what this browser keeps; nothing is asked for over the network yet. Where it may keep
   * nothing, as in some private windows, versions are fetched again for each page.
   * @param {import('./model.js').Options} [options] of each load
   * @param {{ "{{" }}channel?: string, app?: string, runtime?: string, installation?: string{{ "}}" }} [here] which
   *     versions are meant, and what they are chosen by: see delivery/client.js
   */
  static async open(options = {}, here = {}) {
    const made = new {{ model.class_name }}Delivery();
    made.#options = options;
    const primer = options.primer ?? new URL('./tfedge_primer.lzma', import.meta.url);
    const name = `tfedge ${REPOSITORY} ${MODEL}`;
    made.#client = new Client({
      ...here, repository: REPOSITORY, model: MODEL, trust: TRUST,
      store: await IndexedStore.open(name).catch(() => new MemoryStore(name)),
      unpack: async (packed, size) => unpacked(packed, await bytesOf(primer), size),
      probe: (content, golden) => probed(content, golden, options),
    });
    return made;
  }

  /**
   * Asks for the version that is meant for this browser, proves it and keeps it for the next load.
   * Whatever stands in the way is told, not thrown.
   * @param {import('./delivery/download.js').Ways} [ways] such as {mostBytes: 5e6}
   * @param {(state: string, done: number, total: number) => void} [progress]
   * @returns {Promise<import('./delivery/client.js').Told>}
   */
  update(ways = {}, progress = () => {}) {
    return this.#client.update(ways, progress);
  }

  /**
   * Loads the last good version; needs no network but for the page's own files. One that crashes
   * the page at its first load is not loaded again.
   * @returns {Promise<{model: {{ model.class_name }}, version: number|null}>} null: the page's own
   */
  async load() {
    await runtime(this.#options);
    for (let versions = 0; versions < 2; versions++) {
      try {
        return await this.#client.using(async ({version, content}) => {
          const model = await {{ model.class_name }}.load(this.#options, content);
          return {model, version};
        });
      } catch (cause) {
        console.warn(`no delivered version of ${MODEL} is used: ${cause.message}`);
      }
    }
    return {model: await {{ model.class_name }}.load(this.#options), version: null};
  }
}

/** A file of the page; where it does not come, no version is to blame. */
async function bytesOf(address) {
  const answer = await fetch(address).catch((cause) => ({ok: false, status: cause.message}));
  if (!answer.ok) throw new Refused(REASONS.OFFLINE, `${address}: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

/** Runs the examples of a version in a worker; where LiteRT.js does not start there, on the page. */
async function probed(content, golden, options) {
  const worker = new Worker(new URL('./probe_worker.js', import.meta.url), {type: 'module'});
  let [isThere, timer] = [false, 0];
  try {
    await new Promise((resolve, reject) => {
      const late = () => reject(new Error(`no answer in ${PROBE_SECONDS} s`));
      const wait = () => {
        clearTimeout(timer);
        timer = setTimeout(late, 1000 * PROBE_SECONDS);
      };
      wait();
      worker.onmessage = ({data}) => {
        isThere ||= data.started === true;
        if (data.ready) worker.postMessage({content, golden, options: cloneable(options)});
        else if (data.started) wait();
        else if (data.passed) resolve();
        else reject(new Error(data.unready ?? data.refused));
      };
      worker.onerror = () => reject(new Error('probe_worker.js ended'));
    });
  } catch (cause) {
    if (isThere) throw cause;
    await runtime(options).catch(({message}) => { throw new Refused(REASONS.OFFLINE, message); });
    const model = await {{ model.class_name }}.load(options, content);
    await model.probe(golden).finally(() => model.close());
  } finally {
    clearTimeout(timer);
    worker.terminate();
  }
}

/** Addresses as they are from this page: a worker's own place is another. */
function cloneable(options) {
  const addresses = ['wasm', 'model', 'primer', 'golden'].filter((key) => key in options);
  const whole = addresses.map((key) => [key, new URL(options[key], document.baseURI).href]);
  return {...options, ...Object.fromEntries(whole)};
}

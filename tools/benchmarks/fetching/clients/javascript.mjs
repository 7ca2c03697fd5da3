// What _lines.py asks for, and for itself:
//   flip_target    {content, bits}       each bit of a file of one chunk
//   flip_sealed    {content, name, key, bits}  each bit of a sealed file, whatever its hash
//   flip_metadata  {root, files, name, bits}   each bit of the metadata file `name`
//   times          {file, chunk, key, name, length, times}  milliseconds of a processor, the least of
//                                      so many: hashes of the chunks, opened, unpacked, compared
// Content is in base64; `bits` is a list, or null for every one. Answers: [taken, wrong].

import {createInterface} from 'node:readline';
import {readFileSync} from 'node:fs';
import {webcrypto} from 'node:crypto';
import {Client, MemoryStore} from './client.js';
import {Network} from './download.js';
import {openSealed} from './sealed.js';
import {REASONS, Refused, canonical, hex, refresh, sha256} from './tuf.js';
import {unpack} from './unpack.js';

globalThis.crypto ??= webcrypto;
console.warn = () => {};
const primer = readFileSync('primer');
const [of64, text] = [(each) => new Uint8Array(Buffer.from(each, 'base64')), new TextDecoder()];
const AT_ONCE = 16;
const failing = {at: 0, count: 0};
let [asked, client, store, kept] = [null, null, null, null];

// Web Locks as browsers have them; without, a lease that is not given back runs out in 15 s.
const held = new Map();
const locks = {
  async request(name, {ifAvailable}, work) {
    if (ifAvailable && held.has(name)) return work(null);
    while (held.has(name)) await held.get(name);
    const done = Promise.resolve(work({name}));
    held.set(name, done.catch(() => {}));
    return done.finally(() => held.delete(name));
  },
};
Object.defineProperty(globalThis, 'navigator', {value: {locks}, configurable: true});

/** What is full can be read. */
class Store extends MemoryStore {
  transaction(work) {
    return super.transaction((inside) => work({
      ...inside,
      put(changes) {
        failing.count++;
        if (failing.count === failing.at) throw new Refused(REASONS.DISK, 'it is full');
        inside.put(changes);
      },
    }));
  }
}

async function probe(model, golden) {
  if (await sha256(model) !== hex(golden)) throw new Error('another answer');
}

function start(entries) {
  store = new Store(asked.model);
  store.kept = new Map(entries);
  client = new Client({
    ...asked, store, probe, unpack: (packed, size) => unpack(packed, primer, size),
  });
}

/** What `work` said to `content`, one bit of which is another one; several are under way. */
async function flipped(content, bits, work) {
  const all = bits ?? Array.from({length: 8 * content.length}, (_, bit) => bit);
  const found = [];
  for (let i = 0; i < all.length; i += AT_ONCE) {
    found.push(...await Promise.all(all.slice(i, i + AT_ONCE).map((bit) => {
      const changed = content.slice();
      changed[bit >> 3] ^= 1 << (bit & 7);
      return work(changed);
    })));
  }
  return found;
}

/** How often `work` took what was flipped. */
async function taken(content, bits, work) {
  const found = await flipped(content, bits, (each) => work(each).then(() => true, () => false));
  return found.filter((each) => each).length;
}

const DOING = {
  begin(told) {
    asked = told;
    start([]);
  },
  keep() {
    kept = [...store.kept];
  },
  back: () => start(kept),
  again: () => start(store.kept),
  async update({attempts}) {
    const {version, reason, received} =
      await client.update({attempts, sleep: async () => {}});
    return {version, reason, received};
  },
  used: () => client.using(async ({version, content}) => [version, await sha256(content)])
    .catch(() => null),
  fail({at}) {
    const {count} = failing;
    Object.assign(failing, {at, count: 0});
    return count;
  },
  async flip_target({content, bits}) {
    const right = of64(content);
    const digest = await sha256(right);
    const wanted = {
      name: 'x', url: 'x', length: right.length, sha256: digest, chunkBytes: right.length,
      chunks: [digest],
    };
    let put = 0;
    const keep = {get: async () => undefined, put: async () => { put++; }};
    const got = (bytes) => new Network({attempts: 1, fetch: async () => new Response(bytes)})
      .signed(wanted, keep, () => {});
    await got(right); // as it was signed it is taken
    const before = put;
    const count = await taken(right, bits, got);
    return [count, count + put - before];
  },
  async flip_sealed({content, name, key, bits}) {
    const right = of64(content);
    const opens = (bytes) => openSealed(bytes, of64(key), name);
    await opens(right);
    const count = await taken(right, bits, opens);
    return [count, count];
  },
  async flip_metadata({root, files, name, bits}) {
    const served = new Map(Object.entries(files).map(([each, bytes]) => [each, of64(bytes)]));
    const first = of64(root);
    const role = name.replace(/\.json$/, '').split('.').at(-1);
    const signed = (bytes) => canonical(JSON.parse(text.decode(bytes)).signed);
    const right = signed(served.get(name));
    let targets = null;
    const refreshed = async (bytes) => {
      const seen = new Map();
      const get = async (each) => {
        if (each === name) return bytes;
        if (!served.has(each)) throw new Refused('offline', each, 404);
        return served.get(each);
      };
      const keeping = {
        get: async (each) => seen.get(each), put: async (each, value) => seen.set(each, value),
      };
      const told = canonical(await refresh(first, get, keeping, new Date()));
      targets ??= told;
      const own = seen.get(role === 'root' ? name : `${role}.json`);
      return own !== undefined && signed(own) === right && told === targets;
    };
    if (!await refreshed(served.get(name))) throw new Error('as it was signed it is not taken');
    const found = await flipped(served.get(name), bits, (each) => refreshed(each).catch((error) => {
      if (!(error instanceof Refused)) throw error;
      return null;
    }));
    const took = found.filter((each) => each !== null);
    return [took.length, took.filter((isSame) => !isSame).length];
  },
  async times({file, chunk, key, name, length, times}) {
    const sealed = new Uint8Array(readFileSync(file));
    const least = [Infinity, Infinity, Infinity, Infinity];
    let part = 0;
    const timed = async (work) => {
      const before = process.cpuUsage();
      const answer = await work();
      const {user, system} = process.cpuUsage(before);
      least[part] = Math.min(least[part], (user + system) / 1000);
      part = (part + 1) % least.length;
      return answer;
    };
    for (let i = 0; i < times; i++) {
      await timed(async () => {
        for (let at = 0; at < sealed.length; at += chunk) {
          await sha256(sealed.subarray(at, at + chunk));
        }
      });
      const packed = await timed(() => openSealed(sealed, of64(key), name));
      const content = await timed(() => unpack(packed, primer, length));
      await timed(() => sha256(content));
    }
    return least;
  },
};

for await (const line of createInterface({input: process.stdin})) {
  const {what, ...how} = JSON.parse(line);
  let answer;
  try {
    answer = {is: await DOING[what](how) ?? null};
  } catch (error) {
    answer = {error: `${error.name}: ${error.message}`};
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}

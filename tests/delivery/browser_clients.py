"""The JavaScript client in one Node process, asked by lines of JSON."""

import base64
import json
import pathlib
import shutil
import subprocess

from repositories import MODEL

from tfedge.packing import primer

NODE = shutil.which("node")
TFEDGE = pathlib.Path(__file__).parents[2] / "tfedge"
PROGRAM = """
import {createInterface} from 'node:readline';
import {readFileSync} from 'node:fs';
import {createHash, webcrypto} from 'node:crypto';
import {Client, MemoryStore, Refused, REASONS} from './client.js';
import {canonical, parsed} from './tuf.js';
import {unpack} from './unpack.js';
globalThis.crypto ??= webcrypto;
console.warn = () => {};
const primer = readFileSync('primer');
const clients = new Map();
const stores = new Map();
const probe = async (model, golden) => {
  const expected = Buffer.concat([
    Buffer.from('golden of '), createHash('sha256').update(model).digest()]);
  if (!expected.equals(golden)) throw new Error('another answer');
};
const probes = {
  undefined: probe,
  never: () => new Promise(() => {}),
  offline: async () => { throw new Refused('offline', 'LiteRT.js cannot be had'); },
};
const waits = [];
const ways = {attempts: 4, sleep: async (seconds) => waits.push(seconds)};
let later = 0; // milliseconds
const real = Date.now;
Date.now = () => real() + later;

/** One whose calls fail, or whose page is closed at one of them. */
class Store extends MemoryStore {
  count = 0;
  closed = new Promise((done) => { this.close = done; });

  transaction(work) {
    this.count += 1;
    if (this.count === this.failsAt) return Promise.reject(new Refused('disk', 'it is full'));
    if (this.count < (this.closesAt ?? Infinity)) return super.transaction(work);
    this.close();
    return new Promise(() => {});
  }
}

const DOING = {
  open({id, store, now, probe, ...asked}) {
    if (!stores.has(store)) stores.set(store, new Store(store));
    const date = now ? () => new Date(now) : undefined;
    clients.set(id, new Client({
      ...asked, store: stores.get(store), probe: probes[probe], ...(date ? {now: date} : {}),
      unpack: (packed, size) => unpack(packed, primer, size),
    }));
  },
  async update({id, more: {minutes = 0, ...more}}) {
    const states = new Set();
    waits.length = 0;
    let passed = 0; // a minute with each look at the clock, where it is asked for
    const clock = () => { passed += 60.1 * minutes; return passed; };
    const how = {...ways, clock, ...more};
    const told = await clients.get(id).update(how, (state) => states.add(state));
    return {...told, states: [...states], waits};
  },
  together: ({ids}) => Promise.all(ids.map((id) => clients.get(id).update(ways))),
  // What other clients get in the first use of one.
  usedMeanwhile: ({id, others}) => clients.get(id).using(async ({version}) => {
    const used = (each) => clients.get(each).using((model) => model.version);
    return [version, ...await Promise.all(others.map(used))];
  }),
  faulty({store, ...faults}) {
    later += 60_000;
    Object.assign(stores.get(store), {count: 0, failsAt: 0, closesAt: Infinity}, faults);
  },
  copy({store, to}) {
    stores.get(to).kept = structuredClone(stores.get(store).kept);
  },
  count: ({store}) => stores.get(store).count,
  /** The page goes while it updates or uses; what it kept stays, and time goes by. */
  async closedWhile({id, store, uses}) {
    const client = clients.get(id);
    const old = stores.get(store);
    await new Promise((done) => {
      const soon = () => setTimeout(done, 30);
      if (uses) client.using(() => { soon(); return new Promise(() => {}); });
      else client.update(ways, (state) => { if (state === 'probing') soon(); }).then(done);
      old.closed.then(done);
    });
    const next = new Store(store);
    next.kept = new Map(old.kept);
    stores.set(store, next);
    later += 60_000;
  },
  damage({store, key, value}) {
    stores.get(store).kept.set(key, value);
  },
  canonical: ({texts}) => texts.map((text) => {
    try {
      return canonical(parsed(Buffer.from(text, 'base64')));
    } catch (error) {
      return null;
    }
  }),
  used: ({id, fails}) => clients.get(id).using(({version, content}) => {
    if (fails === 'aborts') throw new DOMException('the page was left', 'AbortError');
    if (fails === 'offline') throw new Refused('offline', 'a file of the page did not come');
    if (fails) throw new Error('crashed');
    return [version, Buffer.from(content).toString('base64')];
  }),
  corrupt({store, key}) {
    stores.get(store).kept.get(key).bytes[100] ^= 1;
  },
  keys: ({store}) => stores.get(store).keys(),
};
for await (const line of createInterface({input: process.stdin})) {
  const {what, ...how} = JSON.parse(line);
  let answer;
  try {
    answer = {is: await DOING[what](how) ?? null};
  } catch (error) {
    answer = {error: `${error.name}: ${error.message}`};
  }
  process.stdout.write(JSON.stringify(answer) + '\\n');
}
process.exit(); // pages that were closed would renew their leases
"""


def put_code(folder):
    """The client and the decoder of packed files."""
    for path in (TFEDGE / "delivery/browser").glob("*.js"):
        shutil.copy(path, folder)
    shutil.copy(TFEDGE / "app/platforms/templates/web/unpack.js", folder)


class Node:
    """The process; `ask` is one line."""

    def __init__(self, folder):
        put_code(folder)
        (folder / "primer").write_bytes(primer.stream())
        (folder / "package.json").write_text('{"type": "module"}')
        (folder / "program.js").write_text(PROGRAM)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen([NODE, "program.js"], cwd=folder, text=True, **pipes)

    def ask(self, what, **how):
        self._process.stdin.write(json.dumps({"what": what, **how}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["is"]

    def close(self):
        self._process.stdin.close()
        self._process.wait()


class Browser:
    """One installation, as `fetch.Client` has it."""

    count = 0

    def __init__(self, node, address, repository, store="", **more):
        Browser.count += 1
        self.node, self.id, self.store = node, str(Browser.count), store or str(Browser.count)
        self.asked = {"address": address, "repository": repository, **more}
        trust = json.loads(repository.trust.to_bytes())
        asked = {"repository": address, "trust": trust, "model": MODEL, **more}
        node.ask("open", id=self.id, store=self.store, **asked)

    def update(self, **more):
        return self.node.ask("update", id=self.id, more=more)

    def page(self, **more):
        """Another page of the same installation."""
        return Browser(self.node, store=self.store, **{**self.asked, **more})

    def used(self, fails=False):
        version, content = self.node.ask("used", id=self.id, fails=fails)
        return version, base64.b64decode(content)

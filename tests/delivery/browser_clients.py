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
const ways = {attempts: 4, sleep: async () => {}};
const DOING = {
  open({id, store, now, ...asked}) {
    if (!stores.has(store)) stores.set(store, new MemoryStore(store));
    const date = now ? () => new Date(now) : undefined;
    clients.set(id, new Client({
      ...asked, store: stores.get(store), probe, ...(date ? {now: date} : {}),
      unpack: (packed, size) => unpack(packed, primer, size),
    }));
  },
  async update({id, more}) {
    const states = new Set();
    const told = await clients.get(id).update({...ways, ...more}, (state) => states.add(state));
    return {...told, states: [...states]};
  },
  used: ({id, fails}) => clients.get(id).using(({version, content}) => {
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
        trust = json.loads(repository.trust.to_bytes())
        asked = {"repository": address, "trust": trust, "model": MODEL, **more}
        node.ask("open", id=self.id, store=self.store, **asked)

    def update(self, **more):
        return self.node.ask("update", id=self.id, more=more)

    def used(self, fails=False):
        version, content = self.node.ask("used", id=self.id, fails=fails)
        return version, base64.b64decode(content)

"""The JavaScript client in a browser: IndexedDB, locks between pages, a worker's Web Crypto."""

import json
import shutil
import subprocess
import time
import urllib.parse

import browser_clients
import pytest
import repositories
from fetch_clients import FIRST, SECOND

from tfedge.delivery import serving
from tfedge.packing import primer

CHROMIUM = shutil.which("chromium")
PAGE = """<!doctype html><script type="module">
import {Client, IndexedStore} from './client.js';
import {unpack} from './unpack.js';
const bytes = async (name) => new Uint8Array(await (await fetch(name)).arrayBuffer());
const said = [];
try {
  const trust = await (await fetch('trust.json')).json();
  const primer = await bytes('primer');
  const open = async (name = 'tiny') => new Client({
    repository: new URL('..', location).href, trust, model: 'tiny',
    store: await IndexedStore.open(name), probe: async () => {},
    unpack: (packed, size) => unpack(packed, primer, size),
  });
  const used = ({version, content}) => [version, content.length, content[9_100]];
  const [first, other] = [await open(), await open()];
  const both = await Promise.all([first.update({mostBytes: 9_000}), other.update()]);
  said.push(both.map(({outcome, reason}) => outcome + reason));
  said.push(await first.using(async (model) => {
    const theirs = await other.using(used); // the first use is another page's
    return [used(model), theirs];
  }));
  await bytes('publish');
  while (!(await fetch('published')).ok) await new Promise((done) => setTimeout(done, 50));
  said.push((await first.update()).version, await other.using(used));
  const kept = await (await IndexedStore.open('tiny')).keys();
  said.push(kept.filter((key) => key.startsWith('versions/') || key.startsWith('parts/')));
  said.push(await faults(open));
  async function faults(open) {
    const told = {};
    const ended = async (client) => {
      const {outcome, version, reason, cause} = await client.update();
      return [outcome, version, reason, cause.replace(/.*cannot be had: /, '')];
    };
    const {put} = IDBObjectStore.prototype;
    const putting = async (how) => {
      const client = await open('full');
      IDBObjectStore.prototype.put = how;
      const found = await ended(client);
      IDBObjectStore.prototype.put = put;
      return found;
    };
    const full = new DOMException('it is full', 'QuotaExceededError');
    told.full = await putting(() => { throw full; });
    told.aborted = await putting(function(...given) {
      const request = put.apply(this, given);
      this.transaction.abort();
      return request;
    });
    told.afterwards = await ended(await open('full'));
    const client = await open('removed');
    await ended(client);
    await new Promise((done, failed) => { // as another page does, or a user
      const request = indexedDB.deleteDatabase('removed');
      request.onsuccess = done;
      request.onblocked = () => failed(new Error('the page holds its database'));
    });
    told.removed = await ended(client);
    const other = await new Promise((done) => {
      const request = indexedDB.open('other', 3);
      request.onsuccess = () => done(request.result);
    });
    other.close();
    told.other = await ended(await open('other'));
    Object.defineProperty(navigator, 'locks', {value: undefined});
    const pages = await Promise.all([open('both'), open('both'), open('both')]);
    told.both = (await Promise.all(pages.map((page) => page.update())))
      .map(({outcome}) => outcome).sort();
    Object.defineProperty(globalThis, 'indexedDB', {value: undefined});
    told.none = await open('none').then(() => 'open', ({reason}) => reason);
    return told;
  }
} catch (error) {
  said.push(`${error.stack}`);
}
await fetch(`result/${encodeURIComponent(JSON.stringify(said))}`);
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
def test_a_page_keeps_what_it_has_proved(tmp_path):
    repository = repositories.Repository(tmp_path / "repository")
    repository.publish(1, FIRST)
    repository.write()
    page = repository.folder / "page"
    page.mkdir()
    browser_clients.put_code(page)
    (page / "index.html").write_text(PAGE)
    (page / "trust.json").write_bytes(repository.trust.to_bytes())
    (page / "primer").write_bytes(primer.stream())
    flags = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run")
    with serving.Server(repository.folder) as server:
        address = f"{server.address}page/index.html"
        browser = subprocess.Popen(
            [CHROMIUM, *flags, f"--user-data-dir={tmp_path / 'profile'}", address],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            waited_for(server, "page/publish")
            repository.publish(2, SECOND, deltas=[1])
            repository.write()
            (page / "published").write_text("")
            said = json.loads(urllib.parse.unquote(waited_for(server, "page/result/")))
        finally:
            browser.terminate()
            browser.wait(30)
    first, second = ([1, len(FIRST), FIRST[9_100]], [2, len(SECOND), SECOND[9_100]])
    assert said == [
        ["nothingpostponed", "updated"],
        [first, first],
        2,
        second,
        ["versions/1", "versions/2"],
        {
            "full": ["nothing", None, "disk", "it is full"],
            "aborted": ["nothing", None, "disk", "it ended a transaction"],
            "afterwards": ["updated", 2, "", ""],
            "removed": ["updated", 2, "", ""],
            "other": ["updated", 2, "", ""],
            "both": ["unchanged", "unchanged", "updated"],
            "none": "disk",
        },
    ]


def waited_for(server, start, seconds=60):
    """What follows in the path of the request that begins so."""
    for _ in range(seconds * 20):
        found = [path for path in server.counted.paths if path.startswith(start)]
        if found:
            return found[0].removeprefix(start)
        time.sleep(0.05)
    raise TimeoutError(start)

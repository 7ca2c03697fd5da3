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
  const open = async () => new Client({
    repository: new URL('..', location).href, trust, model: 'tiny',
    store: await IndexedStore.open('tiny'), probe: async () => {},
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
    ]


def waited_for(server, start, seconds=60):
    """What follows in the path of the request that begins so."""
    for _ in range(seconds * 20):
        found = [path for path in server.counted.paths if path.startswith(start)]
        if found:
            return found[0].removeprefix(start)
        time.sleep(0.05)
    raise TimeoutError(start)

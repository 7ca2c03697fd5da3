"""The JavaScript: in Node over a runtime that knows the interpreter's answers, or in Chromium."""

import contextlib
import functools
import http.server
import json
import os
import pathlib
import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from tfedge_tools.benchmarks.apps.subject import Subject, as_text
from tfedge_tools.phone import litert_js

from tfedge import app, errors
from tfedge.app.asked import Asked
from tfedge.app.port import Port

NODE = shutil.which("node")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
_STUB = pathlib.Path(__file__).parent / "stubs" / "litertjs_core"
_SECONDS = 300
_ARRAYS = {"bytes": "Uint8Array", "real": "Float32Array", "whole": "Int32Array"}
START = """
import {readFileSync} from 'node:fs';
import {counted} from '@litertjs/core';
import * as made from './model.js';
import './worker_of_node.js';
globalThis.fetch = async (address) => {
  const bytes = readFileSync(new URL(address, import.meta.url));
  return {ok: true, arrayBuffer: async () => new Uint8Array(bytes).buffer};
};
const {TinyNet} = made;
const read = (name) => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));
const told = async (work) => {
  try {
    await work();
    return 'nothing was refused';
  } catch (e) {
    return `${e.name}: ${e.message}`;
  }
};
const say = (value) => process.stdout.write(JSON.stringify(value));
"""
_PAGE = """<!doctype html>
<script type="importmap">
{"imports": {"@litertjs/core": "/litert/core.js", "@litertjs/wasm-utils": "/litert/wasm_utils.js"}}
</script>
<script type="module">
  let said;
  try {
    const {TinyNet} = await import('./model.js');
    const rows = await (await fetch('./rows.json')).json();
    const started = performance.now();
    const model = await TinyNet.load({wasm: '/litert/'});
    const loadMs = performance.now() - started;
    const answers = [];
    for (const row of rows) {
      const found = await model.run(ROW);
      answers.push(Object.values(found).map((values) => Array.from(values, String)));
    }
    said = {answers, loadMs, check: await model.selfCheck()};
  } catch (cause) {
    said = {failed: String(cause.stack ?? cause)};
  }
  await fetch('/said', {method: 'POST', body: JSON.stringify(said)});
</script>
"""


def written(subject: Subject, folder: pathlib.Path, *, packed: bool = False) -> pathlib.Path:
    """The subject's JavaScript, with its raw examples beside it."""
    made = app.write(subject.release, "web", folder, Asked(class_name="TinyNet", packed=packed))
    rows = subject.rows()
    listed = [
        [rows[name][row].reshape(-1).tolist() for name in rows]
        for row in range(len(subject.held_out))
    ]
    (made / "rows.json").write_text(json.dumps(listed))
    return made


def with_stub(folder: pathlib.Path, subject: Subject) -> pathlib.Path:
    """The folder with a runtime in it that knows the interpreter's answers."""
    model = subject.model("web")
    answers = {
        " ".join(as_text(made.inputs[port.name][row]) for port in model.inputs): [
            as_text(made.outputs[port.name][row]) for port in model.outputs
        ]
        for made in subject.known()
        for row in range(made.examples)
    }
    known = {"inputs": _ends(model.inputs), "outputs": _ends(model.outputs), "answers": answers}
    (folder / "answers.json").write_text(json.dumps(known))
    shutil.copytree(_STUB, folder / "node_modules" / "@litertjs" / "core")
    shutil.copy(_STUB.with_name("worker_of_node.js"), folder)
    return folder


def node(folder: pathlib.Path, code: str) -> Any:
    """What a program in a folder with a stub `say`s.

    Raises:
        RuntimeError: it fails.
    """
    assert NODE is not None
    (folder / "test.mjs").write_text(START + code)
    done = subprocess.run(
        [NODE, "test.mjs"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ANSWERS": str(folder / "answers.json")},
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def row(inputs: Sequence[Port]) -> str:
    """Code of the inputs of an example that is listed as `written` lists them."""
    each = (f"{port.id}: {_ARRAYS[port.given]}.from(row[{i}])" for i, port in enumerate(inputs))
    return "{" + ", ".join(each) + "}"


def in_chromium(folder: pathlib.Path, subject: Subject) -> dict[str, Any]:
    """Runs `written` code on LiteRT.js in headless Chromium.

    Returns:
        answers: output name -> (n, numbers); check: what selfCheck says; loadMs.

    Raises:
        BadInput: no Chromium, or LiteRT.js cannot be fetched.
        RuntimeError: the page fails.
    """
    model = subject.model("web")
    page = _PAGE.replace("ROW", row(model.inputs))
    (folder / "run.html").write_text(page)
    found = said_by(folder, "run.html")
    if "failed" in found:
        raise RuntimeError(found["failed"])
    answers = {
        port.name: np.array([each[place] for each in found["answers"]]).astype(np.float32)
        for place, port in enumerate(model.outputs)
    }
    return {**found, "answers": answers}


def said_by(folder: pathlib.Path, page: str) -> Any:
    """The JSON that a page of the folder posts to /said, in headless Chromium.

    Raises:
        BadInput: no Chromium, or LiteRT.js cannot be fetched.
        RuntimeError: it says nothing.
    """
    with _served(folder) as (port, said):
        return _opened(f"http://127.0.0.1:{port}/{page}", said)


def _ends(ports: Sequence[Port]) -> list[dict[str, Any]]:
    return [{"name": each.name, "dtype": each.dtype, "shape": each.shape} for each in ports]


def _opened(address: str, said: "queue.Queue[bytes]") -> dict[str, Any]:
    if CHROMIUM is None:
        raise errors.BadInput("Chromium", "it is not here", "Install chromium.")
    with tempfile.TemporaryDirectory() as profile:
        options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
        browser = subprocess.Popen(
            [CHROMIUM, *options, address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            return json.loads(said.get(timeout=_SECONDS))
        except queue.Empty as e:
            raise RuntimeError(f"the page said nothing in {_SECONDS} s") from e
        finally:
            browser.terminate()
            browser.wait()


@contextlib.contextmanager
def _served(folder: pathlib.Path) -> "Iterator[tuple[int, queue.Queue[bytes]]]":
    """The port of a server of the folder and of LiteRT.js, and what is posted to it."""
    said: queue.Queue[bytes] = queue.Queue()
    handler = functools.partial(_Handler, said, litert_js.files(), directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port, said
        finally:
            server.shutdown()


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Files of one folder, those of LiteRT.js under /litert/, and one address that takes text."""

    def __init__(
        self,
        said: "queue.Queue[bytes]",
        runtime: dict[str, pathlib.Path],
        *arguments: Any,
        directory: str,
    ):
        self._said, self._runtime = said, runtime
        super().__init__(*arguments, directory=directory)

    def translate_path(self, path: str) -> str:
        name = path.split("?", maxsplit=1)[0].removeprefix("/litert/")
        return str(self._runtime[name]) if name in self._runtime else super().translate_path(path)

    def do_POST(self) -> None:
        self._said.put(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        """Says nothing."""

"""The page's own origin: the generated folder, LiteRT.js, and an address that takes what it says.

A bundler puts the place of LiteRT.js into the code; here the server does, so that workers find it
too. `/importmap/` has the folder as it was written, for pages that do without a bundler.
"""

import functools
import http.server
import json
import pathlib
import queue
import threading
import urllib.parse
from typing import Any

from tfedge_tools.phone import litert_js

_BUNDLED = {
    b"'@litertjs/core'": b"'/litert/core.js'",
    b'"@litertjs/wasm-utils"': b'"/litert/wasm_utils.js"',
}
_PAGE = pathlib.Path(__file__).with_name("page.html")


class Site:
    """The folder behind an address.

    Attributes:
        address: of the page.
        said: what pages have posted, in their order.
    """

    def __init__(self, folder: pathlib.Path, rows: Any, name: str):
        """Binds a port.

        Args:
            folder: as `tfedge app` wrote it.
            rows: raw examples that the page runs, as JSON has them.
            name: of the class.
        """
        self.said: queue.Queue[dict[str, Any]] = queue.Queue()
        self.rows = json.dumps(rows).encode()
        self.page = _PAGE.read_bytes().replace(b"CLASS", name.encode())
        handler = functools.partial(_Handler, self, litert_js.files(), directory=str(folder))
        self._http = _Server(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self._http.server_port}/"

    def __enter__(self) -> "Site":
        """Begins to answer."""
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends."""
        self._http.shutdown()
        self._http.server_close()

    def heard(self, what: str, seconds: float = 120.0) -> dict[str, Any]:
        """The next thing of this kind that a page says.

        Raises:
            RuntimeError: it says nothing, or that it failed.
        """
        while True:
            try:
                told = self.said.get(timeout=seconds)
            except queue.Empty as error:
                raise RuntimeError(f"the page did not say '{what}' in {seconds:g} s") from error
            if told["what"] == "failed":
                raise RuntimeError(told["cause"])
            if told["what"] == what:
                return told


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A browser that was killed is no error here."""


class _Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, site: Site, runtime: dict[str, pathlib.Path], *rest: Any, directory: str):
        self._site, self._runtime = site, runtime
        super().__init__(*rest, directory=directory)

    def do_GET(self) -> None:
        path = urllib.parse.urlsplit(self.path).path
        is_bundled = not path.startswith("/importmap/")
        name = path.removeprefix("/importmap").lstrip("/")
        if name in ("", "index.html"):
            self._send(self._site.page, "text/html")
        elif name == "rows.json":
            self._send(self._site.rows, "application/json")
        elif name.startswith("litert/") and name[len("litert/") :] in self._runtime:
            self._send_file(self._runtime[name[len("litert/") :]], is_bundled)
        elif "/../" not in f"/{name}" and (pathlib.Path(self.directory) / name).is_file():
            self._send_file(pathlib.Path(self.directory) / name, is_bundled)
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self._site.said.put(json.loads(content))
        self._send(b"", "text/plain")

    def _send_file(self, path: pathlib.Path, is_bundled: bool) -> None:
        content = path.read_bytes()
        if is_bundled and path.suffix == ".js":
            for bare, placed in _BUNDLED.items():
                content = content.replace(bare, placed)
        self._send(content, self.guess_type(str(path)))

    def _send(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

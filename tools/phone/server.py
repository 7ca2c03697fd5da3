"""Serves the page to one phone on the local network, and takes one result from it.

Every address starts with a token that is made for this run and told to nobody but who sees the
terminal. Plain http, because a phone trusts no certificate of a computer at home: so nothing secret
is sent, and what comes back is checked as a stranger's.
"""

import base64
import contextlib
import hashlib
import hmac
import http.server
import io
import ipaddress
import json
import pathlib
import re
import secrets
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable, Collection, Mapping
from typing import Any

from absl import logging

from tfedge import errors

_PAGE = pathlib.Path(__file__).parent
_PAGE_FILES = (
    "page.html",
    "page.css",
    "page.js",
    "model.js",
    "timing.js",
    "device.js",
    "sha256.js",
)
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".wasm": "application/wasm",
}
_IDLE_SECONDS = 30  # a phone that takes nothing for so long has gone
_ASKING_SECONDS = 60  # for a whole request, so that one that drips is dropped too
_MOST_CONNECTIONS = 32  # a browser opens about six
_RESULT = "result"
_OWN_BYTES = 2**17  # of a result, beside the outputs
Judge = Callable[[bytes], Mapping[str, Any]]


class Server:
    """Serves until the one result is there.

    Args:
        files: what the page fetches beside its own parts: name -> content or path.
        judge: body of the result -> what the page is to show; BadInput refuses it, and the phone
            may try again.
        output_bytes: of the answers in a result, which limits its size.
        host: the address to serve on.
        port: 0 for any.

    Raises:
        BadInput: the address cannot be served on.
    """

    def __init__(
        self,
        files: Mapping[str, bytes | pathlib.Path],
        judge: Judge,
        output_bytes: int,
        host: str,
        port: int = 0,
    ):
        self.files = {**{name: _PAGE / name for name in _PAGE_FILES}, **files}
        self.judge = judge
        self.most_bytes = _OWN_BYTES + output_bytes * 4 // 3 + 64
        self.token = secrets.token_urlsafe(16)
        self.lock = threading.Lock()
        self.accepted = threading.Event()
        self.failure: Exception | None = None
        try:
            self._http = _Http((host, port), self)
        except OSError as e:
            raise errors.BadInput(
                f"--host={host}, --port={port}",
                f"cannot be served on ({(e.strerror or str(e)).lower()})",
                "Name an address of this computer, and a port that is free.",
            ) from e
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)

    @property
    def address(self) -> str:
        """What the phone opens."""
        host, port = self._http.server_address[:2]
        return f"http://{host!s}:{port}/{self.token}/"

    def __enter__(self) -> "Server":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def wait(self, seconds: float) -> bool:
        """Whether a result was accepted within so many seconds.

        Raises:
            Exception: what `judge` raised, if that was no BadInput.
        """
        accepted = self.accepted.wait(seconds)
        if self.failure is not None:
            raise self.failure
        return accepted


class _Http(http.server.ThreadingHTTPServer):
    """A thread for each connection, and no more of them than `_MOST_CONNECTIONS`."""

    def __init__(self, address: tuple[str, int], owner: Server):
        self.owner = owner
        self.names = {address[0].lower(), "localhost"}
        self._free = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Drops a connection that is one too many; a browser tries again."""
        if not self._free.acquire(blocking=False):
            return self.shutdown_request(request)
        return super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Gives the connection's place back, however it ends."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        logging.debug("a connection broke", exc_info=True)


class _Handler(http.server.BaseHTTPRequestHandler):
    """GET of the files, POST of the result; everything else does not exist."""

    server: _Http
    server_version, sys_version = "tfedge", ""
    timeout = _IDLE_SECONDS

    def setup(self) -> None:
        """Reads the request under one deadline for all of it."""
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(_Request(self.connection, _ASKING_SECONDS))

    def do_GET(self) -> None:
        """A file."""
        name = self._name()
        content = None if name is None else self.server.owner.files.get(name or "page.html")
        if content is None:
            return self._answer(404, b"nothing here\n", "text/plain")
        body = content.read_bytes() if isinstance(content, pathlib.Path) else content
        suffix = pathlib.Path(name or "page.html").suffix
        return self._answer(200, body, _TYPES.get(suffix, "application/octet-stream"))

    def do_POST(self) -> None:
        """The result."""
        owner = self.server.owner
        if self._name() != _RESULT:
            return self._answer(404, b"nothing here\n", "text/plain")
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"\d{1,12}", length):
            return self._refuse(411, "its length is missing")
        if int(length) > owner.most_bytes:
            return self._refuse(413, "it is too large")
        body = self.rfile.read(int(length))
        with owner.lock:  # two at the same time: one of them is the first
            if owner.accepted.is_set():
                return self._refuse(409, "a result was accepted already; this address is used up")
            return self._judge(body)

    def _judge(self, body: bytes) -> None:
        owner = self.server.owner
        try:
            shown = owner.judge(body)
        except errors.BadInput as e:
            logging.warning("refused: %s", e)
            return self._refuse(400, str(e))
        except Exception as e:  # ours: raised again where the program waits
            owner.failure = e
            owner.accepted.set()
            return self._refuse(500, "the computer could not read it")
        try:
            return self._json(200, shown)
        finally:
            owner.accepted.set()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing for each file; warnings are logged where they arise."""

    def _name(self) -> str | None:
        """The file behind the token, "" for the page itself; None without the right token.

        Also None where the page was reached by a name that is not ours: a stranger's site may
        have its own name lead here, and its scripts then count as this page's.
        """
        if not _is_ours(self.headers.get("Host", ""), self.server.names):
            return None
        found = re.fullmatch(r"/([^/?#]+)/([^/?#]*)", self.path)
        if found is None:
            return None
        given, token = found[1].encode("utf-8", "replace"), self.server.owner.token.encode()
        return found[2] if hmac.compare_digest(given, token) else None

    def _refuse(self, code: int, cause: str) -> None:
        self.close_connection = True
        self._json(code, {"error": cause})

    def _json(self, code: int, content: Mapping[str, Any]) -> None:
        self._answer(code, json.dumps(content, allow_nan=False).encode(), _TYPES[".json"])

    def _answer(self, code: int, body: bytes, kind: str) -> None:
        self.connection.settimeout(_IDLE_SECONDS)  # of the whole answer; reading shortened it
        self.send_response(code)
        for name, value in _headers(kind).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Request(io.RawIOBase):
    """What a connection sends until the deadline, which a byte now and then does not move."""

    def __init__(self, connection: socket.socket, seconds: float):
        self._connection, self._until = connection, time.monotonic() + seconds

    def readable(self) -> bool:
        """See `io.RawIOBase`."""
        return True

    def readinto(self, buffer: Any) -> int:
        """See `io.RawIOBase`.

        Raises:
            TimeoutError: the deadline has passed.
        """
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request took too long")
        self._connection.settimeout(min(left, _IDLE_SECONDS))
        return self._connection.recv_into(buffer)


def _is_ours(host: str, names: Collection[str]) -> bool:
    """Whether a request was for an address in numbers, or for a name that we serve on."""
    try:
        name = urllib.parse.urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(name))
    return name in names


def local_address() -> str:
    """This computer's address on the local network; nothing is sent to find it.

    Raises:
        BadInput: there is no network.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # kept for documentation: nobody's (RFC 5737)
        except OSError as e:
            raise errors.BadInput(
                "--host", "this computer is on no network", "Join the phone's, or name an address."
            ) from e
        return str(probe.getsockname()[0])


def _headers(kind: str) -> dict[str, str]:
    """Nothing is kept, nothing comes from elsewhere, nothing is told to anyone."""
    headers = {
        "Content-Type": kind,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if kind.startswith("text/html"):
        headers["Content-Security-Policy"] = _policy()
    return headers


def _policy() -> str:
    page = (_PAGE / "page.html").read_text("utf-8")
    inline = re.findall(r'<script type="importmap">(.*?)</script>', page, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in inline]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src 'self' 'wasm-unsafe-eval' {allowed}; style-src 'self'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )

"""A repository served on this machine, with faults: for tests, and to see how an app behaves.

    with serving.Server(folder, serving.read_faults("drop(at=1000, times=3)")) as server:
        fetch(server.address)

Not for others to reach: it is bound to the loopback.
"""

import dataclasses
import functools
import http.server
import pathlib
import random
import socket
import threading
import time
import urllib.parse
from collections.abc import Sequence
from typing import Any

from absl import logging

from tfedge.delivery.serving import faults as faults_folder
from tfedge.delivery.serving import reply as replies
from tfedge.delivery.serving.fault import Draw, Fault

_SLICES = 10  # of a second, when it is slow
known_faults, read_faults = faults_folder.known, faults_folder.read


@dataclasses.dataclass
class Counted:
    """What was answered.

    Attributes:
        requests: how many.
        body_bytes: of the bodies that were sent.
        paths: of the requests, in their order.
    """

    requests: int = 0
    body_bytes: int = 0
    paths: list[str] = dataclasses.field(default_factory=list)


class Server:
    """A folder behind http://127.0.0.1, in threads of its own.

    Attributes:
        address: of the folder, with a slash at its end.
        faults: that spoil answers; may be set to others at any time.
        counted: what was answered since it was set.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        faults: Sequence[Fault] = (),
        port: int = 0,
        draw: Draw | None = None,
    ):
        """Binds the port.

        Args:
            folder: that is served; nothing outside of it is.
            faults: see above.
            port: 0 for one that is free.
            draw: for faults that come by chance; the same ones every time where it is left out.

        Raises:
            OSError: the port is taken.
        """
        self._folder = folder.resolve()
        self._draw = draw or random.Random(0).random
        self._lock = threading.Lock()
        self._spoiled: dict[int, int] = {}
        self.faults, self.counted = tuple(faults), Counted()
        handler = functools.partial(_Handler, self)
        self._http = _Http(("127.0.0.1", port), handler)
        self.address = f"http://127.0.0.1:{self._http.server_port}/"

    def __enter__(self) -> "Server":
        """Begins to answer."""
        threading.Thread(target=self.serve, daemon=True, name="tfedge serve").start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends."""
        self._http.shutdown()
        self._http.server_close()

    def serve(self) -> None:
        """Answers until it is ended."""
        self._http.serve_forever(poll_interval=0.05)

    def reply(self, path: str, headers: Any) -> replies.Reply:
        """The answer to a request for a file, faults in it."""
        file = (self._folder / path).resolve()
        if not file.is_relative_to(self._folder) or not file.is_file():
            found, request = replies.Reply(404, {}).with_body(b""), replies.Request(path, b"", "")
        else:
            request = replies.Request.of(self._folder, path, headers)
            found = replies.right(request)
        with self._lock:
            self.counted.requests += 1
            self.counted.paths.append(path)
            for fault in self.faults:
                count = self._spoiled.get(id(fault), 0)
                if fault.concerns(request, count, self._draw):
                    self._spoiled[id(fault)] = count + 1
                    found = fault.spoiled(found, request, self._draw)
            sent = len(found.body) if found.cut is None else min(found.cut, len(found.body))
            self.counted.body_bytes += sent
        return found


class _Http(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A client that went away is no error here."""


class _Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, server: Server, *arguments: Any):
        self._ours = server
        super().__init__(*arguments)

    def do_GET(self) -> None:
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path).lstrip("/")
        reply = self._ours.reply(path, self.headers)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self._allow_pages()
        self.end_headers()
        self._send(reply)

    def do_OPTIONS(self) -> None:
        """What a browser asks before it asks for a part of a file of another origin."""
        self.send_response(204)
        self._allow_pages()
        self.send_header("Access-Control-Allow-Headers", "Range, If-Range")
        self.end_headers()

    def log_message(self, format: str, *values: Any) -> None:
        logging.debug(format, *values)

    def _allow_pages(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        shown = "ETag, Content-Range, Content-Length, Content-Encoding"
        self.send_header("Access-Control-Expose-Headers", shown)

    def _send(self, reply: replies.Reply) -> None:
        body = reply.body if reply.cut is None else reply.body[: reply.cut]
        if reply.bytes_per_second:
            step = max(1, int(reply.bytes_per_second / _SLICES))
            for start in range(0, len(body), step):
                self.wfile.write(body[start : start + step])
                time.sleep(1 / _SLICES)
        else:
            self.wfile.write(body)
        if reply.cut is not None and reply.cut < len(reply.body):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)

"""A server that answers right, and drops one connection behind a given byte of what it sends.

Every byte counts, those of the status line and the headers too, which `tfedge publish serve` does
not cut. One request after another. Python's client can also be answered in its own thread, by
`plugged`: what it reads is the same, parsed by the same code, without a socket and the waiting for
another thread.
"""

import collections
import contextlib
import dataclasses
import email.parser
import http.client
import io
import pathlib
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any
from unittest import mock

from tfedge.delivery.serving import reply as replies

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: what was sent and not yet read is lost too
_SECONDS = 10  # without a request on a connection


@dataclasses.dataclass
class Cut:
    """The connection of one answer is dropped.

    Attributes:
        path: of the file; the first answer to it is meant.
        at: bytes of the answer that are sent, its headers in front.
        by_reset: whether the other side is told of an error, else of an end.
        for_good: whether nothing is answered from then on.
        is_done: whether it happened.
    """

    path: str
    at: int
    by_reset: bool = False
    for_good: bool = False
    is_done: bool = False


class Wire:
    """A folder behind http://127.0.0.1, in a thread of its own.

    Attributes:
        address: of the folder, with a slash at its end.
        cut: what is to be dropped; None for nothing.
        asked: paths, in their order.
        sent: bytes of the bodies, by path.
        answers: lengths of (headers, body) of the first answer to each path.
    """

    def __init__(self, folder: pathlib.Path):
        """Binds a port."""
        self._folder = folder
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"
        self.forget()

    def __enter__(self) -> "Wire":
        """Begins to answer."""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def forget(self, cut: Cut | None = None) -> None:
        """Counts anew, and has another cut to make."""
        self.cut = cut
        self.asked: list[str] = []
        self.sent: collections.Counter[str] = collections.Counter()
        self.answers: dict[str, tuple[int, int]] = {}

    @contextlib.contextmanager
    def plugged(self) -> Iterator[None]:
        """While the block runs, `http.client` of this process has this end of the wire."""

        def connect(connection: http.client.HTTPConnection) -> None:
            connection.sock = _Plug(self)

        with mock.patch.object(http.client.HTTPConnection, "connect", connect):
            yield

    def answer(self, asked: bytes) -> bytes:
        """What is sent to a request; less than all of it where it is cut."""
        if self.cut is not None and self.cut.is_done and self.cut.for_good:
            return b""
        line, _, rest = asked.decode("latin-1").partition("\r\n")
        path = line.split()[1].lstrip("/")
        head, body = self._told(path, email.parser.HeaderParser().parsestr(rest))
        self.asked.append(path)
        self.answers.setdefault(path, (len(head), len(body)))
        content = head + body
        if self.cut is not None and not self.cut.is_done and self.cut.path == path:
            self.cut.is_done = True
            content = content[: self.cut.at]
        self.sent[path] += max(0, len(content) - len(head))
        return content

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):  # the other side has gone
                connection.settimeout(_SECONDS)
                self._send(connection)

    def _send(self, connection: socket.socket) -> None:
        asked = b""
        while not asked.endswith(b"\r\n\r\n"):
            received = connection.recv(1 << 16)
            if not received:
                return
            asked += received
        was_done = self.cut is None or self.cut.is_done
        content = self.answer(asked)
        if self.cut is not None and self.cut.is_done and not was_done and self.cut.by_reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.sendall(content)

    def _told(self, path: str, headers: Any) -> tuple[bytes, bytes]:
        """Headers and body."""
        if (self._folder / path).is_file():
            reply = replies.right(replies.Request.of(self._folder, path, headers))
        else:
            reply = replies.Reply(404, {}).with_body(b"")
        lines = [f"HTTP/1.1 {reply.status} {http.HTTPStatus(reply.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1"), reply.body


class _Plug:
    """As much of a socket as `http.client` uses, for one request."""

    def __init__(self, wire: Wire):
        self._wire, self._asked = wire, b""

    def sendall(self, data: bytes) -> None:
        self._asked += data

    def makefile(self, *_: Any) -> io.BufferedReader:
        return io.BufferedReader(io.BytesIO(self._wire.answer(self._asked)))  # type: ignore[arg-type]

    def close(self) -> None:
        """Nothing is open."""

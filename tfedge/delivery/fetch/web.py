"""HTTP, as much of it as a download needs: one GET from an offset on, nothing believed.

Servers, proxies and mobile networks answer a request for the rest of a file with the whole file,
with another part, with a page that says "pay here", or packed by gzip. Each of these is told apart
before a byte of it is used.
"""

import contextlib
import dataclasses
import functools
import http.client
import json
import re
import socket
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

from tfedge import errors
from tfedge.delivery.fetch import reasons
from tfedge.delivery.fetch.allowance import Allowance
from tfedge.delivery.fetch.retrying import Interrupted, Retries, Unavailable

PIECE_BYTES = 1 << 16  # of a read
_TIMEOUT_SECONDS = 30.0
_SLOW_SECONDS, _SLOW_BYTES = 60.0, 4096  # fewer in so long is no download
_TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}
_WHOLE = "[0-9]{1,15}"  # what other digits and longer numbers say is no size
_RANGE = re.compile(rf"bytes ({_WHOLE})-({_WHOLE})/({_WHOLE}|\*)")
_ETAG = re.compile(r'"[!#-~]{0,200}"')  # a strong one that can be said back to any server
# The last one is what a redirection to no address raises.
_BROKEN = (OSError, http.client.HTTPException, ValueError)


@dataclasses.dataclass(frozen=True)
class Answer:
    """The beginning of an answer that may be read.

    Attributes:
        start: the offset in the file of its first byte.
        etag: a strong one, else "".
        length: of the whole file as the server says; None where it does not.
        body: the rest.
    """

    start: int
    etag: str
    length: int | None
    body: Any


@dataclasses.dataclass(frozen=True)
class Web:
    """A way to the network.

    Attributes:
        allowance: what may be read, and where it is counted.
        retries: for their clock.
        timeout_seconds: without a byte, and until all headers are there.
    """

    allowance: Allowance
    retries: Retries
    timeout_seconds: float = _TIMEOUT_SECONDS

    def whole(self, url: str, most_bytes: int) -> bytes:
        """A small file of JSON, in one go.

        Raises:
            Interrupted, Unavailable: it did not come whole, or is larger.
            Postponed: the budget is used up.
        """
        with self.ask(url) as answer:
            found = bytearray()
            for piece in self.pieces(answer, most_bytes + 1):
                found += piece
        if len(found) > most_bytes:
            cause = f"{url} is endless: more than the {most_bytes:,} bytes it may have"
            raise Unavailable(cause, reasons.ENDLESS)
        if answer.length not in (None, len(found)):
            raise Interrupted(f"{url} ended at byte {len(found):,} of {answer.length:,}")
        # A connection that breaks within the headers looks like an answer of no told length.
        if answer.length is None and not _is_json(found):
            raise Interrupted(f"{url} ended at byte {len(found):,}, its length untold")
        return bytes(found)

    @contextlib.contextmanager
    def ask(self, url: str, start: int = 0, etag: str = "") -> Iterator[Answer]:
        """A file from an offset on.

        Args:
            url: http or https.
            start: the offset.
            etag: what it was when the first part of it came, "" where that is not known.

        Raises:
            Interrupted: no such answer now.
            Unavailable: none at all.
        """
        headers = {"Accept-Encoding": "identity", "User-Agent": "tfedge"}
        if start:
            headers["Range"] = f"bytes={start}-"
            if etag:
                headers["If-Range"] = etag
        with contextlib.closing(self._open(urllib.request.Request(url, headers=headers))) as body:
            yield _checked(url, start, body)

    def pieces(
        self, answer: Answer, most_bytes: int, at_once: int = PIECE_BYTES
    ) -> Iterator[bytes]:
        """What comes, up to `most_bytes`, counted.

        Args:
            answer: that is read.
            most_bytes: in all.
            at_once: the most of one piece.

        Raises:
            Interrupted: the connection broke, or hardly moves.
            Postponed: the budget is used up.
        """
        began, since = self.retries.clock(), 0
        while most_bytes:
            size = self.allowance.room(min(at_once, most_bytes))
            try:
                piece = answer.body.read1(size)
            except _BROKEN as error:
                raise Interrupted(f"the connection broke ({_said(error)})") from error
            if not piece:
                return
            self.allowance.count(len(piece))
            most_bytes -= len(piece)
            since += len(piece)
            yield piece
            if self.retries.clock() - began > _SLOW_SECONDS:
                if since < _SLOW_BYTES:
                    raise Interrupted(f"{since:,} bytes came in {_SLOW_SECONDS:g} s")
                began, since = self.retries.clock(), 0

    def _open(self, request: urllib.request.Request) -> Any:
        try:
            return _opener().open(request, timeout=self.timeout_seconds)
        except urllib.error.HTTPError as error:
            with error:
                raise _by_status(request, error) from error
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                cause = f"{request.host} has no valid certificate ({error.reason.verify_message})"
                raise Unavailable(cause) from error
            raise Interrupted(f"{request.host} cannot be reached ({_said(error)})") from error
        except _BROKEN as error:
            raise Interrupted(f"{request.host} cannot be reached ({_said(error)})") from error


def check_address(url: str) -> str:
    """The address of a repository with a slash at its end.

    Raises:
        BadInput: none of http or https; a file: would be read without a server in between.
    """
    if not re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", url) or not _has_host(url):
        raise errors.BadInput(
            f"--repository={url}",
            "expected the http(s) address of a folder",
            "Write https://HOST/FOLDER/.",
        )
    return url if url.endswith("/") else f"{url}/"


def _has_host(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # half an address of IPv6, a port that is none
        return False


class _Hurried:
    """A connection whose headers have to be there in time, however slowly they drip."""

    timeout: float | None
    sock: socket.socket | Any

    def getresponse(self) -> http.client.HTTPResponse:
        """Each byte begins the time of a socket anew, and so does each "100 Continue"."""
        late = threading.Timer(self.timeout or _TIMEOUT_SECONDS, _shut, [self.sock])
        late.daemon = True
        late.start()
        try:
            return super().getresponse()  # type: ignore[misc]
        finally:
            late.cancel()


def _shut(connected: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has ended by itself
        connected.shutdown(socket.SHUT_RDWR)


class _Http(_Hurried, http.client.HTTPConnection):
    pass


class _Https(_Hurried, http.client.HTTPSConnection):
    pass


class _HttpHandler(urllib.request.HTTPHandler):
    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Http, request)


class _HttpsHandler(urllib.request.HTTPSHandler):
    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Https, request)


@functools.cache
def _opener() -> urllib.request.OpenerDirector:
    """Only http and https, also after a redirection."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        _HttpHandler,
        _HttpsHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener


def _checked(url: str, start: int, body: Any) -> Answer:
    """Raises Interrupted for an answer to another question."""
    encoding = body.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        cause = f"{url} came packed by {encoding[:40]!r}, which was not asked for"
        raise Interrupted(cause, misread=bool(start))
    told = body.headers.get("ETag", "")
    etag = told if _ETAG.fullmatch(told) else ""
    if body.status == 200:
        return Answer(0, etag, _number(body.headers.get("Content-Length", "")), body)
    if body.status != 206 or not start:
        raise Interrupted(f"{url} answered with {body.status} to a request for all of it")
    told = body.headers.get("Content-Range", "")
    found = _RANGE.fullmatch(told)
    if not found or int(found[1]) != start:
        cause = f"{url} from byte {start:,} on was asked for, and {told[:60]!r} came"
        raise Interrupted(cause, misread=True)
    return Answer(start, etag, None if found[3] == "*" else int(found[3]), body)


def _by_status(
    request: urllib.request.Request, error: urllib.error.HTTPError
) -> Interrupted | Unavailable:
    cause = f"{request.full_url} answered with {error.code}"
    misread = error.code == 416 and request.has_header("Range")
    if error.code in _TRY_AGAIN or misread:
        asked = _number(error.headers.get("Retry-After", ""))
        return Interrupted(cause, wait_seconds=float(asked or 0), misread=misread)
    return Unavailable(cause, status=error.code)


def _is_json(content: bytes | bytearray) -> bool:
    try:
        json.loads(content)
        return True
    except (ValueError, RecursionError):
        return False


def _number(text: str) -> int | None:
    """A header's; None where it says something else."""
    return int(text) if re.fullmatch(_WHOLE, text) else None


def _said(error: BaseException) -> str:
    reason = getattr(error, "reason", None) or error
    said = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return " ".join(str(said).lower().split())[:200]

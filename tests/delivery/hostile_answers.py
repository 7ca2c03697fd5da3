"""Answers of HTTP that no honest server gives; each rule spoils some requests."""

import functools
import gzip
import http.server
import threading
import time
import urllib.parse

from tfedge.delivery.serving import reply as replies

ENDLESS_BYTES = 50_000_000


class Hostile:
    """A folder behind an address; `rule` answers what it likes, by returning True.

    Attributes:
        rule: (handler, path, request) -> whether it answered.
        sent: bytes that were sent by endless answers.
    """

    def __init__(self, folder, rule):
        self._folder, self.rule, self.sent = folder, rule, 0
        handler = functools.partial(_Handler, self)
        self._http = _Server(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self._http.server_port}/"

    def __enter__(self):
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()

    def request(self, path, headers):
        file = self._folder / path
        return replies.Request.of(self._folder, path, headers) if file.is_file() else None


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that went away is no error here."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, ours, *arguments):
        self.ours = ours
        super().__init__(*arguments)

    def do_GET(self):
        self.close_connection = True
        path = urllib.parse.urlsplit(self.path).path.lstrip("/")
        request = self.ours.request(path, self.headers)
        if self.ours.rule(self, path, request):
            return
        found = replies.right(request) if request else replies.Reply(404, {}).with_body(b"")
        self.send(found.status, found.headers, found.body)

    def send(self, status, headers, body=b""):
        self.send_response(status)
        for name, value in {"Connection": "close", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def send_endless(self, headers, start, more):
        """A body in chunks that has no end, or not before the other side goes."""
        self.send(200, {**headers, "Transfer-Encoding": "chunked"})
        pieces = [start] if start else []
        try:
            while self.ours.sent < ENDLESS_BYTES:
                piece = pieces.pop() if pieces else more
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.ours.sent += len(piece)
        except OSError:
            return

    def log_message(self, *_):
        """Says nothing."""


def of_targets(work):
    """A rule for the sealed models alone."""

    @functools.wraps(work)
    def rule(handler, path, request):
        if not (request and path.startswith("targets/") and path.endswith(".sealed")):
            return False
        return work(handler, request) is not False

    return rule


def cut_first(work):
    """Rules of servers whose first answer ends after 3,000 bytes; `work` answers for the rest."""

    def made():
        cut = []

        @of_targets
        def rule(handler, request):
            if request.start is not None:
                return work(handler, request)
            body = request.content if cut else request.content[:3000]
            cut.append(True)
            handler.send(200, {**sized(request.content), "ETag": request.etag}, body)
            return None

        return rule

    return functools.wraps(work)(made)


def always(rule):
    """The same for each server."""
    return functools.wraps(rule)(lambda: rule)


@cut_first
def all_of_it_for_a_part(handler, request):
    handler.send(200, sized(request.content), request.content)


@cut_first
def a_part_without_its_range(handler, request):
    rest = request.content[request.start :]
    handler.send(206, sized(rest), rest)


@cut_first
def parts_in_parts(handler, request):
    rest, size = request.content[request.start :], len(request.content)
    head = f"--x\r\nContent-Range: bytes {request.start}-{size - 1}/{size}\r\n\r\n".encode()
    body = head + rest + b"\r\n--x--\r\n"
    handler.send(206, {**sized(body), "Content-Type": "multipart/byteranges; boundary=x"}, body)


@cut_first
def a_packed_part(handler, request):
    rest, size = gzip.compress(request.content[request.start :]), len(request.content)
    told = f"bytes {request.start}-{size - 1}/{size}"
    handler.send(206, {**sized(rest), "Content-Range": told, "Content-Encoding": "gzip"}, rest)


@cut_first
def no_part_ever(handler, request):
    handler.send(416, sized(b""))


@cut_first
def a_range_of_another_unit(handler, request):
    rest = request.content[request.start :]
    handler.send(206, {**sized(rest), "Content-Range": f"pages {request.start}-9/9"}, rest)


def with_etag(etag):
    @of_targets
    def rule(handler, request):
        told = {"ETag": etag() if callable(etag) else etag}
        body = request.content[request.start or 0 :]
        if request.start is None:
            handler.send(200, {**sized(request.content), **told}, body[:3000])
            return
        if len(handler.headers.get("If-Range") or "") > 250:
            handler.send(400, sized(b""))
            return
        size = len(request.content)
        handler.send(
            206,
            {**sized(body), **told, "Content-Range": f"bytes {request.start}-{size - 1}/{size}"},
            body,
        )

    return rule


@always
@of_targets
def packed_by_gzip(handler, request):
    body = gzip.compress(request.content)
    handler.send(200, {**sized(body), "Content-Encoding": "gzip"}, body)


@always
@of_targets
def a_length_that_is_too_long(handler, request):
    handler.send(200, {"Content-Length": str(len(request.content) + 10)}, request.content)


@always
@of_targets
def a_length_that_is_too_short(handler, request):
    handler.send(200, {"Content-Length": str(len(request.content) - 10)}, request.content)


@always
@of_targets
def no_length(handler, request):
    handler.send(200, {}, request.content)


@always
@of_targets
def more_without_an_end(handler, request):
    handler.send_endless({}, request.content, bytes(65536))


@always
@of_targets
def zeros_without_an_end(handler, request):
    handler.send_endless({}, b"", bytes(65536))


@always
@of_targets
def not_modified(handler, request):
    handler.send(304, {})


@always
@of_targets
def no_content(handler, request):
    handler.send(204, {})


@always
@of_targets
def a_part_that_nobody_asked_for(handler, request):
    size = len(request.content)
    told = {**sized(request.content), "Content-Range": f"bytes 0-{size - 1}/{size}"}
    handler.send(206, told, request.content)


@always
@of_targets
def round_and_round(handler, request):
    handler.send(302, {**sized(b""), "Location": handler.path})


@always
@of_targets
def to_nowhere(handler, request):
    handler.send(302, {**sized(b""), "Location": "file:///etc/passwd"})


def to_another_server(address):
    @of_targets
    def rule(handler, request):
        handler.send(307, {**sized(b""), "Location": address + handler.path.lstrip("/")})

    return rule


@always
@of_targets
def come_back_later(handler, request):
    handler.send(503, {**sized(b""), "Retry-After": "7"})


def of_metadata(work):
    """A rule for timestamp.json."""

    @functools.wraps(work)
    def rule(handler, path, request):
        return path == "metadata/timestamp.json" and work(handler, request) is not False

    return rule


@always
@of_metadata
def an_endless_timestamp(handler, request):
    handler.send_endless({}, b"", b" " * 65536)


@always
@of_metadata
def a_timestamp_packed_many_times_over(handler, request):
    body = gzip.compress(b" " * 100_000_000)
    handler.send(200, {**sized(body), "Content-Encoding": "gzip"}, body)


@always
@of_metadata
def a_timestamp_that_was_not_modified(handler, request):
    handler.send(304, {})


def once(rule):
    """The rule for the first answer that it spoils."""
    left = [1]

    def spoiling(handler, path, request):
        if left and rule(handler, path, request):
            left.pop()
            return True
        return False

    return spoiling


def sized(body):
    return {"Content-Length": str(len(body))}


def stamped():
    return f'"{time.monotonic_ns()}"'

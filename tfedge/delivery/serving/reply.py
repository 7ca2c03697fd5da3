"""A request for a file, its right answer, and what a fault may make of that."""

import dataclasses
import mimetypes
import pathlib
import re
from collections.abc import Mapping

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclasses.dataclass(frozen=True)
class Request:
    """What was asked for.

    Attributes:
        path: of the file in the folder, with slashes.
        content: of the file.
        etag: of it, a strong one.
        start: the first byte that was asked for; None for all of it.
        end: behind the last one; None for the file's end.
        condition: the etag that the rest is wanted of; "" for none.
    """

    path: str
    content: bytes
    etag: str
    start: int | None = None
    end: int | None = None
    condition: str = ""

    @classmethod
    def of(cls, folder: pathlib.Path, path: str, headers: Mapping[str, str]) -> "Request":
        """What the headers ask for.

        Raises:
            OSError: there is no such file.
        """
        file = folder / path
        told, content = file.stat(), file.read_bytes()
        etag = f'"{told.st_mtime_ns:x}-{told.st_size:x}"'
        asked = _RANGE.fullmatch(headers.get("Range") or "")
        if not asked:
            return cls(path, content, etag)
        end = int(asked[2]) + 1 if asked[2] else None
        return cls(path, content, etag, int(asked[1]), end, headers.get("If-Range") or "")


@dataclasses.dataclass(frozen=True)
class Reply:
    """What is sent.

    Attributes:
        status: of HTTP.
        headers: with the length that is told.
        body: that is sent.
        cut: after how many bytes of the body the connection is dropped; None for never.
        bytes_per_second: None for as fast as it goes.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    cut: int | None = None
    bytes_per_second: float | None = None

    def with_headers(self, **changed: str) -> "Reply":
        """Other headers, written as content_length."""
        named = {name.replace("_", "-").title(): value for name, value in changed.items()}
        return dataclasses.replace(self, headers={**self.headers, **named})

    def with_body(self, body: bytes) -> "Reply":
        """Another body, and its length."""
        return dataclasses.replace(self.with_headers(content_length=str(len(body))), body=body)


def right(request: Request) -> Reply:
    """The answer of a server without a fault (RFC 9110, 13.1.5 and 14)."""
    content, size = request.content, len(request.content)
    kind = mimetypes.guess_type(request.path)[0] or "application/octet-stream"
    headers = {"Etag": request.etag, "Accept-Ranges": "bytes", "Content-Type": kind}
    if request.start is None or request.condition not in ("", request.etag):
        return Reply(200, headers).with_body(content)
    if request.start >= size:
        return Reply(416, {**headers, "Content-Range": f"bytes */{size}"}).with_body(b"")
    end = size if request.end is None else min(size, request.end)
    headers["Content-Range"] = f"bytes {request.start}-{end - 1}/{size}"
    return Reply(206, headers).with_body(content[request.start : end])

"""A file packed by gzip that nobody asked for, and half of it."""

import gzip

from tfedge import settings
from tfedge.delivery.serving.fault import Draw, Fault
from tfedge.delivery.serving.reply import Reply, Request


@settings.declared
class TruncatedGzip(Fault):
    """A proxy packs answers, and ends them early."""

    def spoiled(self, reply: Reply, request: Request, draw: Draw) -> Reply:
        """As the answer's headers tell it, all is well."""
        packed = gzip.compress(reply.body, mtime=0)
        return reply.with_body(packed[: len(packed) // 2]).with_headers(content_encoding="gzip")


FAULT = TruncatedGzip

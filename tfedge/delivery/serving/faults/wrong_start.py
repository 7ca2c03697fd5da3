"""A 206 that starts elsewhere than it was asked to, as some caches answer."""

import dataclasses

from tfedge import settings
from tfedge.delivery.serving import reply as replies
from tfedge.delivery.serving.fault import Draw, Fault
from tfedge.delivery.serving.reply import Reply, Request


@settings.declared
class WrongStart(Fault):
    """Another part of the file than was asked for."""

    hidden: bool = settings.setting(
        False, settings.Flag(), "Whether Content-Range tells the offset that was asked for."
    )

    def means(self, request: Request) -> bool:
        """Only the rest of a file."""
        return bool(request.start)

    def spoiled(self, reply: Reply, request: Request, draw: Draw) -> Reply:
        """The file from its first byte on."""
        other = replies.right(dataclasses.replace(request, start=0, condition=""))
        if self.hidden and "Content-Range" in reply.headers:
            return other.with_headers(content_range=reply.headers["Content-Range"])
        return other


FAULT = WrongStart

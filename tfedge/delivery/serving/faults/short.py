"""A 206 that ends early, and says so: a proxy that sends what it has."""

from tfedge import settings
from tfedge.delivery.serving.fault import Draw, Fault
from tfedge.delivery.serving.reply import Reply, Request


@settings.declared
class Short(Fault):
    """Less of the rest than was asked for, as if that were all."""

    by: int = settings.setting(1, settings.Whole(1), "How much is missing.", unit="bytes")

    def means(self, request: Request) -> bool:
        """Only the rest of a file."""
        return request.start is not None

    def spoiled(self, reply: Reply, request: Request, draw: Draw) -> Reply:
        """Its headers are right for what is there."""
        body = reply.body[: -self.by]
        start, size = request.start or 0, len(request.content)
        told = f"bytes {start}-{start + len(body) - 1}/{size}"
        return reply.with_body(body).with_headers(content_range=told)


FAULT = Short

"""416 to a request for the rest of a file that has one."""

from tfedge import settings
from tfedge.delivery.serving.fault import Draw, Fault
from tfedge.delivery.serving.reply import Reply, Request


@settings.declared
class Unsatisfiable(Fault):
    """The server says that there is no such part."""

    def means(self, request: Request) -> bool:
        """Only the rest of a file."""
        return bool(request.start)

    def spoiled(self, reply: Reply, request: Request, draw: Draw) -> Reply:
        """Without a body."""
        told = {"Content-Range": f"bytes */{len(request.content)}"}
        return Reply(416, told).with_body(b"")


FAULT = Unsatisfiable

"""One bit is another one: a disk, a proxy, or someone in between."""

from tfedge import settings
from tfedge.delivery.serving.fault import Draw, Fault
from tfedge.delivery.serving.reply import Reply, Request


@settings.declared
class Flip(Fault):
    """A bit of the file is another one."""

    bit: int = settings.setting(0, settings.Whole(0), "Of the file, the first is 0.")

    def means(self, request: Request) -> bool:
        """Only an answer that has it."""
        return self.bit // 8 < len(request.content)

    def spoiled(self, reply: Reply, request: Request, draw: Draw) -> Reply:
        """Whichever part of the file was asked for."""
        place = self.bit // 8 - (request.start or 0 if reply.status == 206 else 0)
        if not 0 <= place < len(reply.body):
            return reply
        body = bytearray(reply.body)
        body[place] ^= 1 << self.bit % 8
        return reply.with_body(bytes(body))


FAULT = Flip

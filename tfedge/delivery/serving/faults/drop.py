"""The connection is dropped, in the middle of an answer."""

import dataclasses

from tfedge import settings
from tfedge.delivery.serving.fault import Draw, Fault
from tfedge.delivery.serving.reply import Reply, Request


@settings.declared
class Drop(Fault):
    """The connection breaks."""

    at: int = settings.setting(0, settings.Whole(0), "Behind which byte of an answer's body.")
    anywhere: bool = settings.setting(False, settings.Flag(), "At a random byte instead.")

    def spoiled(self, reply: Reply, request: Request, draw: Draw) -> Reply:
        """The headers promise the rest."""
        cut = int(draw() * len(reply.body)) if self.anywhere else self.at
        return dataclasses.replace(reply, cut=cut)


FAULT = Drop

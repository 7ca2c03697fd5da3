"""The connection is dropped: at one byte of a file, or after some of each answer."""

import dataclasses

from tfedge import settings
from tfedge.delivery.serving.fault import Fault
from tfedge.delivery.serving.reply import Reply, Request


@settings.declared
class Drop(Fault):
    """The connection breaks."""

    at: int = settings.setting(0, settings.Whole(0), "Behind which byte of an answer's body.")

    def spoiled(self, reply: Reply, request: Request) -> Reply:
        """The headers promise the rest."""
        return dataclasses.replace(reply, cut=self.at)


FAULT = Drop

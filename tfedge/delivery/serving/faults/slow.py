"""Bytes come slowly."""

import dataclasses

from tfedge import settings
from tfedge.delivery.serving.fault import Draw, Fault
from tfedge.delivery.serving.reply import Reply, Request


@settings.declared
class Slow(Fault):
    """A slow connection."""

    bytes_per_second: float = settings.setting(
        10_000.0, settings.Real(above=0), "How fast.", unit="bytes a second"
    )

    def spoiled(self, reply: Reply, request: Request, draw: Draw) -> Reply:
        """The same answer."""
        return dataclasses.replace(reply, bytes_per_second=self.bytes_per_second)


FAULT = Slow

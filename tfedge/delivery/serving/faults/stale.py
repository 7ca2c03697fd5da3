"""A mirror that still has what another folder holds."""

import dataclasses
import pathlib

from tfedge import settings
from tfedge.delivery.serving import reply as replies
from tfedge.delivery.serving.fault import Draw, Fault
from tfedge.delivery.serving.reply import Reply, Request


@settings.declared
class Stale(Fault):
    """An old copy of the repository answers."""

    folder: str = settings.setting(
        "", settings.Text("the path of a folder", empty=True), "The old copy."
    )

    def spoiled(self, reply: Reply, request: Request, draw: Draw) -> Reply:
        """Of the old copy; 404 for what it does not have."""
        try:
            content = pathlib.Path(self.folder, request.path).read_bytes()
        except OSError:
            return Reply(404, {}).with_body(b"")
        etag = f'"stale-{len(content):x}"'
        return replies.right(dataclasses.replace(request, content=content, etag=etag))


FAULT = Stale

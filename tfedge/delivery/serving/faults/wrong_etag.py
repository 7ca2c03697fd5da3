"""An ETag that is another one with every answer, as of servers that do not agree."""

import dataclasses
import itertools

from tfedge import settings
from tfedge.delivery.serving import reply as replies
from tfedge.delivery.serving.fault import Draw, Fault
from tfedge.delivery.serving.reply import Reply, Request

_numbers = itertools.count()


@settings.declared
class WrongEtag(Fault):
    """No condition is ever met."""

    def means(self, request: Request) -> bool:
        """Only a file that is there."""
        return bool(request.etag)

    def spoiled(self, reply: Reply, request: Request, draw: Draw) -> Reply:
        """All of the file where the rest was wanted of another one."""
        etag = f'"other-{next(_numbers)}"'
        asked = dataclasses.replace(request, etag=etag)
        return dataclasses.replace(reply, **vars(replies.right(asked)))


FAULT = WrongEtag

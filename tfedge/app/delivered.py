"""What an app that fetches its models itself is given: where they are, and what it believes."""

import dataclasses
import json
import pathlib

from tfedge import errors, foreign
from tfedge.app.asked import Asked

_REMEDY = "Write it with: publish.py keys trust --output=FILE."


@dataclasses.dataclass(frozen=True)
class Delivered:
    """Constants of the client in an app.

    Attributes:
        repository: its address, with a slash at its end.
        model: the model's name in it.
        trust: what is in the trust file, on one line: the first root that is believed, and an
            audience's key.
    """

    repository: str
    model: str
    trust: str = dataclasses.field(repr=False)


def read(asked: Asked, model: str) -> Delivered | None:
    """What was asked for; None where the app fetches nothing.

    Args:
        asked: its `trust` and `repository`.
        model: the name under which the release is published.

    Raises:
        BadInput: no trust file, no address, or a name that no repository takes.
    """
    if not asked.trust:
        return None
    # The client's libraries, which an app that fetches nothing need not wait for.
    from tfedge.delivery import names, trust, trusted
    from tfedge.delivery.fetch import web
    from tfedge.delivery.keyring import ROOT

    where = f"--trust={asked.trust}"
    content = foreign.read_bytes(asked.trust, _REMEDY, where)
    believed = trust.read(content, where)
    root = trusted.parse(believed.root, pathlib.Path(where))
    if root.signed.type != ROOT or not trusted.is_signed(root, ROOT, root):
        raise errors.BadInput(where, "its root is not signed by enough of its own keys", _REMEDY)
    return Delivered(
        web.check_address(asked.repository),
        names.check_model(model, "the release's name"),
        json.dumps(json.loads(believed.to_bytes())),
    )

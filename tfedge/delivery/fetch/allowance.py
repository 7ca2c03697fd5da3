"""What a download may cost: a budget of bytes, and nothing large over a connection paid by it."""

import dataclasses
from collections.abc import Callable

from tfedge.delivery.fetch import reasons


class Postponed(reasons.Refused):
    """The download goes on another time; what has come stays. `cause` says when."""

    def __init__(self, cause: str):
        super().__init__(reasons.POSTPONED, cause)


def _free() -> bool:
    return False


@dataclasses.dataclass
class Allowance:
    """Bytes that came over the network, and may.

    Attributes:
        most_bytes: in all, with what has to be fetched twice; None for no limit.
        is_metered: whether the connection is paid by the byte; asked again with every chunk,
            because a phone leaves its WLAN while it downloads. Metadata of some kB come anyway.
        received: so far.
    """

    most_bytes: int | None = None
    is_metered: Callable[[], bool] = _free
    received: int = 0

    def check_metered(self, what: str) -> None:
        """Before more of something large is read.

        Raises:
            Postponed: the connection is metered.
        """
        if self.is_metered():
            raise Postponed(f"{what} waits for a connection that is not metered")

    def room(self, size: int) -> int:
        """How many of `size` bytes may be read at once.

        Raises:
            Postponed: none.
        """
        if self.most_bytes is None:
            return size
        left = self.most_bytes - self.received
        if left <= 0:
            raise Postponed(f"the budget of {self.most_bytes:,} bytes is used up")
        return min(size, left)

    def count(self, size: int) -> None:
        """That so many bytes came."""
        self.received += size

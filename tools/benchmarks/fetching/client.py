"""One installation as the trials drive it, whatever language its client is in."""

import contextlib
import dataclasses
from typing import Protocol


@dataclasses.dataclass(frozen=True)
class Ended:
    """How an update ended.

    Attributes:
        version: that is used from here on; None for none.
        reason: as the client names it, "" where it arrived.
        received: bytes of bodies, as the client counted.
    """

    version: int | None
    reason: str
    received: int


@dataclasses.dataclass
class Calls:
    """Changes of what is kept.

    Attributes:
        count: how many there were.
    """

    count: int = 0


class Client(Protocol):
    """A client and what is installed; made by a file of `clients`."""

    def begin(self) -> None:
        """Nothing is installed."""

    def keep(self) -> None:
        """`back` comes back to what is installed now."""

    def back(self) -> None:
        """As it was at `keep`, as after a start of the app."""

    def again(self) -> None:
        """The app is started again; what is on the disk stays."""

    def update(self, attempts: int = 50) -> Ended:
        """With so many attempts in a row, and no waiting between them."""

    def used(self) -> tuple[int, str] | None:
        """The version that is used and the SHA-256 of its model; None for none."""

    def failing(self, number: int) -> contextlib.AbstractContextManager[Calls]:
        """While it is entered, the n-th change of what is kept fails; 0 for none."""

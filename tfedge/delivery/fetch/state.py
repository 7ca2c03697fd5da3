"""state.json of a store: which version is used, which was before it, and which are not taken."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfedge import foreign

DONE, WAITING, BEGUN = "done", "waiting", "begun"


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a version was found not to work; with a new app or runtime it is tried again.

    Attributes:
        version: of the model.
        app, runtime: versions of these, "" where not known.
    """

    version: int
    app: str = ""
    runtime: str = ""


@dataclasses.dataclass(frozen=True)
class State:
    """What is used.

    Attributes:
        current: the version; None for none.
        previous: the good one before; None likewise.
        first_use: of `current`: DONE where it was used once without a crash, WAITING before that,
            BEGUN while it is or where the process ended meanwhile.
        refused: what did not work, and where.
    """

    current: int | None = None
    previous: int | None = None
    first_use: str = DONE
    refused: tuple[Place, ...] = ()

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "State":
        """From plain JSON.

        Raises:
            LookupError, TypeError, ValueError: it is something else.
        """
        current, previous = told["current"], told["previous"]
        for each in (current, previous):
            if each is not None:
                foreign.whole(each, 1)
        if told["first_use"] not in (DONE, WAITING, BEGUN):
            raise ValueError("no such state of the first use")
        refused = tuple(_place(**each) for each in told["refused"])
        return cls(current, previous, told["first_use"], refused)

    def switched(self, version: int) -> "State":
        """To a new version that was probed, the good one before kept."""
        was_good = self.current not in (None, version) and self.first_use == DONE
        before = self.current if was_good else self.previous
        return dataclasses.replace(
            self,
            current=version,
            previous=None if before == version else before,
            first_use=WAITING,
        )

    def without(self, version: int) -> "State":
        """Where a version is not to be used: the good one before, if that is another."""
        if version == self.previous:
            return dataclasses.replace(self, previous=None)
        if version != self.current:
            return self
        return dataclasses.replace(self, current=self.previous, previous=None, first_use=DONE)

    def refusing(self, place: Place) -> "State":
        """Likewise, and it is not taken again here."""
        refused = tuple(dict.fromkeys((*self.refused, place)))
        return dataclasses.replace(self.without(place.version), refused=refused)


def _place(version: Any, app: Any, runtime: Any) -> Place:
    if not isinstance(app, str) or not isinstance(runtime, str):
        raise ValueError("a version of an app or a runtime is text")
    return Place(foreign.whole(version, 1), app, runtime)

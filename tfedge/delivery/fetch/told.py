"""What became of an update, for the app and its user."""

import dataclasses

UPDATED, UNCHANGED, KEPT, NOTHING = "updated", "unchanged", "kept", "nothing"
CHECKING, DOWNLOADING, OPENING, PROBING, SWITCHING = (
    "checking",
    "downloading",
    "opening",
    "probing",
    "switching",
)


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far an update is.

    Attributes:
        state: CHECKING the metadata, DOWNLOADING, OPENING what was sealed, PROBING, SWITCHING.
        done, total: bytes of a download; 0 otherwise.
    """

    state: str
    done: int = 0
    total: int = 0


@dataclasses.dataclass(frozen=True)
class Told:
    """How an update ended.

    Attributes:
        outcome: UPDATED; UNCHANGED: the version that is meant is used already; KEPT: it could not
            be had, the last good one is used; NOTHING: likewise, and there is none.
        version: that is used from here on; None for none.
        reason: one of `reasons` for KEPT and NOTHING; "" otherwise.
        cause: a sentence about it.
        received: bytes that came over the network.
    """

    outcome: str
    version: int | None
    reason: str = ""
    cause: str = ""
    received: int = 0

    def __str__(self) -> str:
        """A line for people."""
        used = "no model is there" if self.version is None else f"version {self.version} is used"
        why = f"; {self.reason}: {self.cause}" if self.reason else ""
        return f"{self.outcome}: {used}{why} ({self.received:,} bytes came)"

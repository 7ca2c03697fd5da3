"""Trying again: the waits grow by powers of two up to a longest, and each is drawn at random.

A thousand phones that lost one server at the same moment come back spread out, not together ("full
jitter", Brooker, Exponential backoff and jitter, 2015).
"""

import dataclasses
import random
import time
from collections.abc import Callable
from typing import TypeVar

from tfedge.delivery.fetch import reasons

Done = TypeVar("Done")


class Interrupted(Exception):  # noqa: N818  (it is expected, and mostly not the end)
    """What may go well when it is tried again.

    Args:
        cause: in words.
        reason: of `reasons`.
        moved: whether it had come further than the time before.
        wait_seconds: that the server asked for.
        misread: whether it was asked for a part and answered something else.
    """

    def __init__(
        self,
        cause: str,
        reason: str = reasons.OFFLINE,
        *,
        moved: bool = False,
        wait_seconds: float = 0.0,
        misread: bool = False,
    ):
        self.cause, self.reason = cause, reason
        self.moved, self.wait_seconds, self.misread = moved, wait_seconds, misread
        super().__init__(cause)


class Unavailable(reasons.Refused):
    """What trying again does not help, or has not helped.

    Args:
        cause: in words.
        reason: of `reasons`.
        status: of HTTP, 0 where it was something else.
    """

    def __init__(self, cause: str, reason: str = reasons.OFFLINE, status: int = 0):
        self.status = status
        super().__init__(reason, cause)


@dataclasses.dataclass(frozen=True)
class Retries:
    """How often, and how long to wait between.

    Attributes:
        attempts: in a row of which none came further.
        first_seconds: the longest first wait; each next one may be twice as long.
        longest_seconds: of any wait, also of one that a server asks for.
        sleep, draw, clock: time and chance; `draw` is evenly in [0, 1).
    """

    attempts: int = 6
    first_seconds: float = 0.5
    longest_seconds: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[], float] = random.random
    clock: Callable[[], float] = time.monotonic

    def until_done(self, work: Callable[[], Done]) -> Done:
        """What `work` returns, which is called again after each `Interrupted`.

        Raises:
            Unavailable: as `work`, or after as many attempts as there are.
        """
        failures = 0
        while True:
            try:
                return work()
            except Interrupted as error:
                failures = 1 if error.moved else failures + 1
                if failures >= self.attempts:
                    cause = f"{error.cause}, {failures} times in a row"
                    raise Unavailable(cause, error.reason) from error
                self.sleep(self._wait(failures, error.wait_seconds))

    def _wait(self, failures: int, asked: float) -> float:
        longest = min(self.longest_seconds, self.first_seconds * 2 ** (failures - 1))
        return min(self.longest_seconds, max(asked, longest * self.draw()))

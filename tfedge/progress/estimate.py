"""When a run ends, from how long its parts took so far."""

from collections.abc import Sequence

_TOO_LITTLE = 0.02  # of the work, to tell how long the rest takes


class Estimate:
    """Of parts whose shares of the work are known roughly, and of what follows them."""

    def __init__(self, shares: Sequence[float], after: float, now: float):
        """Nothing is done yet.

        Args:
            shares: of the work, by part, in a unit of their own.
            after: seconds that what follows takes.
            now: in seconds, as all times.
        """
        self._shares, self._after, self._started = list(shares), after, now
        self._part, self._within = 0, 0.0
        self._finished: float | None = None

    def begin(self, part: int) -> None:
        """All before this part is done."""
        self._part, self._within = part, 0.0

    def leave_out(self, part: int, now: float) -> None:
        """It was done before, and took no time."""
        self._shares[part] = 0.0
        self._started = now

    def reach(self, share: float) -> None:
        """So much of the part is done; what a part does again from the start is not less of it."""
        self._within = max(self._within, share)

    def finish(self, now: float) -> None:
        """All parts are done."""
        self._finished = now

    def ends(self, now: float) -> float | None:
        """When what follows is done too; None as long as hardly anything is."""
        if self._finished is not None:
            return self._finished + self._after
        done, total = sum(self._shares[: self._part]), sum(self._shares)
        done += self._within * self._shares[self._part]
        if done <= _TOO_LITTLE * total:
            return None
        return now + (now - self._started) * (total - done) / done + self._after

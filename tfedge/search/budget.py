"""How long a search goes on: `--budget=1h` or `--budget=40trials`."""

import dataclasses
import re

from tfedge import errors

_WRITTEN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(s|min|m|h|d|trials?)\s*")
_SECONDS = {"s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


@dataclasses.dataclass(frozen=True)
class Budget:
    """One of the two.

    Attributes:
        seconds: after which no further trial is begun; None for no limit.
        trials: after which the search ends, looks without training among them; None likewise.
    """

    seconds: float | None = None
    trials: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Budget":
        """Read the text of `--budget`.

        Raises:
            BadInput: it is no time and no number of trials.
        """
        found = _WRITTEN.fullmatch(text)
        amount = float(found[1]) if found else 0.0
        if found is None or amount <= 0 or (found[2].startswith("trial") and amount % 1):
            raise errors.BadInput(
                f"--budget={text}",
                f"expected a time or a number of trials above 0, got {text!r}",
                "Write 1h, 30min, 90s or 40trials.",
            )
        if found[2].startswith("trial"):
            return cls(trials=int(amount))
        return cls(seconds=amount * _SECONDS[found[2]])

    def left(self, seconds: float, trials: int) -> float:
        """1 at the start, 0 or less where it is used up."""
        if self.trials is not None:
            return 1 - trials / self.trials
        assert self.seconds is not None
        return 1 - seconds / self.seconds


HOUR = Budget(seconds=3600.0)

"""One recipe that was tried, and what became of it."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from tfedge.search.goals import Figures

SCHEMA_VERSION = 1
# Margins: the examples that chose a recipe and its epochs flatter it, others will be harder on it.
RESERVE = 0.1


@dataclasses.dataclass(frozen=True)
class Trial:
    """What was measured of a recipe.

    Attributes:
        recipe: its text, with all settings; anyone can run it again.
        export: how it was exported.
        values: axis -> value, of the space that it was drawn from.
        length: factor on the epochs of its passes; 0 was not trained.
        epochs: of all passes.
        figures: goal -> what it is of the file; empty where it failed.
        measure: name of the metric.
        metric: of the file, on the validation split.
        baseline: of the input model, on the same.
        slack: how far the worst plausible loss is inside the margin, in margins: 1 loses
            nothing, at 0 the margin is used up, below it is exceeded.
        obstacles: checks of the gate that fail on validation or cannot be decided, by name ->
            the reason.
        limits: goal -> (value, limit) of the phone class's that it does not keep.
        multiply_adds: of one inference; None where there is no file.
        failure: why there is no file; "" where there is one.
        seconds: it took.
    """

    recipe: str
    export: str
    values: Mapping[str, Any]
    length: float
    epochs: int
    figures: Figures = dataclasses.field(default_factory=dict)
    measure: str = ""
    metric: float | None = None
    baseline: float | None = None
    slack: float = -math.inf
    obstacles: Mapping[str, str] = dataclasses.field(default_factory=dict)
    limits: Mapping[str, tuple[float, float]] = dataclasses.field(default_factory=dict)
    multiply_adds: int | None = None
    failure: str = ""
    seconds: float = 0.0

    @property
    def is_measured(self) -> bool:
        """Whether there is a file whose answers could be compared."""
        return not self.failure and math.isfinite(self.slack)

    @property
    def is_feasible(self) -> bool:
        """Whether the gate would pass it on the validation split."""
        return self.is_measured and not self.obstacles

    @property
    def is_safe(self) -> bool:
        """Whether it would pass with something to spare: what a search looks for."""
        return self.is_feasible and self.slack >= RESERVE

    def to_json(self) -> dict[str, Any]:
        """A plain dict; numbers that JSON lacks are None."""
        slack = self.slack if math.isfinite(self.slack) else None
        return {**dataclasses.asdict(self), "slack": slack}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Trial":
        """What `to_json` gave, read back."""
        slack = -math.inf if found["slack"] is None else float(found["slack"])
        limits = {name: (low, high) for name, (low, high) in found["limits"].items()}
        return cls(**{**found, "slack": slack, "limits": limits})

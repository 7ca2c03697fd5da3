"""What a release must keep: the accepted loss and the phone class's limits, or a user's own."""

import dataclasses
import numbers
import pathlib
from collections.abc import Mapping
from typing import Any

from tfedge import errors
from tfedge.device import profiles
from tfedge.release.gate import floors, margins
from tfedge.release.statistics import paired


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a release must keep.

    Attributes:
        margin: the accepted loss: points of accuracy (0.01 is one) where the metric counts right
            answers, else a share of the baseline's value in the metric's worse direction. Or
            metric name -> that, with "" for all that are not named.
        alpha: the accepted probability of passing a model that loses `margin`.
        max_file_bytes: None for no limit.
        max_memory_bytes: of the peak while loading and running; None for no limit.
        max_latency_ms, max_energy_mj: of one inference on the phone; None for no limit.
        require_measured_latency: whether an estimate that may lie on either side of these limits
            keeps the model from being released.
        allow_flex: whether operators of TensorFlow (Flex) may ship, with their cost in app size.
        profile: the phone class these came from.
        own: names of limits that are not the phone class's, but were set in place of them.
        group_margin: the accepted loss of a single class or slice, a share of its examples, or of
            its mean where the metric is one; None reports such losses and judges none.
        min_metric: the least the first metric may be, or metric name -> that; of an error, the
            most. None for no floor. See `floors`.
        seed: of the bootstrap.

    Raises:
        BadInput: a margin, alpha or limit out of range.
    """

    margin: float | Mapping[str, float] = 0.01
    alpha: float = 0.05
    max_file_bytes: int | None = None
    max_memory_bytes: int | None = None
    max_latency_ms: float | None = None
    max_energy_mj: float | None = None
    require_measured_latency: bool = False
    allow_flex: bool = False
    profile: str = "the limit"
    own: frozenset[str] = frozenset()
    group_margin: float | None = None
    min_metric: float | Mapping[str, float] | None = None
    seed: int = 0

    def __post_init__(self):
        by_metric = self.margin if isinstance(self.margin, Mapping) else {"": self.margin}
        for name, margin in by_metric.items():
            paired.check_settings(margin, self.alpha, f"--margin {name}".strip())
        paired.check_settings(self.group_margin or 0.0, self.alpha, "--group_margin")
        floors.FLAG.mapping(self.min_metric)
        for name in ("max_file_bytes", "max_memory_bytes", "max_latency_ms", "max_energy_mj"):
            limit = getattr(self, name)
            if limit is not None and not (isinstance(limit, numbers.Real) and limit > 0):
                raise errors.BadInput(
                    name, f"expected a number above 0, or None, got {limit!r}", "Correct the limit."
                )

    @classmethod
    def from_profile(
        cls, profile: str | pathlib.Path | profiles.Profile, **settings: Any
    ) -> "Limits":
        """The limits of a phone class; `settings` are the other fields, or replace its."""
        phone = profiles.load(profile)
        known = {
            "max_file_bytes": phone.max_file_bytes,
            "max_memory_bytes": phone.max_memory_bytes,
            "max_latency_ms": phone.max_latency_ms,
            "max_energy_mj": phone.max_energy_mj,
            "allow_flex": phone.allow_flex,
            "profile": phone.name,
        }
        own = frozenset(name for name in settings if name in known and name.startswith("max_"))
        return cls(**{**known, "own": own, **settings})

    def margin_of(self, metric: str) -> float:
        """The accepted loss of a metric, by its name."""
        return margins.of(self.margin, metric)

    def who(self, name: str) -> str:
        """Who allows what the limit of that name is."""
        return "your own limit" if name in self.own else self.profile

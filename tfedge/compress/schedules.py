"""Pruning schedules: step -> sparsity, with TFMOT's names and formulas.

Zhu & Gupta 2017, "To prune, or not to prune", arXiv:1710.01878.
"""

import abc
import dataclasses


@dataclasses.dataclass(frozen=True)
class Schedule(abc.ABC):
    """When masks change (every `frequency` steps of begin_step..end_step) and to what."""

    begin_step: int
    end_step: int
    frequency: int

    @abc.abstractmethod
    def sparsity(self, step: int) -> float:
        """Sparsity, 0..1, to prune to at `step`."""

    def fires(self, step: int) -> bool:
        """Whether masks change at `step`."""
        inside = self.begin_step <= step <= self.end_step
        return inside and ((step - self.begin_step) % self.frequency == 0 or step == self.end_step)


@dataclasses.dataclass(frozen=True)
class ConstantSparsity(Schedule):
    """The final sparsity from the first step on."""

    target_sparsity: float = 0.5

    def sparsity(self, step: int) -> float:
        """See `Schedule.sparsity`."""
        return self.target_sparsity


@dataclasses.dataclass(frozen=True)
class PolynomialDecay(Schedule):
    """final + (initial - final) * (1 - progress) ** power."""

    initial_sparsity: float = 0.0
    final_sparsity: float = 0.5
    power: float = 3.0

    def sparsity(self, step: int) -> float:
        """See `Schedule.sparsity`."""
        span = self.end_step - self.begin_step  # 0 where there is one step to change masks in
        progress = min(1.0, max(0.0, (step - self.begin_step) / span)) if span else 1.0
        change = self.initial_sparsity - self.final_sparsity
        return self.final_sparsity + change * (1.0 - progress) ** self.power

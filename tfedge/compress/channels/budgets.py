"""What a cut may cost: counted or measured, whether it can be reached, and what is left then."""

import dataclasses
from typing import Any

import numpy as np
from absl import logging

from tfedge.compress import costs
from tfedge.compress import keras as k
from tfedge.compress.channels import Channels, narrowing, surgery
from tfedge.errors import BadInput

QUANTITIES = ("multiply_adds", "parameters", "latency")
_MOSTLY_OVERHEAD = 0.02  # ms; an interpreter takes a few us to start and for each operator


@dataclasses.dataclass(frozen=True)
class Budget:
    """What is counted, and how much of it goes.

    Attributes:
        what: of `QUANTITIES`.
        reduction: 0..1, the share that goes.
    """

    what: str
    reduction: float

    def cost(self, model: k.Model, found: Channels) -> costs.Cost:
        """Of what is left of a model's channels."""
        measure = costs.milliseconds()
        if self.what != "latency" or measure is None:
            return costs.counted(model, found, self.what)
        return lambda alive: measure(surgery.cut(model, found, alive)[0])

    def of_whole(self, model: k.Model, found: Channels) -> float:
        """With all channels."""
        return self.cost(model, found)(np.ones(found.count, bool))

    def check(self, where: str) -> None:
        """Refuse a latency that nobody can measure.

        Raises:
            BadInput: said of `where`.
        """
        if self.what == "latency" and costs.milliseconds() is None:
            raise BadInput(
                f"{where}(budget='latency')",
                "nobody here can measure a latency",
                "Run it by release.py or compress.py, or inside costs.measuring(function).",
            )

    def check_reach(
        self, where: str, cost: costs.Cost, order: narrowing.Order, whole: float, why: str = ""
    ) -> None:
        """Refuse a reduction that cutting all that can go does not reach.

        Args:
            where: said in the refusal.
            cost: of what is left.
            order: of what can go.
            whole: cost of all.
            why: more of it stays than some channels of every layer.

        Raises:
            BadInput: with what can be reached.
        """
        least = cost(order.alive(len(order.steps)))
        if least > whole * (1 - self.reduction) and (order.steps or not len(order.first)):
            unit = "ms" if self.what == "latency" else self.what.replace("_", "-")
            raise BadInput(
                f"{where}(reduction={self.reduction})",
                f"at most {1 - least / whole:.3f} can go, from {whole:,.6g} to {least:,.6g}"
                f" {unit}: every layer keeps some channels{why}",
                "Ask for less, for another budget, or for a smaller multiple_of.",
            )
        if self.what == "latency" and whole < _MOSTLY_OVERHEAD:
            logging.warning(
                "%s: a run takes %.4f ms, much of it not for channels, so a small reduction "
                "cuts many of them; budget='multiply_adds' cuts what it says.",
                where,
                whole,
            )

    def choose(
        self, cost: costs.Cost, order: narrowing.Order, whole: float, progress: float
    ) -> np.ndarray:
        """(units,) what is left when `progress`, 0..1, of the reduction is made of the `whole`."""
        target = whole * (1 - self.reduction * progress)
        number = narrowing.fewest(lambda n: cost(order.alive(n)), len(order.steps), target)
        if self.what == "latency":  # every question is a measurement
            return order.alive(number)
        return narrowing.spared(cost, order, number, target)

    def before_and_after(self, before: Any, after: Any, whole: float) -> dict[str, list[float]]:
        """What both models cost, for reports; `whole` is the first's in this budget."""
        found: dict[str, list[float]] = {
            "multiply_adds": [costs.total_multiply_adds(model) for model in (before, after)],
            "parameters": [costs.parameters(model) for model in (before, after)],
        }
        measure = costs.milliseconds()
        if self.what == "latency" and measure is not None:
            found["latency_ms"] = [round(whole, 4), round(measure(after), 4)]
        return found

"""Who tries recipes: this process, one after the other; `on_ray` has others."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from tfedge.search import measuring
from tfedge.search.trial import Trial

if TYPE_CHECKING:
    from tfedge import cache, judging
    from tfedge.compress.recipe import Recipe
    from tfedge.making.order import Order
    from tfedge.making.preparing import Ready


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """What all trials of a search have in common.

    Attributes:
        order: model, data, export, seed and cache, with no recipe.
        terms: what a release would be held to.
        ready: what the order names, opened here.
        stages: the cache of the order, opened here.
    """

    order: "Order"
    terms: "judging.Terms"
    ready: "Ready"
    stages: "cache.Cache"


@dataclasses.dataclass(frozen=True, eq=False)
class Attempt:
    """A recipe to try.

    Attributes:
        recipe: to try.
        values: axis -> value, for the record.
        length: factor on the epochs, for the record.
        ticket: whatever tells the one who asked which it is.
    """

    recipe: "Recipe"
    values: Mapping[str, Any]
    length: float
    ticket: Any


class Workers(Protocol):
    """Who tries recipes."""

    def room(self) -> int:
        """How many more can be tried now."""

    def begin(self, attempt: Attempt) -> None:
        """Has it tried; returns at once."""

    def ended(self) -> tuple[Attempt, Trial]:
        """Waits for one that was begun, and says what became of it.

        Raises:
            BadInput: the worker cannot use the model, the data or the limits.
        """


class Here:
    """This process."""

    def __init__(self, job: Job):
        """Looks at the validation split; see `measuring.Bench.of`."""
        self._bench = measuring.Bench.of(job.ready, job.terms, job.order.export, job.stages)
        self._begun: list[Attempt] = []

    def room(self) -> int:
        """See `Workers`."""
        return 1 - len(self._begun)

    def begin(self, attempt: Attempt) -> None:
        """See `Workers`; it is tried when it is waited for."""
        self._begun.append(attempt)

    def ended(self) -> tuple[Attempt, Trial]:
        """See `Workers`."""
        attempt = self._begun.pop()
        return attempt, self._bench.measure(attempt.recipe, attempt.values, attempt.length)

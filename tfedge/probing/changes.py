"""What may be done to one layer: a setting of a technique at one of the values a search tries."""

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfedge import errors, grammar, settings
from tfedge.compress import recipe as recipes
from tfedge.compress.passes import base
from tfedge.search import space


@dataclasses.dataclass(frozen=True)
class Change:
    """One setting of one technique, as a rule gives it to a layer."""

    technique: str
    setting: str
    value: Any

    def __str__(self) -> str:
        """As in a recipe: "prune(final_sparsity=0.7)"."""
        return grammar.write(self.technique, {self.setting: self.value})

    @property
    def axis(self) -> str:
        """What is varied: "prune.final_sparsity"."""
        return f"{self.technique}.{self.setting}"

    @property
    def stage(self) -> base.Stage:
        """When in a recipe its turn comes."""
        return recipes.available()[self.technique].stage

    def everywhere(self) -> base.Pass:
        """The pass that does so to every layer, untrained."""
        return self._by({".*": {self.setting: self.value}})

    def to(self, layers: Sequence[str]) -> base.Pass:
        """The pass that does so to these layers and leaves the others alone, untrained.

        Raises:
            BadInput: a pass that leaves no layer alone.
        """
        return self._by({pattern(layers): {self.setting: self.value}, ".*": None})

    def _by(self, rules: base.Rules) -> base.Pass:
        return base.untrained(recipes.make(self.technique, {"rules": rules}))


def of(techniques: Sequence[str], most: int) -> tuple[Change, ...]:
    """Every searched setting of these techniques that may differ by layer.

    Args:
        techniques: names of passes.
        most: values of a setting; of more, as many as that are taken, evenly, with both ends.

    Raises:
        BadInput: no such pass, or one without such a setting.
    """
    known, found = recipes.available(), list[Change]()
    for name in techniques:
        if name not in known:
            remedy = settings.nearest(name, known)
            raise errors.BadInput("techniques", f"there is no pass {name!r}", remedy)
        varied = [
            each for each in settings.of(known[name]) if each.per_layer and each.search is not None
        ]
        if not varied:
            raise errors.BadInput(
                f"techniques: {name}",
                "no setting of it is searched layer by layer",
                f"Leave it out; there are: {', '.join(able())}.",
            )
        for each in varied:
            found += [Change(name, each.name, value) for value in _few(space.grid(each), most)]
    return tuple(found)


def pattern(layers: Sequence[str]) -> str:
    """The regular expression of a rule that names these layers."""
    return "|".join(map(re.escape, layers))


def able() -> list[str]:
    """The passes that can be probed."""
    return sorted(
        name
        for name, kind in recipes.available().items()
        if any(each.per_layer and each.search is not None for each in settings.of(kind))
    )


def _few(values: Sequence[Any], most: int) -> list[Any]:
    places = np.linspace(0, len(values) - 1, min(most, len(values)))
    return [values[round(float(place))] for place in places]

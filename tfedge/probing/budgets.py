"""Budgets by layer: an integer program picks a change for each layer, and a recipe is made of them.

What changes do to the answers is added up over layers, as it adds up where it is small; the bytes
of two changes to one layer were counted together. To choose one option of each group under a limit
is the multiple-choice knapsack problem (Sinha & Zoltners 1979, Operations Research 27(3)), which
HiGHS solves exactly.
"""

import collections
import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from tfedge import errors, grammar
from tfedge.compress import recipe as recipes
from tfedge.compress.passes import base
from tfedge.probing import changes as changes_lib
from tfedge.probing.changes import Change
from tfedge.probing.rows import Row

TECHNIQUES = ("prune", "cluster")
_LAST = "quantize"
_SECONDS = 20.0  # the best choice by then is taken


@dataclasses.dataclass(frozen=True)
class Option:
    """What may be done to a layer.

    Attributes:
        layer: its name.
        changes: none leaves it as it is.
        saved_bytes: of the packed file.
        harm: to the answers.
    """

    layer: str
    changes: tuple[Change, ...] = ()
    saved_bytes: int = 0
    harm: float = 0.0


@dataclasses.dataclass(frozen=True)
class Budget:
    """One option for each layer."""

    options: tuple[Option, ...]

    @property
    def saved_bytes(self) -> int:
        """Of the packed file, of all layers."""
        return sum(each.saved_bytes for each in self.options)

    @property
    def harm(self) -> float:
        """Of all layers."""
        return sum(each.harm for each in self.options)

    @property
    def recipe(self) -> str:
        """Passes whose rules say what was chosen, and int8 behind them."""
        chosen: dict[str, dict[tuple[str, object], list[str]]] = {_LAST: {}}
        for option in self.options:
            for each in option.changes:
                of_value = chosen.setdefault(each.technique, collections.defaultdict(list))
                of_value.setdefault((each.setting, each.value), []).append(option.layer)
        known = recipes.available()
        names = sorted(chosen, key=lambda name: known[name].stage)
        return ", ".join(self._written(name, known[name].stage, chosen[name]) for name in names)

    def _written(
        self, name: str, stage: base.Stage, chosen: Mapping[tuple[str, object], Sequence[str]]
    ) -> str:
        rules: dict[str, Mapping[str, object] | None] = {
            changes_lib.pattern(layers): {setting: value}
            for (setting, value), layers in chosen.items()
        }
        named = sum(map(len, chosen.values()))
        if named < len(self.options) and stage < base.Stage.INTEGERS:  # those are of all layers
            rules[".*"] = None
        return grammar.write(name, {"rules": rules}) if rules else name


def within(rows: Sequence[Row], techniques: Sequence[str], saved_bytes: int) -> Budget:
    """The choice that saves so many bytes and harms the answers least.

    Args:
        rows: of a table.
        techniques: that may be used.
        saved_bytes: at least, of the packed file.

    Raises:
        BadInput: all together save less.
    """
    groups = _options(rows, techniques)
    most = sum(max(each.saved_bytes for each in group) for group in groups)
    if most < saved_bytes:
        raise errors.BadInput(
            "the budget of bytes",
            f"{saved_bytes:,} bytes have to go, what was probed of {', '.join(techniques)} saves "
            f"{most:,}",
            "Allow more bytes, or probe stronger changes or other techniques.",
        )
    options = [each for group in groups for each in group]
    saved = np.array([each.saved_bytes for each in options], float)
    return _best(groups, np.array([each.harm for each in options]), saved, saved_bytes, np.inf)


def smallest(rows: Sequence[Row], techniques: Sequence[str], harm: float) -> Budget:
    """The choice that harms the answers no more than so and saves most.

    Args:
        rows: of a table.
        techniques: that may be used.
        harm: of all layers, at most.
    """
    groups = _options(rows, techniques)
    options = [each for group in groups for each in group]
    saved = np.array([each.saved_bytes for each in options], float)
    return _best(groups, -saved, np.array([each.harm for each in options]), -np.inf, harm)


def _options(rows: Sequence[Row], techniques: Sequence[str]) -> list[list[Option]]:
    """By layer: as it is, and all that may be done to it."""
    alone = {
        (row.layer, row.changes[0]): row.difference.harm
        for row in rows
        if row.difference is not None
    }
    found = {row.layer: [Option(row.layer)] for row in rows}
    for row in rows:
        usable = all(
            each.technique in techniques and (row.layer, each) in alone for each in row.changes
        )
        if usable and row.saved_bytes > 0:
            harms = sum(alone[row.layer, each] for each in row.changes)
            found[row.layer].append(Option(row.layer, row.changes, row.saved_bytes, harms))
    return list(found.values())


def _best(
    groups: Sequence[Sequence[Option]],
    cost: np.ndarray,
    limited: np.ndarray,
    low: float,
    high: float,
) -> Budget:
    """One option of each group, of the least cost, with a sum of `limited` between the two."""
    from scipy import optimize, sparse

    options = [each for group in groups for each in group]
    of_group = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    one_each = sparse.csr_array((np.ones(len(options)), (of_group, np.arange(len(options)))))
    found = optimize.milp(
        cost,
        integrality=np.ones(len(options)),
        bounds=optimize.Bounds(0, 1),
        constraints=[
            optimize.LinearConstraint(one_each, 1, 1),
            optimize.LinearConstraint(limited[None], low, high),
        ],
        options={"time_limit": _SECONDS},
    )
    assert found.x is not None, found.message
    return Budget(tuple(each for each, take in zip(options, found.x, strict=True) if take > 0.5))

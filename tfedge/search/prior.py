"""What the sensitivity of layers adds to a space: recipes by layer for few bytes, to begin with."""

import math
from collections.abc import Mapping

from tfedge import cache, errors, foreign
from tfedge.compress import keys
from tfedge.compress import recipe as recipes
from tfedge.making.preparing import Ready
from tfedge.probing import budgets, sensitivity
from tfedge.probing.table import Table
from tfedge.search.space import BY_LAYER, Point, Space

TECHNIQUES = budgets.TECHNIQUES
FILE = "sensitivity.json"
_SHARES = (0.5, 0.35)  # of what the weights take as int8


def probed(ready: Ready, stages: cache.Cache) -> Table:
    """What the layers can bear, found once and kept.

    Args:
        ready: the model and its data.
        stages: has it, or gets it.

    Raises:
        BadInput: none of them can be changed.
    """

    def probe() -> Mapping[str, bytes]:
        # However long it takes: a search that goes on has to see the same table.
        found = sensitivity.sensitivity(ready.model, ready.given.task, TECHNIQUES, seconds=math.inf)
        return {FILE: found.as_text().encode()}

    key = keys.extend(ready.key, f"sensitivity to {', '.join(TECHNIQUES)}")
    content = stages.made(key, "what each layer can bear", probe)[FILE]
    return Table.from_json(foreign.parse_json(content, FILE, cache.REMEDY), FILE)


def widened(tried: Space, table: Table) -> tuple[Space, tuple[Point, ...]]:
    """The space with a recipe by layer for each of a few budgets, and the points of these.

    Args:
        tried: has the techniques that budgets use.
        table: of the same model.
    """
    weights = sum(table.layer_bytes.values())
    found: dict[str, Mapping[str, recipes.base.Pass]] = {}
    for share in _SHARES:
        kept = table.packed_bytes - round(weights * (1 - share))
        try:
            recipe = recipes.Recipe.parse(table.recipe(kept))
        except errors.BadInput:  # what was probed does not reach so far
            continue
        found[f"{kept:,} bytes"] = {each.name: each for each in recipe.passes}
    if not found:
        return tried, ()
    space = tried.with_layers(
        {name: {each: passes.get(each) for each in TECHNIQUES} for name, passes in found.items()}
    )
    points = (
        space.point({**dict.fromkeys({*TECHNIQUES, *passes}, True), BY_LAYER: name})
        for name, passes in found.items()
    )
    return space, tuple(points)

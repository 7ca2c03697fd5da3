"""What the sensitivity of layers adds to a space: recipes by layer, to begin with."""

import math
from collections.abc import Mapping

from tfedge import cache, foreign
from tfedge.compress import keys
from tfedge.compress import recipe as recipes
from tfedge.compress.passes import base
from tfedge.making.preparing import Ready
from tfedge.probing import budgets
from tfedge.probing.table import Table
from tfedge.search.space import BY_LAYER, Point, Space

TECHNIQUES = budgets.TECHNIQUES
FILE = "sensitivity.json"
_HARMS = (0.03, 0.12)  # of all layers before training, which then mends most of it


def probed(ready: Ready, stages: cache.Cache) -> Table:
    """What the layers can bear, found once and kept.

    Args:
        ready: the model and its data.
        stages: has it, or gets it.

    Raises:
        BadInput: none of them can be changed.
    """

    def probe() -> Mapping[str, bytes]:
        from tfedge.probing import sensitivity  # brings the converter, before all is checked

        # However long it takes: a search that goes on has to see the same table.
        found = sensitivity.sensitivity(ready.model, ready.given.task, TECHNIQUES, seconds=math.inf)
        return {FILE: found.as_text().encode()}

    key = keys.extend(ready.key, f"sensitivity to {', '.join(TECHNIQUES)}")
    content = stages.made(key, "what each layer can bear", probe)[FILE]
    return Table.from_json(foreign.parse_json(content, FILE, cache.REMEDY), FILE)


def widened(tried: Space, table: Table) -> tuple[Space, tuple[Point, ...]]:
    """The space with a recipe by layer for each of a few harms, and the points of these.

    Args:
        tried: has the techniques that budgets use.
        table: of the same model.
    """
    chosen = {f"harm {harm:g}": table.budget(harm=harm).recipe for harm in _HARMS}
    found = {name: recipes.Recipe.parse(text) for name, text in chosen.items()}
    space = tried.with_layers({name: _of_techniques(recipe) for name, recipe in found.items()})
    return space, tuple(_point(space, name, recipe) for name, recipe in found.items())


def _of_techniques(recipe: recipes.Recipe) -> dict[str, base.Pass | None]:
    used = {each.name: each for each in recipe.passes}
    return {name: used.get(name) for name in TECHNIQUES}


def _point(space: Space, name: str, recipe: recipes.Recipe) -> Point:
    nearest = space.nearest(recipe)
    others = {} if nearest is None else space.values(nearest)
    return space.point({**others, **dict.fromkeys(TECHNIQUES, True), BY_LAYER: name})

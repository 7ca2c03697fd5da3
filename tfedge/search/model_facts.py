"""What a search has to know of the input model beside its answers; found once and kept."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from tfedge import cache, foreign
from tfedge.compress import recipe as recipes
from tfedge.making.preparing import Ready
from tfedge.search.space import Space

_FILE = "model_facts.json"


@dataclasses.dataclass(frozen=True)
class Facts:
    """What is known.

    Attributes:
        multiply_adds: of one inference.
        searched: axis -> what is left of its values, where the model decides; see
            `Pass.searched`.
    """

    multiply_adds: int
    searched: Mapping[str, tuple[Any, ...]]


def found(ready: Ready, tried: Space, stages: cache.Cache) -> Facts:
    """What is known of a model.

    Args:
        ready: the model and its data.
        tried: techniques and values that may be searched on any model.
        stages: has it, or gets it.
    """
    from tfedge.compress import keys

    def look() -> Mapping[str, bytes]:
        return {_FILE: json.dumps(dataclasses.asdict(_look(ready, tried))).encode()}

    axes = [(axis.name, axis.values) for axis in tried.axes]
    key = keys.extend(ready.key, f"facts for a search of {axes}")
    content = stages.made(key, "what a search has to know of the model", look)[_FILE]
    with foreign.reading(_FILE, cache.REMEDY):
        told = foreign.parse_json(content, _FILE, cache.REMEDY)
        searched = {name: tuple(values) for name, values in told["searched"].items()}
        return Facts(foreign.whole(told["multiply_adds"]), searched)


def _look(ready: Ready, tried: Space) -> Facts:
    from tfedge.compress import costs

    flat = recipes.Recipe().start(ready.model, ready.given.task).candidate.model
    searched = {
        f"{name}.{setting}": values
        for name, kind in zip(tried.names, tried.kinds, strict=True)
        for setting, values in kind.searched(flat).items()
    }
    return Facts(costs.total_multiply_adds(flat), searched)

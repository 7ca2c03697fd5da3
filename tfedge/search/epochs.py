"""How long recipes train, and how much of that other trials have not trained before."""

import functools
from collections.abc import Sequence

import numpy as np

from tfedge.compress.passes import base
from tfedge.search.choice import Choice, Seen
from tfedge.search.space import Space


@functools.lru_cache(maxsize=20_000)
def passes_of(space: Space, choice: Choice) -> tuple[tuple[str, int, bool], ...]:
    """Text and epochs of each pass, and whether its shapes are those of the input model."""
    passes = space.recipe(choice.point, choice.length).passes
    changing = [each.stage == base.Stage.SHAPES for each in passes]
    return tuple(
        (str(each), getattr(each, "epochs", 0), not any(changing[: place + 1]))
        for place, each in enumerate(passes)
    )


def left(
    space: Space, rows: Sequence[Choice], done: Sequence[Seen], shares: np.ndarray
) -> np.ndarray:
    """(rows,) epochs of the input model, without leading passes that were trained before.

    Args:
        space: of the rows.
        rows: to be trained.
        done: trials before.
        shares: (rows,) of the time that an epoch takes in changed shapes.
    """
    trained = set()
    for each in done:
        texts = tuple(text for text, *_ in passes_of(space, each.choice))
        trained |= {texts[:count] for count in range(1, len(texts) + 1)}
    counts = []
    for row, share in zip(rows, shares, strict=True):
        found = passes_of(space, row)
        texts = tuple(text for text, *_ in found)
        shared = max(
            count for count in range(len(texts) + 1) if not count or texts[:count] in trained
        )
        counts.append(sum(each * (1 if whole else share) for _, each, whole in found[shared:]))
    return np.array(counts)

"""What integer labels mean is decided by the model: 0 and 1 are two classes, or a yes and a no.

Without a model, 0 and 1 are taken for one sigmoid and whole numbers for classes
(`kinds.of_targets`). Where model and data meet, the size of the output settles it.
"""

import dataclasses
from collections.abc import Mapping

from absl import logging

from tfedge.data import kinds, splits, task
from tfedge.data.matching.shapes import Shape


def of_outputs(made: "task.Task", shapes: Mapping[str, Shape]) -> "task.Task":
    """The task as the model's outputs ask for.

    Args:
        made: its kind may be changed, among those whose targets may look the same.
        shapes: of the model's outputs by name, batch axis first, in the model's order.

    Returns:
        `made` itself where its kind fits, or where no other does; `fit.check_fits` says so then.
    """
    found, kind = splits.named(made.train.targets()), made.kind_facts
    if kind.is_open or len(found) != len(shapes):
        return made
    if not set(found) <= set(shapes):
        shapes = dict(zip(found, shapes.values(), strict=True))
    seen = {
        kind.seen_by(y, tuple(shapes[name])[1:], made.num_classes) or kind.name
        for name, y in found.items()
    }
    new = kinds.named(seen.pop())
    if seen or new.name == kind.name:
        return made
    logging.info(
        "task %s: the model puts out %s: the targets are taken as %s, not as %s",
        *(made.name, _shown(shapes), new.name, kind.name),
    )
    labels = made.labels if new.one_class else ()
    return dataclasses.replace(made, kind=new.name, labels=labels)


def _shown(shapes: Mapping[str, Shape]) -> str:
    widths = [1 if len(shape) < 2 else shape[-1] for shape in shapes.values()]
    return " and ".join("1 value" if width == 1 else f"{width} values" for width in widths)

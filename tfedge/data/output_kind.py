"""What integer labels mean is decided by the model: 0 and 1 are two classes, or a yes and a no.

Without a model, 0 and 1 are taken for one sigmoid and whole numbers for classes (`targets.infer`).
Where model and data meet, the size of the output settles it.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from absl import logging

from tfedge.data import splits, task

Shape = Sequence[int | None]


def of_outputs(made: "task.Task", shapes: Mapping[str, Shape]) -> "task.Task":
    """The task as the model's outputs ask for.

    Args:
        made: its kind may be changed, among those whose targets may look the same.
        shapes: of the model's outputs by name, batch axis first, in the model's order.

    Returns:
        `made` itself where its kind fits, or where no other does; `fit.check_fits` says so then.
    """
    found = splits.named(made.train.targets())
    if made.kind == "custom" or len(found) != len(shapes):
        return made
    if not set(found) <= set(shapes):
        shapes = dict(zip(found, shapes.values(), strict=True))
    kinds = {_kind(made, y, tuple(shapes[name])[1:]) for name, y in found.items()}
    kind = kinds.pop()
    if kinds or kind == made.kind:
        return made
    logging.info(
        "task %s: the model puts out %s: the targets are taken as %s, not as %s",
        *(made.name, _shown(shapes), kind, made.kind),
    )
    labels = made.labels if kind in ("classification", "binary") else ()
    return dataclasses.replace(made, kind=kind, labels=labels)


def _kind(made: "task.Task", y: np.ndarray, output: Shape) -> str:
    """The kind that targets of one output are of."""
    width = 1 if not output else output[-1]
    if y.ndim > 1:
        return _kind_of_rows(made.kind, y, output)
    if len(output) > 1 or width is None:
        return made.kind
    if made.kind == "binary" and width == 2:
        return "classification"
    if made.kind == "classification" and width == 1:
        return "binary" if made.num_classes == 2 else "regression"
    if made.kind == "regression" and width > 1 and _are_classes(y, width):
        return "classification"
    return made.kind


def _kind_of_rows(kind: str, y: np.ndarray, output: Shape) -> str:
    """Rows of numbers are labels, classes step by step, or values, by whether an axis is added."""
    if kind == "multilabel" and len(output) == y.ndim and output[-1]:
        return "segmentation"
    if kind == "segmentation" and y.ndim == 2 and tuple(output) == y.shape[1:]:
        return "regression"
    return kind


def _are_classes(y: np.ndarray, width: int) -> bool:
    """Whether values are whole numbers that could be class numbers of so many outputs."""
    return bool(y.size and np.all(y == np.floor(y)) and y.min() >= 0 and y.max() < width)


def _shown(shapes: Mapping[str, Shape]) -> str:
    widths = [1 if len(shape) < 2 else shape[-1] for shape in shapes.values()]
    return " and ".join("1 value" if width == 1 else f"{width} values" for width in widths)

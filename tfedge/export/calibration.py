"""The examples that post-training quantization reads activation ranges from.

The converter accepts anything here: given nothing, or only NaN, it hands back a float model
without a word. So the examples are looked at first.
"""

import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from absl import logging

from tfedge import errors
from tfedge.data import splits
from tfedge.data.task import Arrays, Task

Examples = Callable[[], Iterator[dict[str, np.ndarray]]]

_ENOUGH = 100
_BATCH = 32


def examples(task: Task | None, input_names: Sequence[str], route: str) -> Examples:
    """A function that yields {input name: (1, ...) array} for each calibration example.

    Args:
        task: whose calibration split is read, and whose normalisation is applied.
        input_names: of the model, in order.
        route: for messages.

    Raises:
        BadInput: no task, no examples, a value that is not finite, nothing but one value, or
            inputs that do not go by the model's names.
    """
    if task is None:
        raise errors.BadInput(
            f"--export={route}",
            "ranges of activations are read from calibration examples, and there is no data",
            "Give the data, or use dynamic, which needs none.",
        )
    where = f"calibration split of {task.name}"
    _check(where, _batches(task.calibration, task, input_names))
    if len(task.calibration) < _ENOUGH:
        logging.warning(
            "%s: %d examples; ranges from fewer than %d are often too narrow",
            where,
            len(task.calibration),
            _ENOUGH,
        )
    return functools.partial(one_by_one, task.calibration, task, input_names)


def one_by_one(
    split: splits.Split, task: Task, input_names: Sequence[str]
) -> Iterator[dict[str, np.ndarray]]:
    """{input name: (1, ...) array} for each example of a split, as the model takes it."""
    for batch in _batches(split, task, input_names):
        for index in range(len(next(iter(batch.values())))):
            yield {name: array[index : index + 1] for name, array in batch.items()}


def _batches(
    split: splits.Split, task: Task, input_names: Sequence[str]
) -> Iterator[dict[str, np.ndarray]]:
    for inputs, _ in split.batches(_BATCH):
        yield by_name(inputs, task, input_names)


def by_name(inputs: Arrays, task: Task, input_names: Sequence[str]) -> dict[str, np.ndarray]:
    """{input name: array} of raw inputs, as the model takes them.

    Raises:
        BadInput: inputs that do not go by the model's names.
    """
    arrays = task.normalization(inputs)
    if not isinstance(arrays, dict):
        arrays = dict.fromkeys(input_names[:1], arrays)
    missing = [name for name in input_names if name not in arrays]
    if missing:
        raise errors.BadInput(
            f"task {task.name}",
            f"the model's input {missing[0]!r} is not among the data's {sorted(arrays)}",
            "Name the data's inputs as the model does.",
        )
    return {name: arrays[name] for name in input_names}


def _check(where: str, batches: Iterator[dict[str, np.ndarray]]) -> None:
    count, lowest, highest = 0, np.inf, -np.inf
    for batch in batches:
        for name, array in batch.items():
            finite = np.isfinite(array).reshape(len(array), -1).all(axis=1)
            if not finite.all():
                index = count + int(np.argmin(finite))
                raise errors.BadInput(
                    where,
                    f"example {index} of input {name!r} holds NaN or infinity",
                    "Remove or mend it.",
                )
            lowest, highest = min(lowest, array.min()), max(highest, array.max())
        count += len(next(iter(batch.values())))
    if count == 0:
        raise errors.BadInput(where, "it is empty", "Give at least 100 typical examples.")
    if lowest == highest:
        raise errors.BadInput(
            where, f"every value is {lowest:g}", "Give at least 100 typical examples."
        )

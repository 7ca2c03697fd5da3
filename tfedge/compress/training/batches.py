"""Training batches, made by tf.data ahead of the step that needs them."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tfedge.compress.keras import tf
from tfedge.compress.training import augment
from tfedge.data import class_weights
from tfedge.data.task import Task
from tfedge.errors import BadInput


def prefetched(
    task: Task,
    order: np.ndarray,
    size: int,
    answers: Sequence[np.ndarray] = (),
    first_step: int = 0,
) -> Iterator[tuple[Any, Any, tuple[Any, ...], tuple[Any, ...]]]:
    """(inputs, targets, a teacher's answers, counts) in full batches.

    Counts are `class_weights.of_examples` of the batch.

    Args:
        task: its training split is read, normalised and varied as its `augment` says.
        order: indices into it, a multiple of `size`.
        size: of a batch.
        answers: arrays with a row for each training example.
        first_step: the number of the first batch in the training; augmentation depends on it.

    Raises:
        BadInput: what the split raised, which tf.data would turn into an error of its own.
    """
    failed: list[BadInput] = []
    counts = class_weights.of_examples(task)

    def made() -> Iterator[tuple[Any, Any, tuple[np.ndarray, ...], tuple[np.ndarray, ...]]]:
        try:
            for number, (x, y) in enumerate(task.train.batches(size, order)):
                chosen = order[number * size : (number + 1) * size]
                taught = tuple(rows[chosen] for rows in answers)
                yield task.normalization(x), y, taught, tuple(rows[chosen] for rows in counts)
        except BadInput as error:
            failed.append(error)
            raise

    signature = tf.nest.map_structure(
        lambda array: tf.TensorSpec((size, *array.shape[1:]), tf.as_dtype(array.dtype)),
        next(made()),
    )
    ahead = tf.data.Dataset.from_generator(made, output_signature=signature)
    vary = augment.augmenter(task)
    if vary is not None:
        ahead = ahead.enumerate(first_step).map(lambda step, batch: _varied(vary, step, batch))
    try:
        yield from ahead.prefetch(4)
    except tf.errors.OpError:
        if failed:
            raise failed[0] from None
        raise


def _varied(vary: augment.Vary, step: Any, batch: Any) -> tuple[Any, Any, Any, Any]:
    x, y, answers, counts = batch
    x, y, counts = vary(x, y, step, counts)
    return x, y, answers, counts

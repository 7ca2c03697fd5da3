"""Training batches, made by tf.data ahead of the step that needs them."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfedge.compress.keras import tf
from tfedge.compress.ranges import fake_quantization
from tfedge.compress.training import augment, batch_statistics
from tfedge.data import class_weights
from tfedge.data.task import Task
from tfedge.errors import BadInput


class Batch(NamedTuple):
    """What a step learns from.

    Attributes:
        inputs: what the model is called on.
        targets: of the examples, by output where there are several.
        answers: a teacher's, as far as they are kept.
        counts: () or ((batch,) how much each example counts,).
    """

    inputs: Any
    targets: Any
    answers: tuple[Any, ...] = ()
    counts: tuple[Any, ...] = ()


def steps_per_epoch(task: Task) -> int:
    """Full batches in the training split; a smaller split is one batch."""
    return max(1, len(task.train) // task.batch_size)


@dataclasses.dataclass(frozen=True, eq=False)
class Feed:
    """The training split again and again, in an order that seed and epoch alone decide.

    Attributes:
        model: that is fed; it names its inputs.
        task: its training split is read, normalised and varied as its `augment` says.
        answers: arrays with a row for each training example.
    """

    model: Any
    task: Task
    answers: Sequence[np.ndarray] = ()

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return steps_per_epoch(self.task)

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of an epoch, counted from 0."""
        found = prefetched(
            self.task, self._order(number), self._size, self.answers, number * self.steps
        )
        for x, y, answers, counts in found:
            yield Batch(fake_quantization.inputs_of(self.model, x), y, answers, counts)

    def few(self, number: int) -> Iterator[Any]:
        """Inputs of an epoch's first batches, varied as they were."""
        order = batch_statistics.some(self._order(number), self._size)
        for x, *_ in prefetched(self.task, order, self._size, first_step=number * self.steps):
            yield fake_quantization.inputs_of(self.model, x)

    @property
    def _size(self) -> int:
        return min(self.task.batch_size, len(self.task.train))

    def _order(self, number: int) -> np.ndarray:
        generator = np.random.default_rng((self.task.seed, number))
        return generator.permutation(len(self.task.train))[: self.steps * self._size]


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

"""The examples of one split: in memory, read by index, or from a stream of batches.

Inputs are raw (images stay uint8); `Task.normalization` is applied by whoever feeds a model. Every
kind of split honours an order of indices exactly, so that values kept per example (a teacher's
outputs, a paired test) always belong to the example they were made from.
"""

import abc
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfedge import errors

Arrays = np.ndarray | dict[str, np.ndarray]  # dict = several inputs or outputs, by name


class Split(abc.ABC):
    """Examples with their targets, by index 0..len-1."""

    def __repr__(self) -> str:
        """In a few words; nothing is read for them."""
        return f"{type(self).__name__}, read when it is needed"

    @abc.abstractmethod
    def __len__(self) -> int:
        """The number of examples."""

    @abc.abstractmethod
    def batches(
        self, batch_size: int, order: np.ndarray | None = None
    ) -> Iterator[tuple[Arrays, Arrays]]:
        """Yields (inputs, targets) of up to `batch_size` examples; the last batch may be short.

        Args:
            batch_size: examples per batch.
            order: (m,) indices, in the order wanted; None is the natural order.
        """

    @abc.abstractmethod
    def targets(self) -> Arrays:
        """All targets in natural order, in memory."""

    @abc.abstractmethod
    def take(self, indices: np.ndarray) -> "ArraySplit":
        """These examples, in this order, in memory."""


@dataclass(frozen=True, eq=False)
class ArraySplit(Split):
    """Examples in memory.

    Args:
        x: (n, ...) inputs, or a dict of them by input name; lists become arrays.
        y: (n, ...) targets, or a dict of them by output name.

    Raises:
        BadInput: the arrays differ in their number of examples.
    """

    x: Arrays
    y: Arrays

    def __post_init__(self):
        object.__setattr__(self, "x", arrays_of(self.x))
        object.__setattr__(self, "y", arrays_of(self.y))
        lengths = {
            f"{side} {name}".strip(): len(array)
            for side, arrays in (("x", self.x), ("y", self.y))
            for name, array in named(arrays).items()
        }
        if len(set(lengths.values())) != 1:
            counts = ", ".join(f"{name} has {n}" for name, n in lengths.items())
            raise errors.BadInput(
                "x and y", f"{counts} examples", "Give every array one row for each example."
            )

    def __repr__(self) -> str:
        return _described(self.x, self)

    def __len__(self) -> int:
        return count(self.x)

    def batches(
        self, batch_size: int, order: np.ndarray | None = None
    ) -> Iterator[tuple[Arrays, Arrays]]:
        """See `Split.batches`; natural order yields views, not copies."""
        for chosen in chunks(len(self), batch_size, order):
            yield pick(self.x, chosen), pick(self.y, chosen)

    def targets(self) -> Arrays:
        """See `Split.targets`."""
        return self.y

    def take(self, indices: np.ndarray) -> "ArraySplit":
        """See `Split.take`."""
        return ArraySplit(pick(self.x, np.asarray(indices)), pick(self.y, np.asarray(indices)))


@dataclass(frozen=True, eq=False)
class RowSplit(Split):
    """Some rows of arrays that may lie on disk: inputs are copied as they are read.

    Args:
        whole: (m, ...) inputs, or a dict of them by input name.
        rows: (n,) numbers of those rows that are the examples.
        y: (n, ...) targets of the examples, or a dict of them by output name.
    """

    whole: Arrays
    rows: np.ndarray
    y: Arrays

    @property
    def x(self) -> Arrays:
        """The inputs, all copied into memory."""
        return pick(self.whole, self.rows)

    def __repr__(self) -> str:
        return _described(self.whole, self)

    def __len__(self) -> int:
        return len(self.rows)

    def batches(
        self, batch_size: int, order: np.ndarray | None = None
    ) -> Iterator[tuple[Arrays, Arrays]]:
        """See `Split.batches`; one batch at a time is in memory."""
        for chosen in chunks(len(self), batch_size, order):
            yield pick(self.whole, self.rows[chosen]), pick(self.y, chosen)

    def targets(self) -> Arrays:
        """See `Split.targets`."""
        return self.y

    def take(self, indices: np.ndarray) -> "ArraySplit":
        """See `Split.take`."""
        chosen = np.asarray(indices)
        return ArraySplit(pick(self.whole, self.rows[chosen]), pick(self.y, chosen))


def _described(x: Arrays, split: Split) -> str:
    """Such as "997 examples of (8, 8, 1) uint8"."""
    forms = (f"{name} {each.shape[1:]} {each.dtype}".lstrip() for name, each in named(x).items())
    return f"{len(split):,} examples of {', '.join(forms)}"


@dataclass(frozen=True, eq=False)
class StreamSplit(Split):
    """Examples read when they are needed, by index: files on disk, arrays not loaded yet.

    Args:
        read: (m,) indices -> inputs of these m examples.
        load_targets: () -> all targets; called once, when first needed.
    """

    read: Callable[[np.ndarray], Arrays]
    load_targets: Callable[[], Arrays]

    def __repr__(self) -> str:
        return f"{len(self):,} examples, read when they are needed"

    @functools.cached_property
    def _targets(self) -> Arrays:
        return self.load_targets()

    def __len__(self) -> int:
        return count(self._targets)

    def batches(
        self, batch_size: int, order: np.ndarray | None = None
    ) -> Iterator[tuple[Arrays, Arrays]]:
        """See `Split.batches`; one batch at a time is in memory."""
        for chosen in chunks(len(self), batch_size, order):
            indices = np.arange(chosen.start, chosen.stop) if isinstance(chosen, slice) else chosen
            yield self.read(indices), pick(self._targets, chosen)

    def targets(self) -> Arrays:
        """See `Split.targets`."""
        return self._targets

    def take(self, indices: np.ndarray) -> ArraySplit:
        """See `Split.take`."""
        indices = np.asarray(indices)
        return ArraySplit(self.read(indices), pick(self._targets, indices))


def arrays_of(values: Any) -> Arrays:
    """Arrays of whatever holds numbers: lists, tensors, or dicts of them by name."""
    if isinstance(values, dict):
        return {name: np.asarray(value) for name, value in values.items()}
    return np.asarray(values)


def named(arrays: Arrays) -> dict[str, np.ndarray]:
    """The arrays by name; a single array has the empty name."""
    return arrays if isinstance(arrays, dict) else {"": arrays}


def count(arrays: Arrays) -> int:
    """The number of examples in `arrays`."""
    return len(next(iter(named(arrays).values())))


def pick(arrays: Arrays, chosen: np.ndarray | slice) -> Arrays:
    """These rows of every array."""
    if isinstance(arrays, dict):
        return {name: array[chosen] for name, array in arrays.items()}
    return arrays[chosen]


def chunks(n: int, size: int, order: np.ndarray | None) -> Iterator[np.ndarray | slice]:
    """The rows of each batch: slices in natural order, else pieces of `order`."""
    if size < 1:
        raise ValueError(f"a batch size of at least 1 was expected, got {size}")
    for start in range(0, n if order is None else len(order), size):
        stop = start + size
        yield slice(start, min(stop, n)) if order is None else np.asarray(order[start:stop])

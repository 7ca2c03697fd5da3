"""A split from a stream of batches, such as a tf.data pipeline, for tasks of py: files.

A stream has one order, but training shuffles and paired tests need an example by its index. So the
first time another order is asked for, the stream is written once to a temporary file on disk and
read by index from there. A pipeline that shuffles or augments by itself keeps doing so with
`own_order`.
"""

import functools
import pathlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfedge import errors
from tfedge.data import splits


@dataclass(frozen=True, eq=False, repr=False)
class BatchSplit(splits.Split):
    """Examples from a factory of batches.

    Args:
        factory: () -> the batches of one pass, each a pair (inputs, targets) of arrays or tensors,
            or of dicts of them by name. A tf.data.Dataset is such an iterable. Every pass must
            give the same examples in the same order, unless `own_order`.
        own_order: the stream decides the order and may augment, so an order that holds every
            example once is answered by one pass as the stream gives it, and other orders are
            refused. For training splits.

    Example:
        BatchSplit(lambda: dataset.batch(256))
    """

    factory: Callable[[], Iterable[Any]]
    own_order: bool = False

    @functools.cached_property
    def _targets(self) -> splits.Arrays:
        return _joined([y for _, y in self._pass()])

    def __len__(self) -> int:
        return splits.count(self._targets)

    def batches(
        self, batch_size: int, order: np.ndarray | None = None
    ) -> Iterator[tuple[splits.Arrays, splits.Arrays]]:
        """See `Split.batches`.

        Raises:
            BadInput: an order of a part of the examples, of a stream with `own_order`; a stream
                whose batches differ in shape or dtype.
        """
        if order is None or (self.own_order and _is_permutation(order, len(self))):
            yield from _rebatched(self._pass(), batch_size)
            return
        for rows in splits.chunks(len(self), batch_size, order):
            yield self._on_disk.read(rows)

    def targets(self) -> splits.Arrays:
        """See `Split.targets`; takes one pass, the first time."""
        return self._targets

    def take(self, indices: np.ndarray) -> splits.ArraySplit:
        """See `Split.take`."""
        return splits.ArraySplit(*self._on_disk.read(np.asarray(indices)))

    def _pass(self) -> Iterator[tuple[splits.Arrays, splits.Arrays]]:
        for batch in self.factory():
            if not isinstance(batch, tuple | list) or len(batch) != 2:
                raise errors.BadInput(
                    "a batch of the stream",
                    f"a pair (inputs, targets) was expected, got {type(batch).__name__}"
                    + (f" of {len(batch)}" if isinstance(batch, tuple | list) else ""),
                    "Let the factory give such pairs; several inputs are a dict by name.",
                )
            yield splits.arrays_of(batch[0]), splits.arrays_of(batch[1])

    @functools.cached_property
    def _on_disk(self) -> "_Store":
        if self.own_order:
            raise errors.BadInput(
                "a stream with its own order",
                "single examples were asked for by index",
                "Use own_order for training alone, or leave it out.",
            )
        return _Store(self._pass())


class _Store:
    """The examples of one pass, in files that vanish with this object."""

    def __init__(self, batches: Iterator[tuple[splits.Arrays, splits.Arrays]]):
        self._folder = tempfile.TemporaryDirectory(prefix="tfedge-stream-")
        shapes: dict[tuple[int, str], tuple[tuple[int, ...], np.dtype]] = {}
        length = 0
        try:
            for batch in batches:
                length += splits.count(batch[0])
                for side, arrays in enumerate(batch):
                    for name, array in splits.named(arrays).items():
                        self._append(shapes, (side, name), array)
        except OSError as error:
            raise errors.BadInput(
                self._folder.name,
                f"the stream cannot be kept there to read it by index ({error})",
                "Set TMPDIR to a folder on a larger disk.",
            ) from error
        if not length:
            raise errors.BadInput("the stream", "it is empty", "Check the factory.")
        sides: tuple[dict[str, np.ndarray], ...] = ({}, {})
        for number, ((side, name), (shape, dtype)) in enumerate(shapes.items()):
            path = pathlib.Path(self._folder.name, str(number))
            sides[side][name] = np.memmap(path, dtype, "r", shape=(length, *shape))
        self._x, self._y = (side[""] if "" in side else side for side in sides)

    def read(self, rows: np.ndarray | slice) -> tuple[splits.Arrays, splits.Arrays]:
        """These examples, copied into memory."""
        return splits.arrays_of(splits.pick(self._x, rows)), splits.arrays_of(
            splits.pick(self._y, rows)
        )

    def _append(self, shapes: dict, key: tuple[int, str], array: np.ndarray) -> None:
        found = (array.shape[1:], array.dtype)
        expected = shapes.setdefault(key, found)
        if found != expected:
            raise errors.BadInput(
                "the stream",
                f"a batch of {expected[0]} {expected[1]} is followed by {found[0]} {found[1]}",
                "Give every example the same shape and dtype.",
            )
        with pathlib.Path(self._folder.name, str(list(shapes).index(key))).open("ab") as file:
            file.write(np.ascontiguousarray(array).data)


def _joined(parts: list[Any]) -> splits.Arrays:
    if not parts:
        raise errors.BadInput("the stream", "it is empty", "Check the factory.")
    if isinstance(parts[0], dict):
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return np.concatenate(parts)


def _rebatched(
    batches: Iterator[tuple[splits.Arrays, splits.Arrays]], size: int
) -> Iterator[tuple[splits.Arrays, splits.Arrays]]:
    """The same examples in batches of `size`, whatever the sizes they come in."""
    left: tuple[splits.Arrays, splits.Arrays] | None = None
    for batch in batches:
        x, y = (
            batch if left is None else (_joined([left[0], batch[0]]), _joined([left[1], batch[1]]))
        )
        length = splits.count(x)
        for start in range(0, length - size + 1, size):
            rows = slice(start, start + size)
            yield splits.pick(x, rows), splits.pick(y, rows)
        rest = slice(length - length % size, length)
        left = (splits.pick(x, rest), splits.pick(y, rest))
    if left is not None and splits.count(left[0]):
        yield left


def _is_permutation(order: np.ndarray, n: int) -> bool:
    return len(order) == n and bool((np.sort(order) == np.arange(n)).all())

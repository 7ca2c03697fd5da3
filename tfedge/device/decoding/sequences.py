"""How sequences of a split go through a file with caches, in place of one call for each."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from tfedge import errors
from tfedge.data import splits
from tfedge.device.decoding import caches
from tfedge.device.file import tflite
from tfedge.device.model_io import Input

_SPAN = ("first step", "last step")


@dataclasses.dataclass(frozen=True)
class Sequences:
    """What is fed of each sequence.

    Attributes:
        inputs: its tokens, and the first and last step that count.
        room: how many tokens the caches hold.
        where: what to call the file in errors.
    """

    inputs: tuple[Input, ...]
    room: int
    where: str

    @property
    def steps(self) -> int:
        """Of each sequence."""
        return self.inputs[0].shape[0]

    def with_spans(
        self, batches: Iterator[tuple[splits.Arrays, splits.Arrays]]
    ) -> Iterator[tuple[splits.Arrays, splits.Arrays]]:
        """Batches of (tokens, targets), with what is fed in place of the tokens.

        Raises:
            BadInput: a step that counts is behind what the caches have room for.
        """
        for x, y in batches:
            (tokens,) = splits.named(x).values()
            first, last = _span(counted(y, len(tokens), self.steps))
            if len(last) and last.max() >= self.room:
                raise _no_room(self.where, self.room, int(last.max()) + 1)
            yield {self.inputs[0].name: tokens, _SPAN[0]: first, _SPAN[1]: last}, y


def of(file: tflite.TfliteFile, x: splits.Arrays, where: str) -> Sequences | None:
    """None of files without caches, and of examples that are inputs of one call.

    Args:
        file: with its signatures.
        x: the first examples.
        where: what to call the file in errors.

    Raises:
        BadInput: they are no sequences of token numbers that the caches have room for.
    """
    facts, given = caches.find(file), list(splits.named(x).values())
    if facts is None or len(given) > 1:
        return None
    check(given[0], facts.known, where)
    tensor = file.named_inputs[caches.TOKENS]
    tokens = Input(caches.TOKENS, tensor.index, given[0].shape[1:], given[0].dtype.name, "int32")
    spans = (Input(name, -1, (), "int32", "int32", raw=True) for name in _SPAN)
    return Sequences((dataclasses.replace(tokens, raw=True), *spans), facts.room, where)


def check(x: np.ndarray, known: int, where: str) -> None:
    """Refuses what is no (n, steps) tokens that a file knows, where it says how many it does.

    Raises:
        BadInput: saying what it is.
    """
    if x.ndim != 2 or x.dtype.kind not in "iu":
        raise errors.BadInput(
            where,
            f"expected whole numbers (n, steps) of tokens, got {x.shape} {x.dtype}",
            "Give the numbers that the tokenizer has for its tokens.",
        )
    outside = x[(x < 0) | (x >= known)] if known else x[:0]
    if outside.size:
        raise errors.BadInput(
            where,
            f"it knows tokens of 0..{known - 1}, got {outside[0]}",
            "Use the vocabulary that the model was trained with.",
        )


def _no_room(where: str, room: int, wanted: int) -> errors.BadInput:
    return errors.BadInput(
        where,
        f"its caches have room for {room} tokens, a sequence has {wanted}",
        f"Export it with cache={wanted}, or cut the sequences.",
    )


def counted(y: splits.Arrays, count: int, steps: int) -> np.ndarray:
    """(n, steps) which steps count: those with a target; all where targets are none of steps."""
    found = np.asarray(next(iter(splits.named(y).values())))
    if found.shape != (count, steps) or found.dtype.kind not in "iu":
        return np.ones((count, steps), bool)
    return found >= 0


def _span(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) the first and the last step that count; of none a last one in front of the first."""
    first, behind = counts.argmax(axis=1), counts[:, ::-1].argmax(axis=1)
    last = np.where(counts.any(axis=1), counts.shape[1] - 1 - behind, first - 1)
    return first.astype(np.int32), last.astype(np.int32)

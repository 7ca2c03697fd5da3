"""One pass over the inputs of a split: what hygiene needs to know of them, without keeping them."""

import hashlib
from dataclasses import dataclass

import numpy as np

from tfedge import errors
from tfedge.data import splits, thumbnails

Form = dict[str, tuple[tuple[int, ...], str]]  # by input name: shape of one example, dtype
_BATCH = 256


@dataclass(frozen=True, eq=False)
class Scan:
    """What one pass saw.

    Args:
        form: shape and dtype of each input.
        ranges: lowest and highest value of each input.
        digests: (n,) uint64; equal for equal examples.
        thumbnails: (n, 64) float32 means of an 8x8 grid over the first image input, raw scale;
            (n, 0) where no input is an image.
        image: the name of that input.
    """

    form: Form
    ranges: dict[str, tuple[float, float]]
    digests: np.ndarray
    thumbnails: np.ndarray
    image: str | None


def scan(split: splits.Split, where: str) -> Scan:
    """Reads every example once.

    Args:
        split: not empty.
        where: what an error names.

    Raises:
        BadInput: NaN or infinity, inputs that are no numbers, examples of different shapes, or
            another number of inputs than targets.
    """
    form: Form | None = None
    ranges: dict[str, tuple[float, float]] = {}
    digests, pictures, start, image = [], [], 0, None
    for x, y in split.batches(_BATCH):
        arrays = splits.named(x)
        found = {name: (array.shape[1:], str(array.dtype)) for name, array in arrays.items()}
        if form is None:
            form = found
            image = thumbnails.image_input(form)
        _check_form(form, found, start, where)
        _check_counts(arrays, splits.named(y), start, where)
        for name, array in arrays.items():
            low, high = _range(array, start, f"{where} {name}".strip())
            before = ranges.get(name, (low, high))
            ranges[name] = (min(low, before[0]), max(high, before[1]))
        digests.append(_digests(list(arrays.values())))
        if image is not None:
            pictures.append(thumbnails.shrink(arrays[image]))
        start += splits.count(x)
    if form is None or start != len(split):
        raise errors.BadInput(
            where, f"it says to have {len(split)} examples, {start} were read", "Check the source."
        )
    grids = np.concatenate(pictures) if pictures else np.empty((start, 0), np.float32)
    return Scan(form, ranges, np.concatenate(digests), grids, image)


def shown(form: Form) -> str:
    """A form for a message: "(28, 28, 1) uint8"."""
    return ", ".join(f"{name} {shape} {dtype}".strip() for name, (shape, dtype) in form.items())


def _check_form(form: Form, found: Form, start: int, where: str) -> None:
    for name, (_, dtype) in found.items():
        if np.dtype(dtype).kind not in "biuf":
            raise errors.BadInput(
                f"{where} {name}".strip(),
                f"inputs are numbers, got dtype {dtype}",
                "Encode them as numbers: images as uint8, tokens as their ids.",
            )
    if found != form:
        raise errors.BadInput(
            where,
            f"its inputs are {shown(form)}, but {shown(found)} from index {start} on",
            "Give every example the same shape and dtype.",
        )


def _check_counts(
    x: dict[str, np.ndarray], y: dict[str, np.ndarray], start: int, where: str
) -> None:
    counts = {len(array) for array in (*x.values(), *y.values())}
    if len(counts) > 1:
        raise errors.BadInput(
            where,
            f"the batch from index {start} on has {len(next(iter(x.values())))} inputs and"
            f" {len(next(iter(y.values())))} targets",
            "Give every input one target.",
        )


def _range(array: np.ndarray, start: int, where: str) -> tuple[float, float]:
    """Lowest and highest value; NaN survives both, so they tell of any value that is not finite."""
    if not array.size:
        raise errors.BadInput(where, f"an example of shape {array.shape[1:]} is empty", "Check it.")
    low, high = float(array.min()), float(array.max())
    if np.isfinite(low) and np.isfinite(high):
        return low, high
    broken = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    bad = int((~np.isfinite(array.reshape(len(array), -1))).any(axis=1).sum())
    raise errors.BadInput(
        where,
        f"example {start + broken[0]} holds {array[broken]} at {broken[1:]}"
        f" ({bad} such examples among {len(array)})",
        "Repair or drop such examples: one of them can poison every weight.",
    )


def _digests(arrays: list[np.ndarray]) -> np.ndarray:
    """(n,) 64-bit hashes of the examples' bytes, all inputs together.

    Among a million examples a false match has a chance of about 3e-8.
    """
    rows = [np.ascontiguousarray(array).reshape(len(array), -1).view(np.uint8) for array in arrays]
    joined = rows[0] if len(rows) == 1 else np.concatenate(rows, axis=1)
    hashes = [hashlib.blake2b(row, digest_size=8).digest() for row in joined]
    return np.frombuffer(b"".join(hashes), np.uint64)

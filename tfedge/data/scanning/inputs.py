"""One pass over the inputs of a split: what hygiene needs to know of them, without keeping them."""

import hashlib
from dataclasses import dataclass

import numpy as np

from tfedge import errors
from tfedge.data import splits
from tfedge.data.scanning import fingerprints, moments, thumbnails

Form = dict[str, tuple[tuple[int, ...], str]]  # by input name: shape of one example, dtype
_BATCH = 256


@dataclass(frozen=True, eq=False)
class Scan:
    """What one pass saw.

    Args:
        form: shape and dtype of each input.
        ranges: lowest and highest value of each input.
        channel_ranges: the same for each channel of the last axis of images; (2, channels).
        digests: (n,) uint64; equal for equal examples.
        thumbnails: (n, 64) float32 means of an 8x8 grid over the first image input, raw scale;
            (n, 0) where no input is an image.
        image: the name of that input.
        fingerprints: (n, 50) float32 of that input, see `fingerprints`; (n, 0) where there is none.
        moments: (n, columns) float32 by input, see `moments`.
    """

    form: Form
    ranges: dict[str, tuple[float, float]]
    channel_ranges: dict[str, np.ndarray]
    digests: np.ndarray
    thumbnails: np.ndarray
    image: str | None
    fingerprints: np.ndarray
    moments: dict[str, np.ndarray]


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
    channels: dict[str, np.ndarray] = {}
    columns: dict[str, list[np.ndarray]] = {}
    digests, pictures, prints, start, image = [], [], [], 0, None
    for x, y in split.batches(_BATCH):
        arrays = splits.named(x)
        found = {name: (array.shape[1:], str(array.dtype)) for name, array in arrays.items()}
        if form is None:
            form = found
            image = thumbnails.image_input(form)
        _check_form(form, found, start, where)
        _check_counts(arrays, splits.named(y), start, where)
        for name, array in arrays.items():
            low, high = value_range(array, start, f"{where} {name}".strip())
            before = ranges.get(name, (low, high))
            ranges[name] = (min(low, before[0]), max(high, before[1]))
            columns.setdefault(name, []).append(moments.take(array))
            if array.ndim == 4:
                channels[name] = _channel_range(array, channels.get(name))
        digests.append(_digests(list(arrays.values())))
        if image is not None:
            grey = thumbnails.grey(arrays[image])
            pictures.append(thumbnails.shrink(grey))
            prints.append(fingerprints.take(grey))
        start += splits.count(x)
    if form is None or start != len(split):
        raise errors.BadInput(
            where, f"it says to have {len(split)} examples, {start} were read", "Check the source."
        )
    return Scan(
        form,
        ranges,
        channels,
        np.concatenate(digests),
        _joined(pictures, start),
        image,
        _joined(prints, start),
        {name: np.concatenate(parts) for name, parts in columns.items()},
    )


def value_range(array: np.ndarray, start: int, where: str) -> tuple[float, float]:
    """Lowest and highest value of the examples from index `start` on.

    NaN survives both, so they tell of any value that is not finite.

    Raises:
        BadInput: such a value, by the index of its example; an example without values.
    """
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


def shown(form: Form) -> str:
    """A form for a message: "(28, 28, 1) uint8"."""
    return ", ".join(f"{name} {shape} {dtype}".strip() for name, (shape, dtype) in form.items())


def _joined(parts: list[np.ndarray], n: int) -> np.ndarray:
    return np.concatenate(parts) if parts else np.empty((n, 0), np.float32)


def _channel_range(array: np.ndarray, before: np.ndarray | None) -> np.ndarray:
    """(2, channels): lowest and highest value, these images and those before."""
    rows, channels = array.reshape(len(array), -1), array.shape[-1]  # long rows reduce fastest
    low, high = (ends.reshape(-1, channels) for ends in (rows.min(axis=0), rows.max(axis=0)))
    found = np.stack([low.min(axis=0), high.max(axis=0)]).astype(np.float64)
    if before is None:
        return found
    return np.stack([np.minimum(found[0], before[0]), np.maximum(found[1], before[1])])


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


def _digests(arrays: list[np.ndarray]) -> np.ndarray:
    """(n,) 64-bit hashes of the examples' bytes, all inputs together.

    Among a million examples a false match has a chance of about 3e-8.
    """
    rows = [np.ascontiguousarray(array).reshape(len(array), -1).view(np.uint8) for array in arrays]
    joined = rows[0] if len(rows) == 1 else np.concatenate(rows, axis=1)
    hashes = [hashlib.blake2b(row, digest_size=8).digest() for row in joined]
    return np.frombuffer(b"".join(hashes), np.uint64)

"""Which side of a split an example is on, decided by its content: others come and go, it stays.

The key of an example is the SHA-256 of its bytes, or of what names its group. Keys in the first
fifth of their range are held out, those in the next tenth are validation, the rest is train.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

from tfedge.data.splitting import stratify

ROLES = ("train", "validation", "holdout")
_HELD_OUT, _VALIDATION = 2**256 // 5, 2**256 * 3 // 10


def key_of(content: bytes) -> bytes:
    """The key of an example with this content."""
    return hashlib.sha256(content).digest()


def sides(keys: Sequence[bytes], classes: np.ndarray, holdout: bool = True) -> np.ndarray:
    """The role of each example; equal keys have the same.

    A class without a held-out example gives its smallest key, then one without validation its
    next, as long as something is left to train on.

    Args:
        keys: of n examples, 32 bytes each.
        classes: (n,) class numbers, constant where there are none.
        holdout: False where other data are held out: their range is train's then.

    Returns:
        (n,) of `ROLES`.
    """
    found = {key: _side(int.from_bytes(key), holdout) for key in keys}
    by_class = _keys_by_class(keys, classes)
    for own in by_class:
        if holdout:
            _give(found, own, "holdout")
    for own in by_class:
        _give(found, own, "validation")
    for own in by_class:
        can_give = len(own) > 1 or not holdout  # all alike: to learn from, where others judge
        if can_give and not any(found[key] == "train" for key in own):
            kept = [key for key in own if found[key] == "validation"] or own
            found[kept[-1]] = "train"
    return np.array([found[key] for key in keys])


def some(keys: Sequence[bytes], classes: np.ndarray, most: int) -> np.ndarray:
    """Sorted indices of at most `most` examples: of each class its share, the smallest keys."""
    order = np.array(sorted(range(len(keys)), key=keys.__getitem__), np.int64)
    return stratify.first(classes, min(most, len(keys)), order)


def _side(number: int, holdout: bool) -> str:
    if number < _HELD_OUT:
        return "holdout" if holdout else "train"
    return "validation" if number < _VALIDATION else "train"


def _keys_by_class(keys: Sequence[bytes], classes: np.ndarray) -> list[list[bytes]]:
    """The different keys of each class, smallest first."""
    own: dict[int, set[bytes]] = {}
    for key, number in zip(keys, classes.tolist(), strict=True):
        own.setdefault(number, set()).add(key)
    return [sorted(own[number]) for number in sorted(own)]


def _give(found: dict[bytes, str], own: list[bytes], role: str) -> None:
    """The smallest key of a class to a role that has none of it; validation leaves one to train."""
    train = [key for key in own if found[key] == "train"]
    if any(found[key] == role for key in own):
        return
    if role == "holdout":
        found[own[0]] = role
    elif len(train) > 1:
        found[train[0]] = role

"""Whether what a task says of how much its classes and examples count can be weights at all."""

from collections.abc import Mapping

import numpy as np

from tfedge import errors

NONE, BALANCED = "none", "balanced"
REMEDY = 'Give {class number: weight}, by output where there are several, "balanced" or "none".'


def check_classes(given: object, where: str) -> None:
    """Raises BadInput for a word that is none, and for what is no mapping."""
    if isinstance(given, str):
        if given not in (NONE, BALANCED):
            raise errors.BadInput(where, f"{given!r} is no such word", REMEDY)
    elif given is not None and not isinstance(given, Mapping):
        raise errors.BadInput(where, f"got a {type(given).__name__}", REMEDY)


def check_examples(given: np.ndarray, examples: int, where: str) -> None:
    """Raises BadInput for what is not one number from 0 up for each example."""
    weights = np.asarray(given)
    fine = weights.shape == (examples,) and weights.dtype.kind in "biuf"
    if not fine or not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise errors.BadInput(
            where,
            f"expected {examples} numbers from 0 up, one for each training example, got"
            f" {weights.shape} {weights.dtype}"
            + (f" from {weights.min()} to {weights.max()}" if fine else ""),
            "Give each training example one, in an .npz as w_train.",
        )

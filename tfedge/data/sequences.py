"""Sequences of different lengths as one array of tokens, such as an .npz and a model take."""

from collections.abc import Sequence

import numpy as np

from tfedge import errors


def padded(
    sequences: Sequence[Sequence[int]], padding: int = 0, steps: int | None = None
) -> np.ndarray:
    """The sequences from the first step on, and padding behind their ends.

    Args:
        sequences: n lists of token numbers, or of labels.
        padding: stands for no token; of labels -1.
        steps: of the model, as many as it has places; None for those of the longest sequence.

    Returns:
        (n, steps) int32.

    Raises:
        BadInput: a sequence that is longer, or empty, or holds no whole numbers, by its index.
    """
    count = max(map(len, sequences), default=0) if steps is None else steps
    found = np.full((len(sequences), count), padding, np.int32)
    for number, sequence in enumerate(sequences):
        where = f"the sequence at index {number}"
        tokens = np.asarray(sequence)
        if not 0 < len(tokens) <= count:
            raise errors.BadInput(
                where,
                f"expected 1 to {count} tokens, got {len(tokens)}",
                "Cut or drop it, or give more steps to the model.",
            )
        if tokens.ndim != 1 or tokens.dtype.kind not in "iu":
            raise errors.BadInput(
                where,
                f"expected whole numbers, got {tokens.shape} {tokens.dtype}",
                "Give the numbers that the tokenizer has for its tokens.",
            )
        found[number, : len(tokens)] = tokens
    return found

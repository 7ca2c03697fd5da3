"""Shapes of a model's ends, some of whose sizes are open."""

from collections.abc import Sequence

Shape = Sequence[int | None]


def matches(expected: Shape, actual: Shape) -> bool:
    """Whether a shape fits one in which None or -1 stands for any size."""
    return len(expected) == len(actual) and all(
        size in (None, -1, other) for size, other in zip(expected, actual, strict=True)
    )


def units_of(output: Shape) -> int | None:
    """How many units an output has for a single decision; None where that is open, or has places.

    Args:
        output: its shape, without the batch axis.
    """
    if len(output) > 1:
        return None
    return output[0] if output else 1

"""From the text of --data to a Task: digits, fashion_mnist, npz:, images:, tfds:, py:."""

from tfedge import errors
from tfedge.data import digits, fashion_mnist, task

GRAMMAR = "digits, fashion_mnist, npz:FILE, images:DIR, tfds:NAME, py:FILE:FUNCTION"


def load_task(source: str, data_dir: str | None = None, seed: int = 0) -> task.Task:
    """Loads the data a model is trained, calibrated and judged on.

    Args:
        source: one of `GRAMMAR`.
        data_dir: where fashion_mnist or a tfds: data set lies; None for the usual places.
        seed: of the split, and of everything random later done for this task.

    Raises:
        BadInput: an unknown source, or one that cannot be read.
    """
    if source == "digits":
        return digits.load(seed)
    if source == "fashion_mnist":
        return fashion_mnist.load(data_dir, seed)
    raise errors.BadInput(f"--data={source}", "no such source", f"Use one of {GRAMMAR}.")

"""From the text of --data to a Task: digits, fashion_mnist, npz:, images:, tfds:, py:."""

import dataclasses
import difflib

from tfedge import errors
from tfedge.data import task
from tfedge.data.sources import options

GRAMMAR = "digits, fashion_mnist, npz:FILE, images:DIR, tfds:NAME, py:FILE:FUNCTION"
_NAMES = ("digits", "fashion_mnist", "npz", "images", "tfds", "py")


def load_task(source: str, data_dir: str | None = None, seed: int = 0) -> task.Task:
    """Loads the data a model is trained, calibrated and judged on.

    Options follow a question mark, such as "npz:FILE?kind=regression&metric=auc&scale=1/255" or
    "images:DIR?size=96x96&channels=3"; each source's module lists its own.

    Args:
        source: one of `GRAMMAR`.
        data_dir: where fashion_mnist or a tfds: data set lies; None for the usual places.
        seed: of the split, and of everything random later done for this task.

    Raises:
        BadInput: an unknown source or option, a source that cannot be read, or a bad seed.
    """
    task.check_seed(seed)
    try:
        return _load(source, data_dir, seed)
    except OSError as error:
        raise errors.BadInput(
            f"--data={source}",
            f"it cannot be read ({error})",
            "Check the path and who may read it.",
        ) from error


def _load(source: str, data_dir: str | None, seed: int) -> task.Task:
    # Each source is imported when it is asked for: some bring a library with them.
    name, _, address = source.partition(":")
    if name == "py" and address:
        from tfedge.data.sources import python_file

        return python_file.load(address)
    if name in ("npz", "images", "tfds") and address:
        return _from_address(name, source, data_dir, seed)
    base, settings = options.split(source, ("metric", "class_weight"))
    if base == "digits":
        from tfedge.data.sources import digits

        return _set(digits.load(seed), settings)
    if base == "fashion_mnist":
        from tfedge.data.sources import fashion_mnist

        return _set(fashion_mnist.load(data_dir, seed), settings)
    near = difflib.get_close_matches(name, _NAMES, 1)
    hint = f"; did you mean {near[0]}?" if near and near[0] != name else ""
    raise errors.BadInput(f"--data={source}", f"no such source{hint}", f"Use one of {GRAMMAR}.")


def _set(made: task.Task, settings: options.Options) -> task.Task:
    return dataclasses.replace(made, metric=settings.metric, class_weight=settings.class_weight)


def _from_address(name: str, source: str, data_dir: str | None, seed: int) -> task.Task:
    if name == "npz":
        from tfedge.data.sources import npz

        address, settings = options.split(source, npz.OPTIONS)
        return npz.load(address.partition(":")[2], settings, seed)
    if name == "images":
        from tfedge.data.sources import images

        address, settings = options.split(source, images.OPTIONS)
        return images.load(address.partition(":")[2], settings, seed)
    from tfedge.data.sources import tfds

    address, settings = options.split(source, tfds.OPTIONS)
    return tfds.load(address.partition(":")[2], settings, data_dir, seed)

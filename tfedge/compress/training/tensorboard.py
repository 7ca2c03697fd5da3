"""What TensorBoard shows: the curves of trainings, and trials with their settings and figures.

with tensorboard.into("logs"):
    recipe.apply(model, task)

tensorboard --logdir=logs
"""

import contextlib
import contextvars
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tfedge import errors, extras
from tfedge.compress.keras import tf

Tell = Callable[[Mapping[str, float]], None]

_FOLDER: contextvars.ContextVar[pathlib.Path | None] = contextvars.ContextVar(
    "tensorboard", default=None
)
_PLAIN = (bool, int, float, str)


@contextlib.contextmanager
def into(folder: str | os.PathLike | None) -> Iterator[None]:
    """Trainings inside the block write their curves into runs of a folder; None is nowhere.

    Raises:
        BadInput: TensorBoard is not installed, or the folder cannot be made.
    """
    token = _FOLDER.set(None if folder is None else opened(folder))
    try:
        yield
    finally:
        _FOLDER.reset(token)


def opened(folder: str | os.PathLike) -> pathlib.Path:
    """A folder for runs.

    Raises:
        BadInput: see `into`.
    """
    extras.require(f"--tensorboard={folder}", "tensorboard")
    made = pathlib.Path(folder)
    try:
        made.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        raise errors.BadInput(
            f"--tensorboard={folder}", f"it cannot be made ({said})", "Name a writable folder."
        ) from error
    return made


@contextlib.contextmanager
def curves(label: str) -> Iterator[Tell]:
    """What takes the entries of a training's history, an epoch each.

    Args:
        label: of the run.
    """
    folder = _FOLDER.get()
    if folder is None:
        yield lambda entry: None
        return
    with tf.summary.create_file_writer(os.fspath(folder / label)).as_default():

        def tell(entry: Mapping[str, float]) -> None:
            for name, value in entry.items():
                if name != "epoch":
                    tf.summary.scalar(name, value, step=int(entry["epoch"]))
            tf.summary.flush()

        yield tell


def trial(
    folder: pathlib.Path, name: str, text: str, chosen: Mapping[str, Any], figures: Mapping
) -> None:
    """A run of one trial; one that is there already is left as it is.

    Args:
        folder: of `opened`.
        name: of the run.
        text: that says all of it.
        chosen: the settings that differ between trials.
        figures: name -> number.
    """
    if (folder / name).exists():
        return
    from tensorboard.plugins.hparams import api

    plain = {key: each if isinstance(each, _PLAIN) else f"{each}" for key, each in chosen.items()}
    with tf.summary.create_file_writer(os.fspath(folder / name)).as_default():
        api.hparams(plain, trial_id=name)
        tf.summary.text("recipe", text, step=0)
        for key, figure in figures.items():
            tf.summary.scalar(key, figure, step=0)

"""Calls a subclassed model on an example, if it never was: its inputs are known only from a call.

A model that Keras opens from a file has its weights back, but was not called yet.
"""

import re
from typing import Any

from tfedge import errors
from tfedge.compress import bridge
from tfedge.data.task import Task

_COLOURS = re.compile("\x1b\\[[0-9;]*m")  # Keras 3 writes its errors in bold


def make(model: Any, task: Task) -> None:
    """Calls a subclassed model of either Keras that has its weights, on a calibration example.

    One without weights is left to be refused: random ones are nothing to export.

    Raises:
        BadInput: the call fails.
    """
    if not model.built or _was_called(model):
        return
    for inputs, _ in task.calibration.batches(1):
        try:
            model(task.normalization(inputs))
        except Exception as error:  # the user's code
            said = _COLOURS.sub("", str(error))
            raise errors.BadInput(
                f"model {model.name!r}",
                f"calling it on an example of {task.name} gave {type(error).__name__}: {said}",
                "Give the data it was trained on; its call takes one array or a dict of them.",
            ) from error
        return


def _was_called(model: Any) -> bool:
    if bridge.is_keras3(model):
        return bool(model._called)
    return model.save_spec() is not None

"""Subclassed models of Keras 3 by the layers that they call, followed on inputs as the data has.

A subclassed model does not say what it takes; an example of the data does.
"""

import inspect
from typing import Any

import numpy as np

from tfedge.compress import bridge, keras
from tfedge.compress.graph import canonical
from tfedge.data.task import Task
from tfedge.errors import BadInput

_REMEDY = (
    "Write it with the functional API, keras.Model(inputs, outputs), of its layers, registered ones"
    " of your own among them."
)


def of(model: Any, task: Task) -> Any:
    """The tf_keras model of the layers that a subclassed model calls.

    Args:
        model: any; others than subclassed ones of Keras 3 that have weights stay as they are.
        task: whose calibration split says what the model takes.

    Raises:
        MissingTwin: its call cannot be followed.
    """
    if not is_drawn(model):
        return model
    where = f"model {model.name!r} ({type(model).__name__})"
    try:
        given = _inputs(model, task)
        whole = keras.keras3().Model(given, model(given), name=model.name)
        return canonical.tidy(bridge.to_tf_keras(whole))
    except BadInput as refused:
        cause = refused.cause if refused.where == where else f"{refused.where}: {refused.cause}"
        raise bridge.MissingTwin(where, cause, _REMEDY) from refused
    except Exception as error:  # the user's code
        said = next((line for line in str(error).splitlines() if line.strip()), "")
        cause = f"its call cannot be followed: {type(error).__name__}: {said}"
        raise bridge.MissingTwin(where, cause, _REMEDY) from error


def is_drawn(model: Any) -> bool:
    """Whether a model is a subclassed one of Keras 3 that has weights."""
    if not bridge.is_keras3(model) or bridge.is_functional(model):
        return False
    return isinstance(model, keras.keras3().Model) and bool(model.built)


def _inputs(model: Any, task: Task) -> Any:
    """Symbols like an example: one, or by name."""
    for x, _ in task.calibration.batches(1):
        found = task.normalization(x)
        if isinstance(found, dict):
            return {name: _symbol(name, array) for name, array in found.items()}
        return _symbol(next(iter(inspect.signature(model.call).parameters)), found)
    raise BadInput(task.name, "there are no calibration examples", "")


def _symbol(name: str, array: np.ndarray) -> Any:
    dtype = "int32" if array.dtype.kind in "iu" else "float32"
    return keras.keras3().Input(array.shape[1:], dtype=dtype, name=name)

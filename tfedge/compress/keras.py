"""The only module that imports TensorFlow or a Keras, and only when something of them is used.

Recipes are read, explained and refused without TensorFlow, which takes seconds to load: `tf` and
`tf_keras` are stand-ins that load the library at the first attribute that is asked for. Models are
compressed as tf_keras models, because TFMOT knows nothing else; Keras 3 is needed only to read and
to give back Keras 3 models, and costs a second more.

    from tfedge.compress import keras as k
    layer = k.tf_keras.layers.Dense(10)
    model = k.keras3().Model(...)
"""

import contextlib
import functools
import importlib
import os
import sys
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from tfedge import extras, progress

_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"


@contextlib.contextmanager
def _quiet_start() -> Iterator[None]:
    """Keeps TensorFlow's greetings off the terminal, which it prints before it reads the level.

    Whoever sets TF_CPP_MIN_LOG_LEVEL below 3 wants to see them and does.
    """
    if os.environ[_LOG_LEVEL] != "3" or "tensorflow" in sys.modules:
        yield
        return
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


os.environ.setdefault(_LOG_LEVEL, "3")
# TFMOT sets this when it is imported, and what the other spelling of Keras inside TensorFlow
# is then depends on who came first. Set here, before TensorFlow, it is the same every time.
os.environ["TF_USE_LEGACY_KERAS"] = "1"
# Both Kerases must compute on the same kernels for the bridge to be exact.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


@functools.cache
def _load() -> None:
    extras.require("Keras models", "compress")
    with progress.phase("loading TensorFlow"), _quiet_start():
        tensorflow = importlib.import_module("tensorflow")
        importlib.import_module("tf_keras")
    tensorflow.get_logger().setLevel("ERROR")
    tensorflow.autograph.set_verbosity(0)
    warnings.filterwarnings("ignore", message=".*saving your model as an HDF5 file.*")


class _Later:
    """A module that is imported when it is first used; what was asked for is kept."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        _load()
        found = getattr(importlib.import_module(self._name), attribute)
        setattr(self, attribute, found)
        return found


# Neither has types, and mypy would otherwise complain about every attribute.
tf: Any = _Later("tensorflow")
tf_keras: Any = _Later("tf_keras")

# For signatures, which say what is meant.
Layer = Any
Model = Any
Optimizer = Any
Tensor = Any
Variable = Any


def keras3() -> Any:
    """The Keras 3 package, imported on first use; TensorFlow first, as that starts it quietly."""
    _load()
    import keras

    module: ModuleType = keras
    return module

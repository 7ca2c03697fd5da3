"""Whether a twin whose layers' calls were followed computes what the model does."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfedge.compress.bridge import replay
from tfedge.compress.bridge.twin_builder import MissingTwin

_EXAMPLES = 2
_CLOSE = 1e-4  # of the largest output: far below any mistake, far above other orders of sums


def check(model: Any, twin: Any, followed: Sequence[str]) -> None:
    """Runs both on the same made-up examples.

    Args:
        model: of Keras 3.
        twin: of tf_keras, its inputs of fixed size.
        followed: names of the layers to blame.

    Raises:
        MissingTwin: they differ.
    """
    random = np.random.default_rng(0)
    given = replay.substitute(replay.inputs(twin), lambda tensor: _example(tensor, random))
    wanted = replay.flat(model(given, training=False))
    found = replay.flat(twin(given, training=False))
    worst = max(map(_difference, wanted, found))
    if not worst <= _CLOSE:
        raise MissingTwin(
            f"model {model.name!r}",
            f"what was read from the calls of {', '.join(map(repr, followed))} computes something"
            f" else: {worst:.2g} of the largest output apart",
            "Write them with Keras layers and keras.ops of any batch size, or register a tf_keras"
            " twin under the same name in a file given by --custom_objects=py:FILE.",
        )


def _example(tensor: Any, random: np.random.Generator) -> np.ndarray:
    """Numbers that any table and any mask takes, and noise elsewhere."""
    shape = (_EXAMPLES, *tensor.shape[1:])
    if tensor.dtype.is_floating:
        return random.normal(size=shape).astype(tensor.dtype.as_numpy_dtype)
    found = random.integers(0, 2, shape)
    found[..., :1] = 1  # no row is masked whole
    return found.astype(tensor.dtype.as_numpy_dtype)


def _difference(wanted: Any, found: Any) -> float:
    wanted, found = np.asarray(wanted, np.float64), np.asarray(found, np.float64)
    if wanted.shape != found.shape:
        return float("inf")
    return float(np.abs(wanted - found).max(initial=0)) / max(
        float(np.abs(wanted).max(initial=0)), 1e-12
    )

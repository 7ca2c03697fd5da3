"""Weights of a network nobody trained, scaled so that signals keep their size through it."""

from typing import Any

import numpy as np


def assign(model: Any) -> None:
    """He et al.'s kernels and BatchNormalization statistics away from their defaults."""
    generator = np.random.default_rng(1)
    for variable in model.weights:
        shape, name = tuple(variable.shape), variable.path.rsplit("/", 1)[-1]
        if name in ("gamma", "moving_variance"):
            value = generator.uniform(0.5, 1.5, shape)
        elif name in ("beta", "moving_mean", "bias"):
            value = generator.normal(0, 0.1, shape)
        elif len(shape) > 1:
            alone = "depthwise" in variable.path
            value = generator.normal(0, np.sqrt(2 / np.prod(shape[: 2 if alone else -1])), shape)
        else:
            continue
        variable.assign(value.astype(np.float32))

"""Models with random, well-scaled weights, and how far two outputs are apart."""

import numpy as np

from tfedge.compress.bridge import replay

flat = replay.flat


def randomise(model, seed=0):
    """He-like kernels, statistics of BatchNormalization in 0.5..1.5: no output saturates."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        path = variable.path if replay.is_keras3(model) else variable.name
        name, shape = path.split("/")[-1].split(":")[0], tuple(variable.shape)
        if "int" in str(variable.dtype):
            continue
        if name == "gamma" or "variance" in name:
            value = rng.uniform(0.5, 1.5, shape)
        elif len(shape) > 1:
            reads_one_channel = "depthwise" in path or shape[-1] == 1
            fan_in = np.prod(shape[:2] if reads_one_channel and len(shape) == 4 else shape[:-1])
            value = rng.normal(0, np.sqrt(2 / fan_in), shape)
        else:
            value = rng.normal(0, 0.1, shape)
        variable.assign(value.astype("float32"))
    for layer in model.layers:
        if type(layer).__name__ == "Normalization":
            layer.finalize_state()
    return model


def apart(first, second):
    """The largest difference, relative to the largest value."""
    pairs = zip(flat(first), flat(second), strict=True)
    return max(
        np.abs(np.asarray(a, "f8") - np.asarray(b, "f8")).max() / max(np.abs(a).max(), 1e-30)
        for a, b in pairs
    )

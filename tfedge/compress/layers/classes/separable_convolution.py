"""Separable convolutions: depthwise, then 1x1; they are taken apart before anything else."""

from typing import Any

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.layers import facts


def _facts(axes: int) -> facts.Layer:
    depthwise, pointwise = f"DepthwiseConv{axes}D", f"Conv{axes}D"
    steps = ((depthwise, "depthwise_kernel"), (pointwise, "pointwise_kernel"))
    return facts.Layer(steps=steps, plain=_steps)


def _steps(layer: k.Layer) -> list[tuple[Any, list[np.ndarray]]]:
    config = layer.get_config()
    depthwise_kind, pointwise_kind = (kind for kind, _ in facts.of(layer).steps)
    shared = {key: config[key] for key in ("strides", "dilation_rate", "data_format")}
    ahead, padding = _padding(config, layer.name)
    depthwise = getattr(k.tf_keras.layers, depthwise_kind)(
        config["kernel_size"],
        depth_multiplier=config["depth_multiplier"],
        use_bias=False,
        padding=padding,
        name=f"{layer.name}_depthwise",
        **shared,
    )
    pointwise = getattr(k.tf_keras.layers, pointwise_kind)(
        config["filters"],
        1,
        use_bias=config["use_bias"],
        activation=config["activation"],
        name=layer.name,
    )
    first, *rest = layer.get_weights()
    return [*ahead, (depthwise, [first]), (pointwise, rest)]


def _padding(config: dict[str, Any], name: str) -> tuple[list[tuple[Any, list]], str]:
    """What stands before a depthwise convolution, which knows no "causal", and its padding."""
    if config["padding"] != "causal":
        return [], config["padding"]
    missing = config["dilation_rate"][0] * (config["kernel_size"][0] - 1)
    padded = k.tf_keras.layers.ZeroPadding1D((missing, 0), name=f"{name}_padding")
    return [(padded, [])], "valid"


LAYERS = {f"SeparableConv{axes}D": _facts(axes) for axes in (1, 2)}

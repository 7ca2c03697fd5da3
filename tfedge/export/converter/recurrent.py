"""Recurrent layers on the integer routes, where the converter crashes on a loop.

An LSTM with Keras' default settings becomes one fused operator and is left alone. Any other
recurrence becomes WHILE, whose calibration ends the process; unrolled, it is plain operators.
"""

from collections.abc import Mapping
from typing import Any

from absl import logging

from tfedge import errors, shown
from tfedge.compress import graph
from tfedge.compress.layers import facts

_LONGEST = 128  # steps; each becomes some fifteen operators


def has_loop(tree: Any) -> bool:
    """Whether a .tflite has WHILE or IF in it."""
    return len(tree.subgraphs) > 1


def unfuse(model: Any) -> None:
    """Makes each LSTM of a model of ours a loop, in place; what it computes stays.

    Under quantization-aware training an LSTM stays float, but the converter would quantize the
    fused operator that it makes of one, without ranges, and fails.
    """
    for layer in model._flatten_layers(include_self=False, recursive=True):
        if facts.of(layer).is_one_operator:
            layer._could_use_gpu_kernel = False  # tf_keras marks for fusion what a GPU could fuse


def unrolled(model: Any, route: str) -> Any:
    """A flat copy of `model` with its recurrent layers unrolled.

    Raises:
        BadInput: a subclassed model, a layer that has no unrolled form, or more than 128 steps.
    """
    if not graph.is_functional(model):
        raise refusal(f"model {model.name!r}", route, "its loop")
    flat = graph.rebuild(model)
    replace = {}
    for layer in flat.layers:
        config = layer.get_config()
        if not _is_rolled(config):
            continue
        steps = layer.input_shape[1]
        if steps > _LONGEST:
            raise refusal(f"layer {layer.name!r}", route, f"its loop of {steps} steps")
        try:
            twin = type(layer).from_config(_with_unroll(config))
        except TypeError as error:
            raise refusal(f"layer {layer.name!r}", route, "its loop") from error
        replace[layer.name] = [graph.Replacement(twin, layer.get_weights())]
    if replace:
        names = shown.listed(list(replace))
        logging.info("unrolled for %s, as LiteRT has no integer loop: %s", route, names)
    return graph.rebuild(flat, replace)


def refusal(where: str, route: str, what: str) -> errors.BadInput:
    """The error for a loop on an integer route."""
    return errors.BadInput(
        where,
        f"{what} cannot be calibrated for {route}, and only recurrent layers of up to {_LONGEST} "
        "steps are unrolled",
        "Use --export=dynamic, an LSTM with default settings, or shorter sequences.",
    )


def _is_rolled(config: Any) -> bool:
    if not isinstance(config, Mapping):
        return False
    return config.get("unroll") is False or any(_is_rolled(value) for value in config.values())


def _with_unroll(config: Any) -> Any:
    if not isinstance(config, Mapping):
        return config
    return {
        name: True if name == "unroll" else _with_unroll(value) for name, value in config.items()
    }

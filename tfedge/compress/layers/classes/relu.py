"""ReLU with its settings, and the rectifiers that have a class of their own."""

from tfedge.compress import keras as k
from tfedge.compress.layers import facts, flows


def _limit(layer: k.Layer) -> float | str | None:
    if layer.threshold:
        return f"{layer.name} has a threshold"
    return None if layer.max_value is None else float(layer.max_value)


def _is_fused(layer: k.Layer) -> bool:
    """As relu or relu6, which end a kernel's operator."""
    return not layer.negative_slope and not layer.threshold and layer.max_value in (None, 6.0)


def _float_reason(layer: k.Layer) -> str:
    if _is_fused(layer) or layer.max_value is None:
        return ""
    return f"ReLU up to {layer.max_value:g} has no int8 kernel"


LAYERS = {
    "ReLU": facts.Layer(
        op="relu",
        channels=flows.same,
        limit=_limit,
        has_int8=True,
        float_reason=_float_reason,
        fuses=_is_fused,
        may_vanish=True,
    ),
    "ELU": facts.Layer(channels=flows.same),
    "ThresholdedReLU": facts.Layer(
        channels=flows.same, twin=facts.Twin(keras3="ReLU", renamed={"theta": "threshold"})
    ),
}

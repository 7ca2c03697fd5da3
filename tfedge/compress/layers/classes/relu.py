"""ReLU with its settings, and the rectifiers that have a class of their own."""

from typing import Any

from tfedge.compress.layers import facts, flows


def _limit(layer: Any) -> float | str | None:
    if layer.threshold:
        return f"{layer.name} has a threshold"
    return None if layer.max_value is None else float(layer.max_value)


def _is_fused(layer: Any) -> bool:
    """As relu or relu6, which end a kernel's operator."""
    return not layer.negative_slope and not layer.threshold and layer.max_value in (None, 6.0)


def _float_reason(layer: Any) -> str:
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

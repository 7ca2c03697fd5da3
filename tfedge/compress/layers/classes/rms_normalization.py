"""RMSNormalization: what comes in over its root mean square; tf_keras has it from the bridge."""

from typing import Any

from tfedge.compress import keras as k
from tfedge.compress.layers import facts, flows
from tfedge.compress.layers.channel_walk import Flow, Use, Walk


def _channels(walk: Walk, use: Use) -> Flow | None:
    return flows.normalized(walk, use, use.layer.axis, ["scale"])


def _in_integers(layer: k.Layer) -> Any:
    rank = len(layer.get_input_shape_at(0))
    if [axis % rank for axis in layer.axis] != [rank - 1]:
        return None
    from tfedge.compress.composites import normalization

    return normalization.Parts(layer.name, layer.epsilon, False, ["multiply"])


LAYERS = {
    "RMSNormalization": facts.Layer(
        channels=_channels,
        gains=("scale",),
        is_slow_in_integers=True,
        in_integers=_in_integers,
        twin=facts.Twin(ours="bridge.rms_normalization"),
    )
}

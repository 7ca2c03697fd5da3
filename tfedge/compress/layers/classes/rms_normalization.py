"""RMSNormalization: what comes in over its root mean square; tf_keras has it from the bridge."""

from tfedge.compress.layers import facts, flows
from tfedge.compress.layers.channel_walk import Flow, Use, Walk


def _channels(walk: Walk, use: Use) -> Flow | None:
    return flows.normalized(walk, use, use.layer.axis, ["scale"])


LAYERS = {
    "RMSNormalization": facts.Layer(
        channels=_channels,
        gains=("scale",),
        is_slow_in_integers=True,
        twin=facts.Twin(ours="bridge.rms_normalization"),
    )
}

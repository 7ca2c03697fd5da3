"""RMSNormalization: what comes in over its root mean square; tf_keras has it from the bridge."""

from tfedge.compress.layers import facts

LAYERS = {"RMSNormalization": facts.Layer(twin=facts.Twin(ours="bridge.rms_normalization"))}

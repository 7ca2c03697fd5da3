"""Layers that run code which is not Keras'."""

from tfedge.compress.layers import facts


def _refused(reason: str) -> facts.Layer:
    return facts.Layer(twin=facts.Twin(keras3=None, refused=reason))


LAYERS = {
    "Lambda": _refused("it holds Python code, which no .tflite can hold"),
    "TFSMLayer": _refused("it runs a SavedModel, which has no layers to compress"),
    "JaxLayer": _refused("it runs JAX code, which no .tflite can hold"),
    "FlaxLayer": _refused("it runs JAX code, which no .tflite can hold"),
    "TorchModuleWrapper": _refused("it runs PyTorch code, which no .tflite can hold"),
}

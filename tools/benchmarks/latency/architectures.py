"""The networks of the published tables, with random weights: what costs time is their shapes.

Strided layers pad inside the convolution, as the published files do, where keras.applications
puts a layer of its own before them. Multiply-adds in `PUBLISHED_MACS` are the sources' own figures
and `build` is tested against them.
"""

import math
from collections.abc import Callable
from typing import Any

from tfedge.compress import keras as k

# Millions of multiply-adds as published. MobileNet: arXiv:1704.04861, table 8; MobileNetV3:
# arXiv:1905.02244, table 3; EfficientNet-Lite: its README; Inception: arXiv:1707.07012, table 2.
PUBLISHED_MACS = {
    ("mobilenet_v1", 1.0, 224): 569,
    ("mobilenet_v1", 0.5, 160): 76,
    ("mobilenet_v1", 0.25, 128): 14,
    ("mobilenet_v3_large", 1.0, 224): 219,
    ("mobilenet_v3_small", 1.0, 224): 56,
    ("efficientnet_lite0", 1.0, 224): 407,
    ("efficientnet_lite2", 1.0, 260): 899,
    ("efficientnet_lite4", 1.0, 300): 2640,
    ("inception_v3", 1.0, 299): 5720,
    ("inception_resnet_v2", 1.0, 299): 13200,
}
_LITE = {"0": (1.0, 1.0), "1": (1.0, 1.1), "2": (1.1, 1.2), "3": (1.2, 1.4), "4": (1.4, 1.8)}
# (kernel, repeats, filters, expansion, stride), arXiv:1905.11946, table 1
_LITE_STAGES = (
    (3, 1, 16, 1, 1), (3, 2, 24, 6, 2), (5, 2, 40, 6, 2), (3, 3, 80, 6, 2),
    (5, 3, 112, 6, 1), (5, 4, 192, 6, 2), (3, 1, 320, 6, 1),
)  # fmt: skip
_MOBILENET_STAGES = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)
)  # fmt: skip


def build(name: str, width: float, resolution: int) -> Any:
    """A tf_keras model named as in the published tables, with 1,001 classes.

    Args:
        name: such as "mobilenet_v1".
        width: share of the channels.
        resolution: height and width of its input, pixels.
    """
    shape = (resolution, resolution, 3)
    if name == "mobilenet_v1":
        return _mobilenet_v1(shape, width)
    if name.startswith("efficientnet_lite"):
        return _efficientnet_lite(shape, *_LITE[name[-1]])
    if name == "resnet_v2_101":
        return _resnet_v2(shape, (3, 4, 23, 3))
    return _of_applications(name)(input_shape=shape, weights=None, classes=1001)


def _of_applications(name: str) -> Callable[..., Any]:
    applications = k.tf_keras.applications
    return {
        "mobilenet_v3_large": _without_scaling(applications.MobileNetV3Large),
        "mobilenet_v3_small": _without_scaling(applications.MobileNetV3Small),
        "inception_v3": applications.InceptionV3,
        "inception_resnet_v2": applications.InceptionResNetV2,
    }[name]


def _without_scaling(builder: Callable[..., Any]) -> Callable[..., Any]:
    return lambda **given: builder(include_preprocessing=False, **given)


def _mobilenet_v1(shape: tuple[int, ...], width: float) -> Any:
    layers = k.tf_keras.layers
    image = x = layers.Input(shape)
    x = _convolved(x, int(32 * width), 3, 2, 6.0)
    for filters, stride in _MOBILENET_STAGES:
        x = _depthwise(x, 3, stride)
        x = _convolved(x, int(filters * width), 1, 1, 6.0)
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Flatten()(layers.Conv2D(1001, 1)(x))
    return k.tf_keras.Model(image, layers.Softmax()(x))


def _efficientnet_lite(shape: tuple[int, ...], width: float, depth: float) -> Any:
    """No squeeze-and-excitation, ReLU6, and the stem, head, first and last stage kept."""
    layers = k.tf_keras.layers
    image = x = layers.Input(shape)
    x = _convolved(x, 32, 3, 2, 6.0)
    for stage, (size, repeats, filters, expansion, stride) in enumerate(_LITE_STAGES):
        ends = stage in (0, len(_LITE_STAGES) - 1)
        for block in range(repeats if ends else math.ceil(repeats * depth)):
            step = stride if block == 0 else 1
            x = _inverted(x, size, _divisible(filters * width), expansion, step)
    x = _convolved(x, 1280, 1, 1, 6.0)
    x = layers.GlobalAveragePooling2D()(x)
    return k.tf_keras.Model(image, layers.Dense(1000, activation="softmax")(x))


def _inverted(x: Any, size: int, filters: int, expansion: int, stride: int) -> Any:
    entry = x
    if expansion != 1:
        x = _convolved(x, x.shape[-1] * expansion, 1, 1, 6.0)
    x = _convolved(_depthwise(x, size, stride), filters, 1, 1, None)
    kept = stride == 1 and entry.shape[-1] == filters
    return k.tf_keras.layers.Add()([entry, x]) if kept else x


def _resnet_v2(shape: tuple[int, ...], units: tuple[int, ...]) -> Any:
    """As in slim: normalisation before the convolutions, stride in a block's last unit."""
    layers = k.tf_keras.layers
    image = layers.Input(shape)
    x = layers.Conv2D(64, 7, 2)(layers.ZeroPadding2D(3)(image))
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    for block, count in enumerate(units):
        for unit in range(count):
            last = unit == count - 1 and block < len(units) - 1
            x = _bottleneck(x, 64 * 2**block, 2 if last else 1)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Flatten()(layers.Conv2D(1001, 1)(x))
    return k.tf_keras.Model(image, layers.Softmax()(x))


def _bottleneck(x: Any, filters: int, stride: int) -> Any:
    layers = k.tf_keras.layers
    before = layers.ReLU()(layers.BatchNormalization()(x))
    if x.shape[-1] != 4 * filters:
        entry = layers.Conv2D(4 * filters, 1, stride)(before)
    else:
        entry = layers.MaxPooling2D(1, stride)(x) if stride > 1 else x
    x = _convolved(before, filters, 1, 1, None, relu=True)
    if stride > 1:
        x = layers.ZeroPadding2D(1)(x)
        x = _convolved(x, filters, 3, stride, None, relu=True, padding="valid")
    else:
        x = _convolved(x, filters, 3, 1, None, relu=True)
    return layers.Add()([entry, layers.Conv2D(4 * filters, 1)(x)])


def _convolved(
    x: Any,
    filters: int,
    size: int,
    stride: int,
    ceiling: float | None,
    *,
    relu: bool = False,
    padding: str = "same",
) -> Any:
    layers = k.tf_keras.layers
    x = layers.Conv2D(filters, size, stride, padding=padding, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.ReLU(ceiling)(x) if ceiling or relu else x


def _depthwise(x: Any, size: int, stride: int) -> Any:
    layers = k.tf_keras.layers
    x = layers.DepthwiseConv2D(size, stride, padding="same", use_bias=False)(x)
    return layers.ReLU(6.0)(layers.BatchNormalization()(x))


def _divisible(filters: float, by: int = 8) -> int:
    """The nearest multiple of `by`, at most a tenth below."""
    nearest = max(by, int(filters + by / 2) // by * by)
    return nearest + by if nearest < 0.9 * filters else nearest

"""Networks of depthwise convolutions: MobileNets, EfficientNets, MnasNet, ShuffleNet, DeepLab."""

import math
from collections.abc import Callable, Mapping

from tfedge_tools.benchmarks.latency.accelerators.drawing import Drawing, Shape
from tfedge_tools.benchmarks.latency.accelerators.residual_networks import excited

_CLASSES = 1000
_IMAGE = (224, 224, 3)
# expansion, filters, repeats, stride
_MOBILENET_V2 = (
    *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
    *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
)
# expansion, filters, repeats, stride, window
_MNASNET = (
    *((3, 24, 3, 2, 3), (3, 40, 3, 2, 5), (6, 80, 3, 2, 5), (6, 96, 2, 1, 3)),
    *((6, 192, 4, 2, 5), (6, 320, 1, 1, 3)),
)
_EFFICIENTNET = (
    *((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3)),
    *((6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)),
)
# window, inner, filters, squeezed, hard swish, stride
_MOBILENET_V3_SMALL = (
    (3, 16, 16, 8, False, 2),
    (3, 72, 24, 0, False, 2),
    (3, 88, 24, 0, False, 1),
    (5, 96, 40, 24, True, 2),
    (5, 240, 40, 64, True, 1),
    (5, 240, 40, 64, True, 1),
    (5, 120, 48, 32, True, 1),
    (5, 144, 48, 40, True, 1),
    (5, 288, 96, 72, True, 2),
    (5, 576, 96, 144, True, 1),
    (5, 576, 96, 144, True, 1),
)


def _inverted(
    drawing: Drawing, x: Shape, inner: int, filters: int, *, stride: int, size: int
) -> Shape:
    entry = x
    if inner != x[-1]:
        x = drawing.convolution(x, inner)
    x = drawing.convolution(drawing.depthwise(x, size, stride), filters)
    return drawing.elementwise("ADD", x, x) if entry == x else x


def _mobilenet_v2(drawing: Drawing) -> None:
    x = drawing.convolution(drawing.image(_IMAGE), 32, 3, 2)
    for expansion, filters, repeats, stride in _MOBILENET_V2:
        for block in range(repeats):
            x = _inverted(
                drawing, x, expansion * x[-1], filters, stride=1 if block else stride, size=3
            )
    drawing.dense((drawing.mean(drawing.convolution(x, 1280))[-1],), _CLASSES)


def _deeplab(drawing: Drawing) -> None:
    """Version 3+, of 21 classes; strides beyond 16 are dilations."""
    x = low = drawing.convolution(drawing.image((513, 513, 3)), 32, 3, 2)
    for number, (expansion, filters, repeats, stride) in enumerate(_MOBILENET_V2):
        for block in range(repeats):
            step = 1 if block or number == 5 else stride
            x = _inverted(drawing, x, expansion * x[-1], filters, stride=step, size=3)
        low = x if number == 1 else low
    parts = [drawing.convolution(x, 256), *(drawing.convolution(x, 256, 3) for _ in range(3))]
    pooled = drawing.convolution(drawing.mean(x), 256)
    parts.append(drawing.copied("RESIZE_BILINEAR", (*x[:2], 256), pooled))
    x = drawing.convolution(drawing.copied("CONCATENATION", (*x[:2], 1280), *parts), 256)
    x = drawing.copied("RESIZE_BILINEAR", (*low[:2], 256), x)
    thin = drawing.convolution(low, 48)
    x = drawing.copied("CONCATENATION", (*low[:2], 304), x, thin)
    x = drawing.convolution(drawing.convolution(drawing.convolution(x, 256, 3), 256, 3), 21)
    x = drawing.copied("RESIZE_BILINEAR", (513, 513, 21), x)
    drawing.copied("ARG_MAX", (513, 513, 1), x)


def _mobilenet_v3_small(drawing: Drawing) -> None:
    x = _hard(drawing, drawing.convolution(drawing.image(_IMAGE), 16, 3, 2), True)
    for size, inner, filters, squeezed, hard, stride in _MOBILENET_V3_SMALL:
        entry = x
        if inner != x[-1]:
            x = _hard(drawing, drawing.convolution(x, inner), hard)
        x = _hard(drawing, drawing.depthwise(x, size, stride), hard)
        if squeezed:
            x = excited(drawing, x, squeezed, "HARD_SWISH")
        x = drawing.convolution(x, filters)
        if entry == x:
            drawing.elementwise("ADD", x, x)
    x = drawing.mean(_hard(drawing, drawing.convolution(x, 576), True))
    drawing.dense(drawing.elementwise("HARD_SWISH", drawing.dense((x[-1],), 1024)), _CLASSES)


def _hard(drawing: Drawing, x: Shape, hard: bool) -> Shape:
    return drawing.elementwise("HARD_SWISH", x, passes=2.0) if hard else x


def _mnasnet05(drawing: Drawing) -> None:
    x = drawing.depthwise(drawing.convolution(drawing.image(_IMAGE), 16, 3, 2))
    x = drawing.convolution(x, 8)
    for expansion, filters, repeats, stride, size in _MNASNET:
        for block in range(repeats):
            step, wide = 1 if block else stride, _divisible(filters * 0.5)
            x = _inverted(drawing, x, expansion * x[-1], wide, stride=step, size=size)
    drawing.dense((drawing.mean(drawing.convolution(x, 1280))[-1],), _CLASSES)


def _efficientnet(width: float, depth: float) -> Callable[[Drawing], None]:
    """Of 224 wide images, B4 as well: its published program is a classifier of these."""

    def draw(drawing: Drawing) -> None:
        x = _swish(
            drawing, drawing.convolution(drawing.image(_IMAGE), _divisible(32 * width), 3, 2)
        )
        for expansion, filters, repeats, stride, size in _EFFICIENTNET:
            for block in range(math.ceil(repeats * depth)):
                entry, squeezed = x, x[-1] // 4
                if expansion > 1:
                    x = _swish(drawing, drawing.convolution(x, expansion * x[-1]))
                x = _swish(drawing, drawing.depthwise(x, size, 1 if block else stride))
                x = _gated(drawing, x, squeezed)
                x = drawing.convolution(x, _divisible(filters * width))
                if entry == x:
                    drawing.elementwise("ADD", x, x)
        x = _swish(drawing, drawing.convolution(x, _divisible(1280 * width)))
        drawing.dense((drawing.mean(x)[-1],), _CLASSES)

    return draw


def _swish(drawing: Drawing, x: Shape) -> Shape:
    return drawing.elementwise("MUL", drawing.elementwise("LOGISTIC", x, passes=8.0), x)


def _gated(drawing: Drawing, x: Shape, squeezed: int) -> Shape:
    row = _swish(drawing, drawing.convolution(drawing.mean(x), squeezed))
    row = drawing.elementwise("LOGISTIC", drawing.convolution(row, x[-1]), passes=8.0)
    return drawing.elementwise("MUL", x, row)


def _shufflenet(drawing: Drawing) -> None:
    """Version 2, half as wide; channels are shuffled by a transposition."""
    x = drawing.pool(drawing.convolution(drawing.image(_IMAGE), 24, 3, 2), 3, 2)
    for filters, repeats in ((48, 4), (96, 8), (192, 4)):
        half = filters // 2
        for block in range(repeats):
            if block == 0:
                left = drawing.convolution(drawing.depthwise(x, 3, 2), half)
                entry = x
            else:
                left = entry = drawing.copied("SPLIT", (*x[:2], half), x)
            right = drawing.depthwise(drawing.convolution(entry, half), 3, 1 if block else 2)
            right = drawing.convolution(right, half)
            x = drawing.copied("CONCATENATION", (*right[:2], filters), left, right)
            x = drawing.copied("TRANSPOSE", x)
    drawing.dense((drawing.mean(drawing.convolution(x, 1024))[-1],), _CLASSES)


def _divisible(filters: float, by: int = 8) -> int:
    nearest = max(by, int(filters + by / 2) // by * by)
    return nearest + by if nearest < 0.9 * filters else nearest


NETWORKS: Mapping[str, Callable[[Drawing], None]] = {
    "mobilenet_v2": _mobilenet_v2,
    "mobilenet_v3_small": _mobilenet_v3_small,
    "mnasnet05": _mnasnet05,
    "efficientnet_b0": _efficientnet(1.0, 1.0),
    "efficientnet_b4": _efficientnet(1.4, 1.8),
    "shufflenet_v2": _shufflenet,
    "deeplabv3_plus_mobilenet": _deeplab,
}

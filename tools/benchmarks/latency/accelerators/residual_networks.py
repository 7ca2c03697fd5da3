"""ResNets and what grew from them: torchvision's own sizes."""

from collections.abc import Callable, Mapping

from tfedge_tools.benchmarks.latency.accelerators.drawing import Drawing, Shape

_CLASSES = 1000
_IMAGE = (224, 224, 3)


def _classified(drawing: Drawing, x: Shape) -> None:
    drawing.dense((drawing.mean(x)[-1],), _CLASSES)


def _stem(drawing: Drawing, image: Shape) -> Shape:
    return drawing.pool(drawing.convolution(drawing.image(image), 64, 7, 2), 3, 2)


def _resnet18(drawing: Drawing) -> None:
    x = _stem(drawing, _IMAGE)
    for stage in range(4):
        for block in range(2):
            stride, entry, width = 2 if stage and not block else 1, x, 64 * 2**stage
            x = drawing.convolution(drawing.convolution(x, width, 3, stride), width, 3)
            if entry != x:
                drawing.convolution(entry, width, 1, stride)
            drawing.elementwise("ADD", x, x)
    _classified(drawing, x)


def _stages(
    drawing: Drawing,
    x: Shape,
    repeats: tuple[int, ...],
    *,
    width: int = 64,
    groups: int = 1,
    strides: tuple[int, ...] = (1, 2, 2, 2),
) -> Shape:
    """Bottlenecks; `width` is that of the first stage's 3x3 convolutions."""
    for stage, (count, stride) in enumerate(zip(repeats, strides, strict=True)):
        for block in range(count):
            step, entry, inner = 1 if block else stride, x, width * 2**stage
            x = drawing.convolution(x, inner)
            x = drawing.convolution(x, inner, 3, step, groups)
            x = drawing.convolution(x, 256 * 2**stage)
            if entry != x:
                drawing.convolution(entry, x[-1], 1, step)
            drawing.elementwise("ADD", x, x)
    return x


def _bottlenecks(
    repeats: tuple[int, ...], width: int = 64, groups: int = 1
) -> Callable[[Drawing], None]:
    def draw(drawing: Drawing) -> None:
        x = _stem(drawing, _IMAGE)
        _classified(drawing, _stages(drawing, x, repeats, width=width, groups=groups))

    return draw


def _fcn_resnet50(drawing: Drawing) -> None:
    """Strides of the last two stages are dilations; the mask is enlarged and its largest named."""
    image = (520, 520, 3)
    x = _stages(drawing, _stem(drawing, image), (3, 4, 6, 3), strides=(1, 2, 1, 1))
    x = drawing.convolution(drawing.convolution(x, 512, 3), 21)
    x = drawing.copied("RESIZE_BILINEAR", (520, 520, 21), x)
    drawing.copied("ARG_MAX", (520, 520, 1), x)


def _regnet(
    widths: tuple[int, ...], repeats: tuple[int, ...], group: int, squeezed: bool
) -> Callable[[Drawing], None]:
    def draw(drawing: Drawing) -> None:
        x = drawing.convolution(drawing.image(_IMAGE), 32, 3, 2)
        for width, count in zip(widths, repeats, strict=True):
            for block in range(count):
                step, entry = 1 if block else 2, x
                x = drawing.convolution(
                    drawing.convolution(x, width), width, 3, step, width // group
                )
                if squeezed:
                    x = excited(drawing, x, entry[-1] // 4)
                x = drawing.convolution(x, width)
                if entry != x:
                    drawing.convolution(entry, width, 1, step)
                drawing.elementwise("ADD", x, x)
        _classified(drawing, x)

    return draw


def excited(drawing: Drawing, x: Shape, squeezed: int, gate: str = "LOGISTIC") -> Shape:
    """Squeeze-and-excitation."""
    row = drawing.convolution(drawing.mean(x), squeezed)
    row = drawing.convolution(row, x[-1])
    return drawing.elementwise("MUL", x, drawing.elementwise(gate, row, passes=8.0))


NETWORKS: Mapping[str, Callable[[Drawing], None]] = {
    "resnet18": _resnet18,
    "resnet50": _bottlenecks((3, 4, 6, 3)),
    "wideresnet50": _bottlenecks((3, 4, 6, 3), 128),
    "resnext50": _bottlenecks((3, 4, 6, 3), 128, 32),
    "resnext101": _bottlenecks((3, 4, 23, 3), 256, 32),
    "fcn_resnet50": _fcn_resnet50,
    "regnet": _regnet((96, 192, 432, 1008), (2, 6, 15, 2), 48, squeezed=False),
    "regnet_y_800mf": _regnet((64, 144, 320, 784), (1, 3, 8, 2), 16, squeezed=True),
}

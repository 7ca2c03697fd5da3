"""GoogLeNet, Inception v3, SqueezeNet 1.1, YAMNet, U-Net and networks that enlarge images."""

from collections.abc import Callable, Mapping

from tfedge_tools.benchmarks.latency.accelerators.drawing import Drawing, Shape

_CLASSES = 1000
_IMAGE = (224, 224, 3)


def _joined(drawing: Drawing, *parts: Shape) -> Shape:
    return drawing.copied("CONCATENATION", (*parts[0][:-1], sum(p[-1] for p in parts)), *parts)


def _googlenet(drawing: Drawing) -> None:
    x = drawing.pool(drawing.convolution(drawing.image(_IMAGE), 64, 7, 2), 3, 2)
    x = drawing.convolution(drawing.convolution(x, 64), 192, 3)
    cells: tuple[tuple[int, ...] | None, ...] = (
        None,
        (64, 96, 128, 16, 32, 32),
        (128, 128, 192, 32, 96, 64),
        None,
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
        None,
        (256, 160, 320, 32, 128, 128),
        (384, 192, 384, 48, 128, 128),
    )
    for cell in cells:
        if cell is None:
            x = drawing.pool(x, 3, 2)
            continue
        one, shrunk, three, thin, last, pooled = cell
        x = _joined(
            drawing,
            drawing.convolution(x, one),
            drawing.convolution(drawing.convolution(x, shrunk), three, 3),
            drawing.convolution(drawing.convolution(x, thin), last, 3),
            drawing.convolution(drawing.pool(x, 3, 1), pooled),
        )
    drawing.dense((drawing.mean(x)[-1],), _CLASSES)


def _inception_v3(drawing: Drawing) -> None:
    """At 224 the maps are 111, 109, 54, 52, 25, 12 and 5 wide: most windows are not padded."""
    x = _cut(drawing.convolution(drawing.image(_IMAGE), 32, 3, 2), 111)
    x = drawing.convolution(_cut(drawing.convolution(x, 32, 3), 109), 64, 3)
    x = _cut(drawing.pool(x, 3, 2), 54)
    x = _cut(drawing.convolution(drawing.convolution(x, 80), 192, 3), 52)
    x = _cut(drawing.pool(x, 3, 2), 25)
    for pooled in (32, 64, 64):
        thick = drawing.convolution(drawing.convolution(drawing.convolution(x, 64), 96, 3), 96, 3)
        x = _joined(
            drawing,
            drawing.convolution(x, 64),
            drawing.convolution(drawing.convolution(x, 48), 64, 5),
            thick,
            drawing.convolution(drawing.pool(x, 3, 1, "AVERAGE_POOL_2D"), pooled),
        )
    thick = drawing.convolution(drawing.convolution(x, 64), 96, 3)
    parts = (drawing.convolution(x, 384, 3, 2), drawing.convolution(thick, 96, 3, 2))
    x = _joined(drawing, *(_cut(part, 12) for part in (*parts, drawing.pool(x, 3, 2))))
    for inner in (128, 160, 160, 192):
        x = _seven(drawing, x, inner)
    first = drawing.convolution(drawing.convolution(x, 192), 320, 3, 2)
    second = _row_and_column(drawing, drawing.convolution(x, 192), 192, 192)
    last = (first, drawing.convolution(second, 192, 3, 2), drawing.pool(x, 3, 2))
    x = _joined(drawing, *(_cut(part, 5) for part in last))
    for _ in range(2):
        x = _wide(drawing, x)
    drawing.dense((drawing.mean(x)[-1],), _CLASSES)


def _cut(x: Shape, side: int) -> Shape:
    """What a window without padding leaves."""
    return (side, side, x[-1])


def _row_and_column(drawing: Drawing, x: Shape, inner: int, last: int) -> Shape:
    return drawing.window(drawing.window(x, inner, (1, 7)), last, (7, 1))


def _seven(drawing: Drawing, x: Shape, inner: int) -> Shape:
    double = _row_and_column(drawing, drawing.convolution(x, inner), inner, inner)
    return _joined(
        drawing,
        drawing.convolution(x, 192),
        _row_and_column(drawing, drawing.convolution(x, inner), inner, 192),
        _row_and_column(drawing, double, inner, 192),
        drawing.convolution(drawing.pool(x, 3, 1, "AVERAGE_POOL_2D"), 192),
    )


def _wide(drawing: Drawing, x: Shape) -> Shape:
    first = drawing.convolution(x, 384)
    second = drawing.convolution(drawing.convolution(x, 448), 384, 3)
    halves = [drawing.window(part, 384, size) for part in (first, second) for size in _CROSS]
    pooled = drawing.convolution(drawing.pool(x, 3, 1, "AVERAGE_POOL_2D"), 192)
    return _joined(drawing, drawing.convolution(x, 320), *halves, pooled)


_CROSS = ((1, 3), (3, 1))


def _squeezenet(drawing: Drawing) -> None:
    x = drawing.pool(drawing.convolution(drawing.image(_IMAGE), 64, 3, 2), 3, 2)
    for position, (squeezed, each) in enumerate(
        ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
    ):
        if position in (2, 4):
            x = drawing.pool(x, 3, 2)
        x = drawing.convolution(x, squeezed)
        x = _joined(drawing, drawing.convolution(x, each), drawing.convolution(x, each, 3))
    drawing.mean(drawing.convolution(x, _CLASSES))


def _yamnet(drawing: Drawing) -> None:
    x = drawing.convolution(drawing.entry((96, 64, 1)), 32, 3, 2)
    widths = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
    for block, width in enumerate(widths):
        x = drawing.convolution(drawing.depthwise(x, 3, 2 if block in (1, 3, 5, 11) else 1), width)
    drawing.elementwise("LOGISTIC", drawing.dense((drawing.mean(x)[-1],), 521), passes=8.0)


def _unet(drawing: Drawing) -> None:
    """Of two classes, at the 640x1280 of its published program: 224x224 cannot be."""
    x, skipped = drawing.entry((640, 1280, 3)), []
    for width in (64, 128, 256, 512):
        x = drawing.convolution(drawing.convolution(x, width, 3), width, 3)
        skipped.append(x)
        x = drawing.pool(x, 2, 2)
    x = drawing.convolution(drawing.convolution(x, 1024, 3), 1024, 3)
    for entry in reversed(skipped):
        x = _joined(drawing, entry, drawing.upward(x, entry[-1], 2))
        x = drawing.convolution(drawing.convolution(x, entry[-1], 3), entry[-1], 3)
    drawing.convolution(x, 2)


def _quicksrnet(width: int, layers: int) -> Callable[[Drawing], None]:
    """Enlarges 128x128 fourfold; its name says how large it is."""

    def draw(drawing: Drawing) -> None:
        x = drawing.convolution(drawing.entry((128, 128, 3)), width, 3)
        for _ in range(layers):
            x = drawing.convolution(drawing.elementwise("RELU_0_TO_1", x), width, 3)
        x = drawing.elementwise("RELU_0_TO_1", x)
        drawing.copied("DEPTH_TO_SPACE", (512, 512, 3), drawing.convolution(x, 48, 3))

    return draw


def _sesr(drawing: Drawing) -> None:
    """As it is trained, each window with a wide and a narrow half: 343,000 weights."""
    x = first = _linear(drawing, drawing.entry((128, 128, 3)), 16, 5)
    for _ in range(5):
        x = drawing.elementwise("ADD", _linear(drawing, x, 16, 3), x)
        drawing.elementwise("RELU", x)
    x = drawing.elementwise("ADD", x, first)
    drawing.copied("DEPTH_TO_SPACE", (512, 512, 3), _linear(drawing, x, 48, 5))


def _linear(drawing: Drawing, x: Shape, filters: int, size: int) -> Shape:
    return drawing.convolution(drawing.convolution(x, 256, size), filters)


NETWORKS: Mapping[str, Callable[[Drawing], None]] = {
    "googlenet": _googlenet,
    "inception_v3": _inception_v3,
    "squeezenet1_1": _squeezenet,
    "yamnet": _yamnet,
    "unet_segmentation": _unet,
    "quicksrnetsmall": _quicksrnet(32, 2),
    "quicksrnetmedium": _quicksrnet(32, 5),
    "quicksrnetlarge": _quicksrnet(64, 11),
    "sesr_m5": _sesr,
}

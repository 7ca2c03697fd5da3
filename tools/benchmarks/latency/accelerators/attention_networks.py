"""Transformers: the BERTs of 384 tokens with their heads, ViT, MobileViT, LeViT, and ConvNeXt."""

from collections.abc import Callable, Mapping

from tfedge_tools.benchmarks.latency.accelerators.drawing import Drawing, Shape

_CLASSES = 1000
_IMAGE = (224, 224, 3)
_TOKENS = 384
_VOCABULARY = 30522


def _attended(drawing: Drawing, x: Shape, heads: int, width: int | None = None) -> Shape:
    """Self-attention with its projections; `width` is that of all heads together."""
    width = width or x[-1]
    rows, each = x[-2], width // heads
    split, turned = (*x[:-2], heads, rows, each), (*x[:-2], heads, each, rows)
    for _ in range(3):
        drawing.dense(x, width)
        drawing.copied("TRANSPOSE", split)
    scores = drawing.elementwise("MUL", drawing.matmul(split, turned))
    found = drawing.matmul(drawing.softmax(scores), split)
    drawing.copied("TRANSPOSE", found)
    return drawing.dense((*x[:-1], width), x[-1])


def _encoded(drawing: Drawing, x: Shape, heads: int, inner: int, curve: str = "GELU") -> Shape:
    """An encoder's layer: attention, two dense layers, and a normalisation for each."""
    x = drawing.normalized(drawing.elementwise("ADD", _attended(drawing, x, heads), x))
    wide = drawing.elementwise(curve, drawing.dense(x, inner), passes=8.0)
    return drawing.normalized(drawing.elementwise("ADD", drawing.dense(wide, x[-1]), x))


def _embedded(drawing: Drawing, vocabulary: int, width: int) -> Shape:
    x = drawing.looked_up(vocabulary, (_TOKENS, width))
    drawing.parameters += 512 * width
    return drawing.normalized(drawing.elementwise("ADD", x))


def _words(drawing: Drawing, x: Shape, vocabulary: int, width: int) -> None:
    """What a masked word was: over the whole vocabulary at every position."""
    x = drawing.elementwise("GELU", drawing.dense(x, width), passes=8.0)
    _chosen(drawing, drawing.dense(drawing.normalized(x), vocabulary, stored=False))


def _chosen(drawing: Drawing, x: Shape) -> None:
    """The likeliest word of one position."""
    drawing.copied("ARG_MAX", (1,), drawing.copied("GATHER_ND", (1, x[-1])))


def _bert(layers: int) -> Callable[[Drawing], None]:
    def draw(drawing: Drawing) -> None:
        x = _embedded(drawing, _VOCABULARY, 768)
        for _ in range(layers):
            x = _encoded(drawing, x, 12, 3072)
        _words(drawing, x, _VOCABULARY, 768)

    return draw


def _electra(drawing: Drawing) -> None:
    """Says of every word whether it was replaced."""
    x = _embedded(drawing, _VOCABULARY, 768)
    for _ in range(12):
        x = _encoded(drawing, x, 12, 3072)
    drawing.dense(drawing.elementwise("GELU", drawing.dense(x, 768), passes=8.0), 1)


def _albert(drawing: Drawing) -> None:
    """Twelve layers of the same weights."""
    x = drawing.dense(_embedded(drawing, 30000, 128), 768)
    for layer in range(12):
        before = drawing.parameters
        x = _encoded(drawing, x, 12, 3072)
        drawing.parameters = before if layer else drawing.parameters
    _words(drawing, x, 30000, 128)


def _mobilebert(drawing: Drawing) -> None:
    """24 narrow layers of four small feed-forward parts; a stored row is its normalisation.

    The head joins the words' vectors with a second matrix, which the table's number leaves out.
    """
    x = drawing.copied("CONCATENATION", (_TOKENS, 384), (_TOKENS, 128))
    drawing.parameters += _VOCABULARY * 128 + 512 * 512
    x = drawing.scaled(drawing.dense(x, 512))
    for _ in range(24):
        x = _bottleneck(drawing, x)
    x = drawing.elementwise("RELU", drawing.dense(x, 512))
    _chosen(drawing, drawing.dense(drawing.normalized(x), _VOCABULARY, stored=False))


def _bottleneck(drawing: Drawing, x: Shape) -> Shape:
    narrow = drawing.scaled(drawing.dense(x, 128))
    shared = drawing.scaled(drawing.dense(x, 128))
    heads, turned = (4, _TOKENS, 32), (4, 32, _TOKENS)
    for source in (shared, shared, x):
        drawing.dense(source, 128)
        drawing.copied("TRANSPOSE", heads)
    scores = drawing.elementwise("MUL", drawing.matmul(heads, turned))
    found = drawing.matmul(drawing.softmax(scores), heads)
    drawing.copied("TRANSPOSE", found)
    narrow = drawing.dense(narrow, 128)
    narrow = drawing.scaled(drawing.elementwise("ADD", narrow, narrow))
    for _ in range(4):
        inner = drawing.dense(narrow, 512)
        narrow = drawing.dense(inner, 128)
        narrow = drawing.scaled(drawing.elementwise("ADD", narrow, narrow))
    out = drawing.dense(narrow, 512)
    return drawing.scaled(drawing.elementwise("ADD", out, x))


def _vit(drawing: Drawing) -> None:
    """Of 16x16 patches, base."""
    drawing.window(drawing.image(_IMAGE), 768, (16, 16), 16)
    x = drawing.copied("CONCATENATION", (197, 768))
    drawing.parameters += 198 * 768
    for _ in range(12):
        x = _encoded(drawing, x, 12, 3072)
    drawing.dense((drawing.normalized(x)[-1],), _CLASSES)


def _convnext(drawing: Drawing) -> None:
    """Tiny."""
    x = drawing.normalized(drawing.convolution(drawing.image(_IMAGE), 96, 4, 4))
    for stage, repeats in enumerate((3, 3, 9, 3)):
        if stage:
            x = drawing.convolution(drawing.normalized(x), 96 * 2**stage, 2, 2)
        for _ in range(repeats):
            inner = drawing.dense(drawing.normalized(drawing.depthwise(x, 7)), 4 * x[-1])
            drawing.dense(drawing.elementwise("GELU", inner, passes=8.0), x[-1])
            drawing.elementwise("ADD", drawing.elementwise("MUL", x), x)
            drawing.parameters += x[-1]
    drawing.dense((drawing.normalized(drawing.mean(x))[-1],), _CLASSES)


def _mobilevit(drawing: Drawing) -> None:
    """Small, at the 256x256 of its published program."""
    x = _swish(drawing, drawing.convolution(drawing.entry((256, 256, 3)), 16, 3, 2))
    x = _inverted(drawing, x, 32, 1)
    for stride in (2, 1, 1):
        x = _inverted(drawing, x, 64, stride)
    for filters, width, layers in ((96, 144, 2), (128, 192, 4), (160, 240, 3)):
        x = _mobilevit_block(drawing, _inverted(drawing, x, filters, 2), width, layers)
    x = _swish(drawing, drawing.convolution(x, 640))
    drawing.dense((drawing.mean(x)[-1],), _CLASSES)


def _mobilevit_block(drawing: Drawing, x: Shape, width: int, layers: int) -> Shape:
    inner = drawing.convolution(_swish(drawing, drawing.convolution(x, x[-1], 3)), width)
    tokens = drawing.copied("TRANSPOSE", (4, inner[0] * inner[1] // 4, width))
    for _ in range(layers):
        normal = drawing.normalized(tokens)
        drawing.elementwise("ADD", _attended(drawing, normal, 4), tokens)
        wide = _swish(drawing, drawing.dense(drawing.normalized(tokens), 2 * width))
        drawing.elementwise("ADD", drawing.dense(wide, width), tokens)
    drawing.normalized(tokens)
    folded = _swish(drawing, drawing.convolution(drawing.copied("TRANSPOSE", inner), x[-1]))
    both = drawing.copied("CONCATENATION", (*x[:2], 2 * x[-1]), x, folded)
    return _swish(drawing, drawing.convolution(both, x[-1], 3))


def _inverted(drawing: Drawing, x: Shape, filters: int, stride: int) -> Shape:
    entry = x
    x = _swish(drawing, drawing.convolution(x, 4 * x[-1]))
    x = drawing.convolution(_swish(drawing, drawing.depthwise(x, 3, stride)), filters)
    return drawing.elementwise("ADD", x, x) if entry == x else x


def _swish(drawing: Drawing, x: Shape) -> Shape:
    return drawing.elementwise("MUL", drawing.elementwise("LOGISTIC", x, passes=8.0), x)


def _levit(drawing: Drawing) -> None:
    """128S, with both of its heads."""
    x = drawing.image(_IMAGE)
    for filters in (16, 32, 64, 128):
        x = drawing.convolution(x, filters, 3, 2)
        if filters < 128:
            x = drawing.elementwise("HARD_SWISH", x, passes=2.0)
    side, tokens = 14, drawing.copied("TRANSPOSE", (196, 128))
    for width, layers, heads, grown in ((128, 2, 4, 256), (256, 3, 6, 384), (384, 4, 8, 0)):
        for _ in range(layers):
            tokens = _levit_attention(
                drawing, tokens, rows=tokens[0], heads=heads, ratio=2, filters=width
            )
            tokens = _levit_wide(drawing, tokens)
        if grown:
            side = -(-side // 2)
            tokens = _levit_attention(
                drawing, tokens, rows=side**2, heads=width // 16, ratio=4, filters=grown
            )
            tokens = _levit_wide(drawing, tokens)
    x = drawing.mean(tokens)
    for _ in range(2):
        drawing.dense((x[-1],), _CLASSES)


def _levit_attention(
    drawing: Drawing, x: Shape, *, rows: int, heads: int, ratio: int, filters: int
) -> Shape:
    """Keys of 16, values `ratio` times as wide, `rows` queries."""
    shrinks, values = rows != x[0], 16 * ratio
    if shrinks:
        drawing.dense(x, heads * (16 + values))
        drawing.dense((rows, x[-1]), heads * 16)
    else:
        drawing.dense(x, heads * (32 + values))
    drawing.copied("SPLIT", (x[0], heads * (16 + values)))
    drawing.copied("TRANSPOSE", (heads, x[0], 16 + values))
    drawing.parameters += heads * x[0]
    scores = drawing.matmul((heads, rows, 16), (heads, 16, x[0]))
    scores = drawing.softmax(drawing.elementwise("ADD", drawing.elementwise("MUL", scores)))
    found = drawing.matmul(scores, (heads, x[0], values))
    found = drawing.copied("TRANSPOSE", (rows, heads * values), found)
    out = drawing.dense(drawing.elementwise("HARD_SWISH", found, passes=2.0), filters)
    return out if shrinks else drawing.elementwise("ADD", out, out)


def _levit_wide(drawing: Drawing, x: Shape) -> Shape:
    wide = drawing.elementwise("HARD_SWISH", drawing.dense(x, 2 * x[-1]), passes=2.0)
    return drawing.elementwise("ADD", drawing.dense(wide, x[-1]), x)


NETWORKS: Mapping[str, Callable[[Drawing], None]] = {
    "bert_base_uncased_hf": _bert(12),
    "distil_bert_base_uncased_hf": _bert(6),
    "electra_bert_base_discrim_google": _electra,
    "albert_base_v2_hf": _albert,
    "mobile_bert_uncased_google": _mobilebert,
    "vit": _vit,
    "convnext_tiny": _convnext,
    "mobile_vit": _mobilevit,
    "levit": _levit,
}

"""What of a .tflite can be coded: its weights and scales, and the scales that follow from others.

A bias is added to sums of input times kernel, so its scale is the product of theirs: LiteRT's
quantization specification (https://ai.google.dev/edge/litert/models/quantization_spec).
"""

import dataclasses
import math

import numpy as np

from tfedge import errors
from tfedge.device.file import flatbuffer, graph
from tfedge.packing import parts, words

_LEAST_BYTES = 64  # below it, a table takes more than it saves
_LEAST_PRODUCT_BYTES = 16
_BYTES = ("INT8", "UINT8", "BOOL", "INT2")  # of INT2, four at once
_NIBBLES = ("INT4", "UINT4")
_WORDS = {
    "INT16": (2, words.ZIGZAG),
    "UINT16": (2, words.PLAIN),
    "INT32": (4, words.ZIGZAG),
    "UINT32": (4, words.PLAIN),
    "INT64": (8, words.ZIGZAG),
    "FLOAT16": (2, words.ROTATED),
    "BFLOAT16": (2, words.ROTATED),
    "FLOAT32": (4, words.ROTATED),
    "FLOAT64": (8, words.ROTATED),
}


@dataclasses.dataclass(frozen=True)
class Found:
    """Values in the file.

    Attributes:
        position: where they begin.
        data: their bytes.
        kind: `parts.BYTES`, NIBBLES or WORDS.
        width: bytes of a word, 1 for the others.
        transform: of `words`.
        row_counts: ways to cut a kernel into rows.
    """

    position: int
    data: bytes
    kind: int
    width: int = 1
    transform: int = words.PLAIN
    row_counts: tuple[int, ...] = ()


def find(content: bytes) -> tuple[list[Found], list[parts.Product]]:
    """The values and the products in a file, by position and without overlap; none if foreign."""
    try:
        model = flatbuffer.guarded("", lambda: flatbuffer.walk(content))
    except errors.BadInput:
        return [], []
    place = _Place(content)
    products = {p.position: p for p in _products(model, place)}
    values = {
        found.position: found
        for tensor in model.tensors
        for found in _values(tensor, place)
        if found.position not in products
    }
    kept: list[Found | parts.Product] = []
    everything: list[Found | parts.Product] = [*values.values(), *products.values()]
    for each in sorted(everything, key=lambda e: e.position):
        if not kept or _end(kept[-1]) <= each.position:
            kept.append(each)
    return (
        [each for each in kept if isinstance(each, Found)],
        [each for each in kept if isinstance(each, parts.Product)],
    )


class _Place:
    """Where in the file an array is that the reader gave as a view of it."""

    def __init__(self, content: bytes):
        self.content = np.frombuffer(content, np.uint8)
        self._start = self.content.__array_interface__["data"][0]

    def of(self, array: np.ndarray) -> int:
        return array.__array_interface__["data"][0] - self._start


def _end(each: Found | parts.Product) -> int:
    return each.position + (len(each.data) if isinstance(each, Found) else each.length)


def _values(tensor: graph.Tensor, place: _Place) -> list[Found]:
    found = []
    data = tensor.data
    if data is not None and data.nbytes >= _LEAST_BYTES:
        position, content = place.of(data), data.tobytes()
        if tensor.dtype in _BYTES:
            rows = row_counts(tensor.shape, len(content))
            found.append(Found(position, content, parts.BYTES, row_counts=rows))
        elif tensor.dtype in _NIBBLES:
            rows = row_counts(tensor.shape, 2 * len(content))
            found.append(Found(position, content, parts.NIBBLES, row_counts=rows))
        elif tensor.dtype in _WORDS and len(content) % _WORDS[tensor.dtype][0] == 0:
            found.append(Found(position, content, parts.WORDS, *_WORDS[tensor.dtype]))
    if tensor.scales.nbytes >= _LEAST_BYTES:
        rotated = (parts.WORDS, 4, words.ROTATED)
        found.append(Found(place.of(tensor.scales), tensor.scales.tobytes(), *rotated))
    return found


def row_counts(shape: tuple[int, ...], symbols: int) -> tuple[int, ...]:
    """Rows by the first dimension, or by all but the last."""
    if len(shape) < 2 or math.prod(shape) != symbols or not symbols:
        return ()
    return tuple(sorted({shape[0], symbols // shape[-1]} - {1, symbols}))


def _products(model: flatbuffer.Model, place: _Place) -> list[parts.Product]:
    found = []
    for operator in model.operators:
        if len(operator.inputs) < 3 or min(operator.inputs[:3]) < 0:
            continue
        scales = [model.tensors[index].scales for index in operator.inputs[:3]]
        product = _product(scales, place)
        if product is not None:
            found.append(product)
    return found


def _product(scales: list[np.ndarray], place: _Place) -> parts.Product | None:
    """The bias scales of an operator, where they are exactly what they should be."""
    of_input, of_kernel, of_bias = scales
    if len(of_input) != 1 or len(of_bias) != len(of_kernel):
        return None
    if of_bias.nbytes < _LEAST_PRODUCT_BYTES:
        return None
    product = parts.Product(
        place.of(of_bias), of_bias.nbytes, place.of(of_input), place.of(of_kernel)
    )
    apart = product.position + product.length <= product.others
    if not apart and product.others + product.length > product.position:
        return None
    computed = parts.product_of(place.content, product)
    return product if computed.tobytes() == of_bias.tobytes() else None

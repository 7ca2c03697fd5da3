"""Networks of one operator each, drawn at random over the sizes that small networks have."""

import math
from collections.abc import Callable, Iterator

import numpy as np
from tfedge_tools.benchmarks.latency.graph_writer import GraphWriter

_MOST_MACS = 30e6
_MOST_VALUES = 400_000
_SIDES = (1, 96)
_CHANNELS = (1, 384)
_FEATURES = (4, 4096)

Draw = Callable[[np.random.Generator, bool], bytes]


def draw(family: str, count: int, integer: bool, seed: int) -> Iterator[bytes]:
    """`count` files of a family in `FAMILIES`, spread evenly over the logarithms of sizes."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        yield FAMILIES[family](random, integer)


def empty(integer: bool, operators: int) -> bytes:
    """A chain of so many additions of a single value, to tell a run's cost from an operator's."""
    graph = GraphWriter((1, 1, 1), integer)
    tensor = graph.input
    for _ in range(operators):
        tensor = graph.add(tensor, graph.input)
    return graph.finish(tensor)


def _convolution(random: np.random.Generator, integer: bool) -> bytes:
    while True:
        side, (source, filters) = _size(random, *_SIDES), _channels(random, 2)
        window, stride = int(random.choice([3, 3, 3, 5, 7])), int(random.choice([1, 1, 2]))
        if random.uniform() < 0.15:
            source = int(random.choice([1, 3]))  # the first layer of a network
        macs = (side / stride) ** 2 * window**2 * source * filters
        if macs <= _MOST_MACS and side**2 * max(source, filters) <= _MOST_VALUES:
            graph = GraphWriter((side, side, source), integer)
            return graph.finish(
                graph.convolution(graph.input, filters, window, stride, _coin(random))
            )


def _pointwise(random: np.random.Generator, integer: bool) -> bytes:
    while True:
        side, (source, filters) = _size(random, *_SIDES), _channels(random, 2)
        macs = side**2 * source * filters
        if macs <= _MOST_MACS and side**2 * max(source, filters) <= _MOST_VALUES:
            graph = GraphWriter((side, side, source), integer)
            return graph.finish(graph.convolution(graph.input, filters, relu=_coin(random)))


def _depthwise(random: np.random.Generator, integer: bool) -> bytes:
    side, channels = _image(random)
    window, stride = int(random.choice([3, 3, 5])), int(random.choice([1, 1, 2]))
    graph = GraphWriter((side, side, channels), integer)
    return graph.finish(graph.depthwise(graph.input, window, stride, _coin(random)))


def _dense(random: np.random.Generator, integer: bool) -> bytes:
    graph = GraphWriter((_size(random, *_FEATURES),), integer)
    return graph.finish(graph.dense(graph.input, _size(random, 2, 1024), _coin(random)))


def _pool(average: bool) -> Draw:
    def draw_one(random: np.random.Generator, integer: bool) -> bytes:
        side, channels = _image(random)
        window = int(random.choice([2, 2, 3]))
        graph = GraphWriter((side, side, channels), integer)
        return graph.finish(graph.pool(graph.input, window, int(random.choice([1, 2])), average))

    return draw_one


def _of_image(make: Callable[[GraphWriter], int]) -> Draw:
    def draw_one(random: np.random.Generator, integer: bool) -> bytes:
        side, channels = _image(random)
        graph = GraphWriter((side, side, channels), integer)
        return graph.finish(make(graph))

    return draw_one


def _softmax(random: np.random.Generator, integer: bool) -> bytes:
    graph = GraphWriter((_size(random, 2, 1001),), integer)
    return graph.finish(graph.softmax(graph.input))


def _concatenation(random: np.random.Generator, integer: bool) -> bytes:
    side, channels = _image(random)
    graph = GraphWriter((side, side, channels), integer)
    return graph.finish(graph.concatenate([graph.input] * int(random.integers(2, 5))))


def _quantized(random: np.random.Generator, _: bool) -> bytes:
    side, channels = _image(random)
    graph = GraphWriter((side, side, channels), integer=True, float_input=True)
    return graph.finish(graph.quantize(graph.input))


def _dequantized(random: np.random.Generator, _: bool) -> bytes:
    graph = GraphWriter((_size(random, *_FEATURES),), integer=True)
    return graph.finish(graph.dequantize(graph.input))


def _image(random: np.random.Generator) -> tuple[int, int]:
    while True:
        side, channels = _size(random, *_SIDES), _channels(random, 1)[0]
        if side**2 * channels <= _MOST_VALUES:
            return side, channels


def _size(random: np.random.Generator, least: int, most: int) -> int:
    return round(math.exp(random.uniform(math.log(least), math.log(most))))


def _channels(random: np.random.Generator, count: int) -> list[int]:
    """Mostly multiples of 8, as designers choose them; the rest as they fall."""
    found = [_size(random, *_CHANNELS) for _ in range(count)]
    return [max(8, n // 8 * 8) if random.uniform() < 0.7 else n for n in found]


def _coin(random: np.random.Generator) -> bool:
    return bool(random.integers(2))


FAMILIES: dict[str, Draw] = {
    "conv": _convolution,
    "pointwise": _pointwise,
    "depthwise": _depthwise,
    "dense": _dense,
    "MAX_POOL_2D": _pool(average=False),
    "AVERAGE_POOL_2D": _pool(average=True),
    "MEAN": _of_image(lambda graph: graph.mean(graph.input)),
    "ADD": _of_image(lambda graph: graph.add(graph.input, graph.input)),
    "MUL": _of_image(lambda graph: graph.multiply(graph.input, graph.input)),
    "RELU": _of_image(lambda graph: graph.unary(graph.input, "RELU")),
    "HARD_SWISH": _of_image(lambda graph: graph.unary(graph.input, "HARD_SWISH")),
    "LOGISTIC": _of_image(lambda graph: graph.unary(graph.input, "LOGISTIC")),
    "TANH": _of_image(lambda graph: graph.unary(graph.input, "TANH")),
    "PAD": _of_image(lambda graph: graph.pad(graph.input, 1)),
    "QUANTIZE": _quantized,
    "DEQUANTIZE": _dequantized,
    "SOFTMAX": _softmax,
    "CONCATENATION": _concatenation,
}
# The share of measurements: convolutions have most sizes to vary.
SHARES = {"conv": 6, "pointwise": 6, "depthwise": 4, "dense": 3}

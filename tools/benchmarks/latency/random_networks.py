"""Small networks drawn at random, to check predictions of whole networks with."""

import numpy as np
from tfedge_tools.benchmarks.latency.graph_writer import GraphWriter

_LARGEST_VALUES = 300_000


def draw(integer: bool, seed: int) -> bytes:
    """A network of 3 to 12 blocks and a classifier, 0.1 to 40 million multiply-adds mostly.

    Half of the int8 ones take and give floats.
    """
    random = np.random.default_rng(seed)
    side = int(random.choice([16, 20, 28, 32, 40, 48, 64, 96]))
    converts = integer and random.uniform() < 0.5
    shape = (side, side, int(random.choice([1, 3])))
    graph = GraphWriter(shape, integer, seed, float_input=converts)
    width = int(random.choice([8, 12, 16, 24, 32]))
    tensor = graph.quantize(graph.input) if converts else graph.input
    tensor = graph.convolution(tensor, width, 3, int(random.choice([1, 2])))
    blocks = (_plain, _separable, _inverted, _residual, _branches, _shrunk)
    for _ in range(int(random.integers(3, 13))):
        grown = blocks[random.integers(len(blocks))](graph, tensor, random)
        if np.prod(graph.shape(grown)) <= _LARGEST_VALUES:
            tensor = grown
    tensor = _classifier(graph, tensor, random)
    return graph.finish(graph.dequantize(tensor) if converts else tensor)


def _plain(graph: GraphWriter, tensor: int, random: np.random.Generator) -> int:
    window = int(random.choice([1, 3, 3, 5]))
    return graph.convolution(tensor, _wider(graph, tensor, random), window, _stride(graph, tensor))


def _separable(graph: GraphWriter, tensor: int, random: np.random.Generator) -> int:
    tensor = graph.depthwise(tensor, int(random.choice([3, 3, 5])), _stride(graph, tensor))
    return graph.convolution(tensor, _wider(graph, tensor, random))


def _inverted(graph: GraphWriter, tensor: int, random: np.random.Generator) -> int:
    channels = graph.shape(tensor)[3]
    inner = graph.convolution(tensor, min(384, channels * int(random.choice([3, 4, 6]))))
    inner = graph.convolution(graph.depthwise(inner), channels, relu=False)
    return graph.add(tensor, inner)


def _residual(graph: GraphWriter, tensor: int, random: np.random.Generator) -> int:
    channels = graph.shape(tensor)[3]
    inner = graph.convolution(graph.convolution(tensor, channels, 3), channels, 3, relu=False)
    return graph.add(tensor, inner)


def _branches(graph: GraphWriter, tensor: int, random: np.random.Generator) -> int:
    width = max(4, graph.shape(tensor)[3] // 2)
    first = graph.convolution(tensor, width)
    return graph.concatenate([first, graph.convolution(first, width, 3)])


def _shrunk(graph: GraphWriter, tensor: int, random: np.random.Generator) -> int:
    return graph.pool(tensor, average=bool(random.integers(2)))


def _classifier(graph: GraphWriter, tensor: int, random: np.random.Generator) -> int:
    small = np.prod(graph.shape(tensor)) <= 8192
    if not small or random.uniform() < 0.6:
        tensor = graph.mean(tensor)
    if random.uniform() < 0.4:
        tensor = graph.dense(tensor, int(random.choice([32, 64, 128])), relu=True)
    return graph.softmax(graph.dense(tensor, int(random.choice([2, 10, 12, 100]))))


def _wider(graph: GraphWriter, tensor: int, random: np.random.Generator) -> int:
    channels = graph.shape(tensor)[3]
    return min(256, max(8, int(channels * random.choice([0.5, 1, 1, 1.5, 2])) // 4 * 4))


def _stride(graph: GraphWriter, tensor: int) -> int:
    """Large images shrink, as those of any small network do."""
    return 2 if np.prod(graph.shape(tensor)) > 60_000 else 1

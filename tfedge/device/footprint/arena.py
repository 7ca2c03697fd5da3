"""Where the runtime would put every activation: its arena, planned without running anything.

The built-in kernels keep activations in one block. A tensor lives from the operator that computes
it to the last one that reads it; the longest-lived are placed first, then the largest, each into
the smallest gap that is free for as long as it lives. The same is done here from the flatbuffer
alone, so that peak memory is known for phones that are not at hand.

Rules of tflite/arena_planner.cc and tflite/simple_memory_arena.cc in google-ai-edge/LiteRT;
placing by size is "greedy by size" of Pisarchyk and Lee, arXiv 2001.03288.
"""

import dataclasses
import functools
import math
from collections.abc import Iterable, Iterator

import numpy as np

from tfedge.device.file import graph, operands, tflite, weights
from tfedge.device.footprint import scratch

ALIGNMENT_BYTES = 64
_FOREVER = 2**62
_LARGEST_SCALAR_BYTES = 4  # smaller ones are not overwritten in place

# Operators whose first output may take the place of an input, by the input's position.
_OVERWRITES = {
    **dict.fromkeys(("ADD", "SUB", "MUL", "DIV"), (0, 1)),
    **dict.fromkeys(("SOFTMAX", "DYNAMIC_UPDATE_SLICE"), (0,)),
}
_RELABELS = ("RESHAPE", "EXPAND_DIMS", "BITCAST")  # the same values under another shape


@dataclasses.dataclass(frozen=True)
class Block:
    """A piece of memory and the operators, first to last, between which it is needed."""

    size: int
    first: int
    last: int
    offset: int = 0

    @property
    def end(self) -> int:
        """The byte behind it."""
        return self.offset + self.size


@dataclasses.dataclass(frozen=True)
class Plan:
    """Bytes the built-in kernels need beside the file.

    Attributes:
        activations: at their peak, with the kernels' scratch space.
        persistent: held from load to end: states, and weights unpacked from float16.
    """

    activations: int
    persistent: int

    @property
    def peak_bytes(self) -> int:
        """Both."""
        return self.activations + self.persistent


def plan(file: tflite.TfliteFile) -> Plan:
    """The memory of the activations, as the built-in kernels lay it out on one thread.

    Where a file has several subgraphs (loops, branches), each has an arena of its own.
    """
    parts = [Subgraph.of(file, number) for number in range(len(file.subgraphs))]
    activations = sum(extent([*part.activations(), *part.scratch()]) for part in parts)
    return Plan(activations, sum(part.persistent_bytes() for part in parts))


def place(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """The blocks, given in any order, with offsets: no two share a byte while both are needed.

    Those of size 0 are left out.
    """
    waiting = sorted((block for block in blocks if block.size), key=_order)
    firsts = np.array([block.first for block in waiting], np.int64)
    lasts = np.array([block.last for block in waiting], np.int64)
    placed: list[Block] = []
    for number, block in enumerate(waiting):
        # Found by NumPy: of thousands of blocks few are needed at the time of one.
        meets = (firsts[:number] <= block.last) & (lasts[:number] >= block.first)
        others = sorted((placed[i] for i in np.flatnonzero(meets)), key=_offset)
        placed.append(dataclasses.replace(block, offset=_best_gap(block, others)))
    return tuple(sorted(placed, key=_offset))


def extent(blocks: Iterable[Block]) -> int:
    """Bytes that the blocks take once placed."""
    return max((block.end for block in place(blocks)), default=0)


def tensor_bytes(tensor: graph.Tensor) -> int:
    """Bytes an interpreter holds for a tensor; a dimension not known before the run counts 1."""
    elements = math.prod(1 if size < 0 else size for size in tensor.shape)
    return weights.stored_bytes(tensor.dtype, elements)


@dataclasses.dataclass(frozen=True, eq=False)
class Subgraph:
    """The operators of one subgraph, in the order in which they run, and its ends by index."""

    file: tflite.TfliteFile
    operators: tuple[graph.Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    variables: tuple[int, ...]

    @classmethod
    def of(cls, file: tflite.TfliteFile, number: int) -> "Subgraph":
        """The subgraph of that number."""
        part = file.subgraphs[number]
        variables = tuple(i for i in part.tensors if file.tensors[i].is_variable)
        return cls(file, part.operators, part.inputs, part.outputs, variables)

    def activations(self) -> Iterator[Block]:
        """One block for each tensor that owns its memory."""
        elsewhere = {*self._owners, *self.persistent}
        for index, (first, last) in self._lifetimes().items():
            tensor = self.file.tensors[index]
            if index not in elsewhere and not tensor.is_constant:
                yield Block(tensor_bytes(tensor), first, last)

    def scratch(self) -> Iterator[Block]:
        """What the kernels need while they run."""
        for position, operator in enumerate(self.operators):
            for size in scratch.of(operator, self.file).running:
                yield Block(size, position, position)

    def persistent_bytes(self) -> int:
        """Of tensors that are never given back, in a block of their own."""
        tensors = [tensor_bytes(self.file.tensors[index]) for index in self.persistent]
        kept = [
            size for operator in self.operators for size in scratch.of(operator, self.file).kept
        ]
        return sum(_aligned(size) for size in (*tensors, *kept))

    def _lifetimes(self) -> dict[int, tuple[int, int]]:
        """(first, last) operator, by position, at which each computed tensor is needed.

        What nothing reads is kept, as are the ends of the graph.
        """
        kept = {*self.inputs, *self.outputs}
        born = dict.fromkeys(self.inputs, 0)
        died: dict[int, int] = {}
        for position, operator in enumerate(self.operators):
            for index in operator.outputs:
                born.setdefault(index, position)
            died.update((self._owners.get(index, index), position) for index in operator.inputs)
        return {
            index: (first, _FOREVER if index in kept else died.get(index, _FOREVER))
            for index, first in born.items()
        }

    @functools.cached_property
    def persistent(self) -> frozenset[int]:
        """Tensors that are never given back: states, and constants unpacked once."""
        unpacked = {
            operator.outputs[0]
            for operator in self.operators
            if operator.kind in operands.UNPACKING
            and self.file.tensors[operator.inputs[0]].is_constant
        }
        return frozenset({*self.variables, *unpacked})

    @functools.cached_property
    def _owners(self) -> dict[int, int]:
        """For each tensor that takes the place of another one, the one whose memory it is."""
        uses = dict.fromkeys([*self.inputs, *self.outputs, *self.variables], 1)
        for operator in self.operators:
            for index in operator.inputs:
                uses[index] = uses.get(index, 0) + 1
        owners: dict[int, int] = {}
        for operator in self.operators:
            replaced = next(self._replaceable(operator, uses), None)
            if replaced is None:
                continue
            owner = owners.get(replaced, replaced)
            if operator.kind in _RELABELS or uses[owner] <= 1:
                owners[operator.outputs[0]] = owner
        return owners

    def _replaceable(self, operator: graph.Operator, uses: dict[int, int]) -> Iterator[int]:
        """Inputs in whose place the first output may be put."""
        relabels = operator.kind in _RELABELS
        positions = (0,) if relabels else _OVERWRITES.get(operator.kind, ())
        if not operator.outputs or operator.outputs[0] in self.outputs:
            return
        size = tensor_bytes(self.file.tensors[operator.outputs[0]])
        for index in (operator.inputs[p] for p in positions if p < len(operator.inputs)):
            if index < 0 or index in self.inputs or index in self.persistent:
                continue
            tensor = self.file.tensors[index]
            fits = tensor_bytes(tensor) == size > _LARGEST_SCALAR_BYTES and uses[index] <= 1
            if not tensor.is_constant and (relabels or fits):
                yield index


def _order(block: Block) -> tuple[bool, int, int]:
    """Those needed throughout first, then by size, then by time."""
    lasting = block.first == 0 and block.last == _FOREVER
    return (False, 0, 0) if lasting else (True, -block.size, block.first)


def _offset(block: Block) -> int:
    return block.offset


def _best_gap(block: Block, others: list[Block]) -> int:
    """The start of the smallest gap between those needed meanwhile; behind them if none fits."""
    best, best_fit, at = -1, _FOREVER, 0
    for other in others:
        start = _aligned(at)
        if start + block.size <= other.offset and other.offset - start < best_fit:
            best, best_fit = start, other.offset - at
        at = max(at, other.end)
        if best_fit == 0:
            break
    return best if best >= 0 else _aligned(at)


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT_BYTES) * ALIGNMENT_BYTES

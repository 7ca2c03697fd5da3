"""Writes a network again for some steps at a time, which look at caches of those before."""

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfedge.export.cached import rules
from tfedge.export.cached.walk import Axes, Walk
from tfedge.export.tree import new_operators, operators


@dataclasses.dataclass(frozen=True, eq=False)
class Part:
    """A subgraph, and its inputs and outputs by name."""

    graph: Any
    inputs: dict[str, int]
    outputs: dict[str, int]


def write(tree: Any, walk: Walk, steps: int, cache: int, scales: Mapping[int, float]) -> Part:
    """The part of a file that takes so many steps at once.

    Args:
        tree: gets operator codes and constants; weights stay where they are.
        walk: the network at all steps.
        steps: of tokens; the last one is answered.
        cache: how many tokens the caches have room for.
        scales: of the tensors, float here, whose caches hold int8.
    """
    writer = _Writer(tree, walk, steps, cache, scales)
    for number, operator in enumerate(walk.graph.operators):
        writer.add(number, operator)
    return writer.finish()


def _before_caches(walk: Walk) -> frozenset[int]:
    """The operators that something in the caches is computed from, by their places."""
    wanted, found = set(walk.cached), set()
    for number, operator in reversed(list(enumerate(walk.graph.operators))):
        if wanted.intersection(map(int, operator.outputs)):
            wanted.update(map(int, operator.inputs))
            found.add(number)
    return frozenset(found)


class _Writer:
    """Tensors of the source go by their indices there, and by how many steps they have here."""

    def __init__(self, tree: Any, walk: Walk, steps: int, cache: int, scales: Mapping[int, float]):
        self._tree, self._walk, self._steps, self._cache = tree, walk, steps, cache
        self._scales = scales
        self._of_all = _before_caches(walk)
        self._graph = schema.SubGraphT(tensors=[], operators=[])
        self._fixed: dict[int, int] = {}
        self._at: dict[tuple[int, int], int] = {}
        self._kept: dict[int, int] = {}
        self._outputs: dict[str, int] = {}
        tokens = self._like(walk.tokens, Axes(steps=1), steps)
        places = self._tensor(schema.TensorT(type=schema.TensorType.INT32), (steps,))
        self._inputs = {"tokens": tokens, "input_pos": places}
        self._at[walk.tokens, steps] = tokens
        self._places = {steps: places}
        self._starts: dict[tuple[int, int], int] = {}

    def add(self, number: int, operator: Any) -> None:
        """An operator: as it is where it does not depend on tokens."""
        outputs = [int(index) for index in operator.outputs]
        depends = outputs[0] in self._walk.axes
        # Behind the last cache only the last step is of interest.
        steps = self._steps if number in self._of_all else 1
        made = copy.copy(operator)
        made.inputs = np.array(
            [
                self._given(number, operator, place, int(index), steps)
                if depends
                else self._constant(int(index))
                for place, index in enumerate(operator.inputs)
            ],
            np.int32,
        )
        for index in outputs:
            if depends:
                self._at[index, steps] = self._like(index, self._walk.axes[index], steps)
            else:
                self._fixed[index] = self._copied(index)
        made.outputs = np.array(
            [self._at[i, steps] if depends else self._fixed[i] for i in outputs], np.int32
        )
        if getattr(made.builtinOptions, "newShape", None) is not None:
            made.builtinOptions = copy.copy(made.builtinOptions)
            made.builtinOptions.newShape = self._graph.tensors[made.outputs[0]].shape
        self._graph.operators.append(made)

    def finish(self) -> Part:
        """With the answer to the last step."""
        outputs = {"logits": self._of_steps(self._walk.answers, 1), **self._outputs}
        self._graph.inputs = np.array(list(self._inputs.values()), np.int32)
        self._graph.outputs = np.array(list(outputs.values()), np.int32)
        return Part(self._graph, self._inputs, outputs)

    def _given(self, number: int, operator: Any, place: int, index: int, steps: int) -> int:
        """What an operator of tokens reads."""
        if (number, place) in self._walk.looked:
            return self._all_so_far(index)
        if index in self._walk.axes:
            return self._of_steps(index, steps)
        output, kind = int(operator.outputs[0]), self._walk.kind(operator)
        if place == rules.sizes_input(kind):
            return self._sizes(index, output, steps)
        if index >= 0 and rules.aligned(self._walk, operator):
            return self._aligned(index, output, steps)
        return self._constant(index)

    def _of_steps(self, index: int, steps: int) -> int:
        """A tensor of tokens, at all steps of this part or at the last one."""
        if (index, steps) not in self._at:
            axes = self._walk.axes[index]
            whole = self._at[index, self._steps]
            self._at[index, steps] = self._last(whole, axes.steps, self._like(index, axes, steps))
        return self._at[index, steps]

    def _last(self, whole: int, axis: int | None, part: int) -> int:
        if axis is None:
            return whole
        size = self._graph.tensors[part].shape
        begin = np.where(np.arange(len(size)) == axis, self._steps - 1, 0)
        return self._make("SLICE", [whole, self._numbers(begin), self._numbers(size)], part)

    def _all_so_far(self, index: int) -> int:
        """The cache of a tensor, with what these steps add to it."""
        if index in self._kept:
            return self._kept[index]
        role, axis = self._walk.cached[index], self._walk.axes[index].steps
        assert axis is not None  # what is looked at belongs to tokens
        tensor = self._walk.graph.tensors[index]
        shape = _replaced(self._walk.shape(index), axis, self._cache)
        number = sum(name.startswith(f"kv_cache_{role}_") for name in self._outputs)
        name = f"kv_cache_{role}_{number}"
        new = self._of_steps(index, self._steps)
        kept = _in_codes(tensor, self._scales[index]) if index in self._scales else tensor
        before, after = (self._tensor(kept, shape) for _ in range(2))
        if kept is not tensor:
            new_shape = _replaced(shape, axis, self._steps)
            new = self._make("QUANTIZE", [new], self._tensor(kept, new_shape))
        inputs = [before, new, self._start(len(shape), axis)]
        self._inputs[name] = before
        self._outputs[name] = self._make("DYNAMIC_UPDATE_SLICE", inputs, after)
        if kept is not tensor:
            after = self._make("DEQUANTIZE", [after], self._tensor(tensor, shape))
        self._kept[index] = after
        return after

    def _start(self, rank: int, axis: int) -> int:
        """(rank,) where the first of these steps belongs."""
        if (rank, axis) not in self._starts:
            first = self._places[self._steps]
            if self._steps > 1:
                begin, size = self._numbers(np.zeros(1)), self._numbers(np.ones(1))
                first = self._make("SLICE", [first, begin, size], self._whole_numbers((1,)))
            chosen = self._numbers(np.arange(rank) == axis)
            self._starts[rank, axis] = self._make(
                "MUL", [first, chosen], self._whole_numbers((rank,))
            )
        return self._starts[rank, axis]

    def _aligned(self, index: int, output: int, steps: int) -> int:
        """What goes with each step, such as its place or its row of a mask."""
        axes, found = self._walk.axes[output], self._constant(index)
        behind = len(self._walk.shape(output)) - len(self._walk.shape(index))
        for axis, is_keys in ((axes.keys, True), (axes.steps, False)):
            own = -1 if axis is None else axis - behind
            if own < 0 or self._walk.shape(index)[own] != self._walk.steps:
                continue
            found = self._first(found, own) if is_keys else self._chosen(found, own, steps)
        return found

    def _first(self, index: int, axis: int) -> int:
        """As much of a tensor as there are keys."""
        tensor = self._graph.tensors[index]
        if tensor.shape[axis] == self._cache:
            return index
        shape = _replaced(tensor.shape, axis, self._cache)
        part = self._tensor(tensor, shape)
        if operators.is_constant(self._tree, tensor):
            held = operators.values(self._tree, tensor).take(np.arange(self._cache), axis)
            operators.set_values(self._tree, self._graph.tensors[part], held)
            return part
        sizes = [self._numbers(np.zeros(len(shape))), self._numbers(shape)]
        return self._make("SLICE", [index, *sizes], part)

    def _chosen(self, index: int, axis: int, steps: int) -> int:
        """Those parts of a tensor whose numbers are in `input_pos`."""
        if steps not in self._places:
            self._places[steps] = self._last(
                self._places[self._steps], 0, self._whole_numbers((steps,))
            )
        tensor = self._graph.tensors[index]
        part = self._tensor(tensor, _replaced(tensor.shape, axis, steps))
        made = self._make("GATHER", [index, self._places[steps]], part)
        self._graph.operators[-1].builtinOptions.axis = axis
        return made

    def _sizes(self, index: int, output: int, steps: int) -> int:
        """Sizes along the axes of an output, with those of steps and keys as they are here."""
        if index < 0 or not operators.is_constant(self._tree, self._walk.graph.tensors[index]):
            return self._constant(index)
        axes, sizes = self._walk.axes[output], self._walk.numbers(index)
        for axis, size in ((axes.steps, steps), (axes.keys, self._cache)):
            if axis is not None and sizes[axis] == self._walk.steps:
                sizes[axis] = size
        return self._numbers(np.array(sizes))

    def _constant(self, index: int) -> int:
        if index < 0:
            return index
        if index not in self._fixed:
            self._fixed[index] = self._copied(index)
        return self._fixed[index]

    def _copied(self, index: int) -> int:
        """A tensor of the source, with the tensor that holds its blocks' scales."""
        tensor = copy.copy(self._walk.graph.tensors[index])
        said = tensor.quantization
        if said is not None and isinstance(said.details, schema.BlockwiseQuantizationT):
            tensor.quantization = copy.deepcopy(said)
            tensor.quantization.details.scales = self._constant(int(said.details.scales))
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _like(self, index: int, axes: Axes, steps: int) -> int:
        shape = self._walk.shape(index)
        if axes.steps is not None:
            shape = _replaced(shape, axes.steps, steps)
        if axes.keys is not None:
            shape = _replaced(shape, axes.keys, self._cache)
        return self._tensor(self._walk.graph.tensors[index], shape)

    def _tensor(self, like: Any, shape: tuple[int, ...]) -> int:
        tensor = copy.copy(like)
        tensor.shape, tensor.shapeSignature, tensor.buffer = np.array(shape, np.int32), None, 0
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _whole_numbers(self, shape: tuple[int, ...]) -> int:
        return self._tensor(schema.TensorT(type=schema.TensorType.INT32), shape)

    def _numbers(self, values: Any) -> int:
        held = np.asarray(values)
        index = self._whole_numbers(held.shape)
        operators.set_values(self._tree, self._graph.tensors[index], held)
        return index

    def _make(self, kind: str, inputs: list[int], output: int) -> int:
        self._graph.operators.append(new_operators.operator(self._tree, kind, inputs, output))
        return output


def _in_codes(tensor: Any, scale: float) -> Any:
    """The same in int8 around 0."""
    made = copy.copy(tensor)
    made.type = schema.TensorType.INT8
    made.quantization = schema.QuantizationParametersT()
    made.quantization.scale = np.array([scale], np.float32)
    made.quantization.zeroPoint = np.zeros(1, np.int64)
    return made


def _replaced(shape: Any, axis: int, size: int) -> tuple[int, ...]:
    return tuple(size if at == axis else int(each) for at, each in enumerate(shape))

"""Uneven input columns in a float file: what brings them to one scale stays float.

Where the file has such a part in front (SUB and MUL by constants, slices, joins), it is left out of
the integers. Where columns reach a kernel raw, or a converter has folded their scales into it, they
are brought to `one_scale`. See `compress.ranges`, which does so in models.
"""

import copy
import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from absl import logging
from ai_edge_litert import schema_py_generated as schema

from tfedge.compress.ranges import column_noise, column_statistics, uneven_inputs
from tfedge.data.task import Task
from tfedge.export import calibration, options
from tfedge.export.post_training import one_scale, ranges
from tfedge.export.post_training.float_model import FloatModel
from tfedge.export.tree import flatbuffer, operators

_MOVES = (
    *("RESHAPE", "TRANSPOSE", "EXPAND_DIMS", "SQUEEZE", "SLICE", "STRIDED_SLICE", "CONCATENATION"),
    *("PACK", "UNPACK", "SPLIT", "SPLIT_V", "GATHER", "REVERSE_V2", "CAST"),
)
_ARITHMETIC = ("ADD", "SUB", "MUL", "DIV", "NEG")


def keep(
    model: FloatModel, export: options.Export, task: Task | None
) -> tuple[FloatModel, options.Export]:
    """The same function with the operators in front marked, and the export of what is behind.

    Args:
        model: whose kernels have no promises to keep.
        export: where it asks for integers as inputs, columns that are lost are warned of.
        task: whose calibration split shows how columns vary.

    Returns:
        The arguments themselves where nothing is uneven or can be helped.
    """
    if not export.facts.is_quantizing or not column_statistics.are_uneven(task):
        return model, export
    assert task is not None
    tree = flatbuffer.copied(model.tree)
    front = _Front(tree, model, task)
    front.warn()
    helped = front.helped()
    if not helped:
        return model, export
    if export.input != "float32" and not export.raw_input:
        logging.warning(
            "--export=%s: %s: fewer than %d steps of the input's one scale in how they vary, so "
            'what they tell is lost; input="float32" keeps it',
            *(export.to_text(), front.described(), uneven_inputs.FEWEST_STEPS),
        )
        return model, export
    logging.info(
        "%s: fewer than %d steps of the input's one scale in how they vary; brought to one scale "
        "in float",
        front.described(),
        uneven_inputs.FEWEST_STEPS,
    )
    names = front.keep(helped)
    marked = tuple(
        dataclasses.replace(each, is_in_front=each.name in names) for each in model.operators
    )
    made = dataclasses.replace(model, tree=tree, operators=marked)
    return made, dataclasses.replace(export, input="float32", raw_input=False)


class _Front:
    """The operators between the inputs of a file and the first that mix columns.

    Its edges are the tensors that others read of it.
    """

    def __init__(self, tree: Any, model: FloatModel, task: Task):
        self._tree, self._graph = tree, tree.subgraphs[0]
        entries = tree.signatureDefs[0].inputs
        self._names = {int(entry.tensorIndex): entry.name.decode() for entry in entries}
        self._operators: list[Any] = []
        self._sources = {index: frozenset([index]) for index in self._names}  # tensor -> inputs
        self._edges = self._found()
        self._seen = self._measured(model, task)

    def helped(self) -> dict[int, one_scale.OneScale | None]:
        """Edges that are at one scale when the front is float, or are with what goes behind."""
        found: dict[int, one_scale.OneScale | None] = {}
        for edge, consumers in self._edges.items():
            readers = one_scale.readers(self._tree, edge, consumers)
            columns = self._seen[edge].columns()
            scaled = one_scale.needed(self._tree, columns, readers) if readers else None
            before = max(self._seen[index].lost() for index in self._sources[edge])
            if scaled is not None or self._seen[edge].lost() < before:
                found[edge] = scaled
        return found

    def described(self) -> str:
        """`input x: columns 0, 3` of each input."""
        found = {name: self._seen[index].columns().lost for index, name in self._names.items()}
        return "; ".join(
            f"input {name}: {uneven_inputs.listed(lost)}" for name, lost in found.items() if lost
        )

    def keep(self, helped: Mapping[int, one_scale.OneScale | None]) -> set[str]:
        """Puts in what is missing; the names of the operators that stay float."""
        tensors = self._graph.tensors
        names = {tensors[int(each.outputs[0])].name.decode() for each in self._above(helped)}
        for edge, scaled in helped.items():
            if scaled is not None:
                readers = one_scale.readers(self._tree, edge, self._edges[edge])
                assert readers
                one_scale.put(self._tree, edge, readers, scaled)
        return names

    def warn(self) -> None:
        """Of columns that reach other operators than kernels raw."""
        small: dict[str, set[int]] = {}
        for edge, consumers in self._edges.items():
            if one_scale.readers(self._tree, edge, consumers) is None:
                columns = self._seen[edge].columns()
                lost = column_noise.small_as_a_whole(columns.lost, columns.low, columns.high)
                name = ", ".join(sorted(self._names[index] for index in self._sources[edge]))
                small.setdefault(name, set()).update(lost)
        for name, found in small.items():
            if found:
                logging.warning(
                    "%s: %s: too small beside the others for one integer scale, and not only "
                    "layers with kernels read it: what it tells is lost where activations are "
                    "integers; put a Normalization in front of the model",
                    *(name, uneven_inputs.listed(tuple(sorted(found)))),
                )

    def _found(self) -> dict[int, list[Any]]:
        """Float tensor -> who reads it behind the front."""
        outputs = set(map(int, self._graph.outputs))
        edges: dict[int, list[Any]] = {}
        for operator in self._graph.operators:
            given = [index for index in self._activations(operator) if index in self._sources]
            made = [int(index) for index in operator.outputs]
            if given and not outputs.intersection(made) and self._belongs(operator):
                self._operators.append(operator)
                sources = frozenset[int]().union(*(self._sources[index] for index in given))
                self._sources.update(dict.fromkeys(made, sources))
            else:
                for index in dict.fromkeys(given):
                    edges.setdefault(index, []).append(operator)
        floats = schema.TensorType.FLOAT32
        return {i: each for i, each in edges.items() if self._graph.tensors[i].type == floats}

    def _activations(self, operator: Any) -> list[int]:
        tensors = self._graph.tensors
        given = [int(index) for index in operator.inputs if index >= 0]
        return [i for i in given if not operators.is_constant(self._tree, tensors[i])]

    def _belongs(self, operator: Any) -> bool:
        kind, given = operators.kind(self._tree, operator), self._activations(operator)
        if any(index not in self._sources for index in given):
            return False
        if kind in _ARITHMETIC:
            fused = getattr(operator.builtinOptions, "fusedActivationFunction", 0)
            # Of DIV only what is divided by a constant is affine.
            is_affine = kind != "DIV" or given == [int(operator.inputs[0])]
            return len(given) == 1 and is_affine and not fused
        return kind in _MOVES and (kind != "GATHER" or given == [int(operator.inputs[0])])

    def _measured(self, model: FloatModel, task: Task) -> dict[int, column_statistics.Seen]:
        """Of inputs and edges: the front alone is run over the calibration split."""
        seen = {index: column_statistics.Seen() for index in {*self._edges, *self._names}}
        examples = functools.partial(calibration.one_by_one, task.calibration, task, model.inputs)
        for example in examples():
            for index, name in self._names.items():
                if example[name].dtype.kind in "biuf":
                    seen[index].add(example[name])
        tensors = self._graph.tensors
        computed = {tensors[i].name.decode(): i for i in self._edges if i not in self._names}
        if computed:
            alone = self._alone(list(computed.values()))
            for values in ranges.values(alone, examples, computed):
                for name, value in values.items():
                    seen[computed[name]].add(value)
        return seen

    def _alone(self, ends: list[int]) -> Any:
        """The tree up to some tensors."""
        tree, graph = copy.copy(self._tree), copy.copy(self._graph)
        signature = copy.copy(self._tree.signatureDefs[0])
        signature.outputs = [
            schema.TensorMapT(name=self._graph.tensors[end].name, tensorIndex=end) for end in ends
        ]
        graph.operators, graph.outputs = self._operators, np.array(ends, np.int32)
        tree.subgraphs, tree.signatureDefs = [graph], [signature]
        return tree

    def _above(self, edges: Iterable[int]) -> Iterator[Any]:
        """The operators that make some tensors."""
        needed = set(edges)
        for operator in reversed(self._operators):
            if needed.intersection(map(int, operator.outputs)):
                needed.update(self._activations(operator))
                yield operator

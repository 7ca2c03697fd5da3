"""Takes the part of a model that brings uneven inputs to one scale out, to stay float.

What is left is exported as any model is, its inputs being what that part puts out; then the two
files become one. See `compress.ranges.uneven_inputs` for which inputs are uneven, and why.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from absl import logging

from tfedge import errors
from tfedge.compress import folding, graph, rules
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.ranges import (
    fake_quantization,
    id_inputs,
    ranged_tensors,
    raw_columns,
    uneven_inputs,
)
from tfedge.data.splits import Split
from tfedge.data.task import Normalization, Task
from tfedge.export import options
from tfedge.export.floats import split_behind


@dataclasses.dataclass(frozen=True, eq=False)
class Parts:
    """A model in two parts.

    Attributes:
        front: a tf_keras model of the float part; its outputs have the names of inputs of
        rest: the candidate of all that comes behind.
        inputs: the names of the whole model's inputs, in order.
    """

    front: Any
    rest: Candidate
    inputs: tuple[str, ...]


def take_out(candidate: Candidate, export: options.Export, task: Task | None) -> Parts | None:
    """The two parts, or None where there is nothing to keep in float.

    Args:
        candidate: of a model of any kind.
        task: whose calibration split shows raw columns that are uneven, where no kernel has
            promised anything and no recipe has looked before.
        export: the route; where it asks for integers as inputs, there is no float part, and a
            warning names the columns that are lost.

    Raises:
        BadInput: integers are asked for as inputs, and one of them holds ids.
    """
    model = flat(candidate) if export.facts.is_quantizing else None
    if model is None:
        return None
    if task is not None and candidate.quantization is None and not candidate.holds:
        model = raw_columns.to_one_scale(model, task)
    _check_ids(model, export)
    uneven = uneven_inputs.find(model)
    if not uneven:
        return None
    if export.input != "float32" and not export.raw_input:
        logging.warning(
            "--export=%s: %s: fewer than %d steps of the input's one scale in how they vary, so "
            'what they tell is lost; input="float32" keeps it',
            export.to_text(),
            uneven.described(),
            uneven_inputs.FEWEST_STEPS,
        )
        return None
    logging.info(
        "%s: fewer than %d steps of the input's one scale in how they vary; brought to one scale "
        "in float, as the model has it",
        uneven.described(),
        uneven_inputs.FEWEST_STEPS,
    )
    return _parts(candidate, model, uneven)


def _check_ids(model: Any, export: options.Export) -> None:
    for name in id_inputs.find(model) if export.input != "float32" else ():
        raise errors.BadInput(
            f"--export={export.to_text()}",
            f"the float32 input {name!r} holds ids, which choose rows of a table: as codes of"
            f" {export.input} they would be others",
            'Leave input="float32", or give the model an int32 input for them, which stays int32.',
        )


def behind(parts: Parts, export: options.Export) -> options.Export:
    """The export of the rest: float inputs, and no rules that name layers of the front alone."""
    export = without_rules_on(parts.front, parts.rest.model, export)
    return dataclasses.replace(export, input="float32", raw_input=False)


def without_rules_on(part: Any, rest: Any, export: options.Export) -> options.Export:
    """The export of the rest of a model: without the rules that name layers of a part alone."""
    if not isinstance(export.precision, Mapping):
        return export
    taken = [layer.name for layer in part.layers]
    left = [each.name for each in rest._flatten_layers(include_self=False)]
    precision = {
        pattern: word
        for pattern, word in export.precision.items()
        if rules.named(pattern, left) or not rules.named(pattern, taken)
    }
    return dataclasses.replace(export, precision=precision or "")


def task_behind(front: bytes, parts: Parts, task: Task | None) -> Task | None:
    """The task as the rest sees it, without a held-out split: what the front puts out."""
    if task is None:
        return None

    def behind(split: Split) -> Split:
        names = tuple(parts.rest.model.input_names)
        return split_behind.Behind(split, front, parts.inputs, names, task.normalization)

    return dataclasses.replace(
        task,
        train=behind(task.train),
        calibration=behind(task.calibration),
        validation=behind(task.validation),
        holdout=None,
        normalization=Normalization(),
        augment="",
        slices={},
    )


def flat(candidate: Candidate) -> Any:
    """The model without models in it, and as `fake_quantization` names its layers."""
    model = candidate.model
    if not isinstance(model, k.tf_keras.Model) or not graph.is_functional(model):
        return None
    if candidate.quantization is not None:
        return fake_quantization.one_operator_each(model, candidate.quantization.normalization)
    return folding.flatten(model)


def _parts(candidate: Candidate, model: Any, uneven: uneven_inputs.Uneven) -> Parts:
    taken = {layer.name for layer in model.layers}
    cut, names = {}, {}
    for edge in uneven.prefix.edges.values():
        name = edge.layer if edge.layer in model.input_names else free(edge.layer, taken)
        taken.add(name)
        cut[name], names[name] = edge.tensor, ranged_tensors.range_of(edge)
    front = k.tf_keras.Model(
        [t for n, t in zip(model.input_names, model.inputs, strict=True) if n in uneven.columns],
        list(cut.values()),
    )
    front.output_names = list(cut)
    even = zip(model.input_names, model.inputs, strict=True)
    starts = cut | {name: t for name, t in even if name not in uneven.columns}
    rest = dataclasses.replace(candidate, model=graph.behind(model, starts))
    if candidate.quantization is not None:
        learned = candidate.quantization.ranges
        ranges = {
            ranged_tensors.range_of_input(n): learned[r] for n, r in names.items() if r in learned
        }
        quantization = dataclasses.replace(candidate.quantization, ranges={**learned, **ranges})
        rest = dataclasses.replace(rest, quantization=quantization)
    return Parts(front, rest, tuple(model.input_names))


def free(name: str, taken: set[str]) -> str:
    """A name for a layer's tensor between two parts that no other has."""
    while f"{name}_float" in taken:
        name = f"{name}_float"
    return f"{name}_float"

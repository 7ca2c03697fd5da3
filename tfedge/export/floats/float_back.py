"""Takes the part of a model that joins what needs scales of its own out, to stay float.

What is left is exported as any model is, its outputs being what that part reads; then the two files
become one. See `compress.ranges.uneven_outputs` for which outputs are uneven, and why.
"""

import dataclasses
from typing import Any

from absl import logging

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.ranges import fake_quantization, output_columns, output_tail, uneven_outputs
from tfedge.data.task import Task
from tfedge.export import calibration, options
from tfedge.export.floats import float_front, joined


@dataclasses.dataclass(frozen=True, eq=False)
class Parts:
    """A model in two parts.

    Attributes:
        rest: the candidate of all that comes in front of
        back: a tf_keras model of the float part; its inputs have the names of outputs of `rest`.
        inputs: the names of the whole model's inputs, in order.
        outputs: likewise of its outputs.
    """

    rest: Candidate
    back: Any
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def joined(self, rest: Any, back: Any) -> Any:
        """The trees of both as one."""
        return joined.join(rest, back, self.inputs, self.outputs)


def take_out(candidate: Candidate, export: options.Export, task: Task | None) -> Parts | None:
    """The two parts, or None where there is nothing to keep in float.

    Args:
        candidate: of a model of any kind.
        export: the route; where it asks for integers as outputs, there is no float part, and a
            warning names the columns and what they lose.
        task: whose calibration split shows what is joined, where no recipe has looked before: also
            how the columns differ that one kernel makes.
    """
    model = None if export.has_float_activations else float_front.flat(candidate)
    if model is None:
        return None
    if candidate.quantization is None:
        model = output_tail.with_functions_apart(model)
    if task is not None and candidate.quantization is None and not candidate.holds:
        model = output_columns.to_one_scale(model, task)
    ranges = _ranges(candidate, model, export, task)
    uneven = uneven_outputs.find(model, ranges, 2**export.facts.activation_bits - 1)
    for each in uneven:
        _say(each, export)
    if not uneven or export.output != "float32":
        return None
    return _parts(candidate, model, uneven)


def _ranges(
    candidate: Candidate, model: Any, export: options.Export, task: Task | None
) -> dict[int, tuple[float, float]]:
    """Of what is joined, as it was trained, or else as calibration examples show it."""
    if candidate.quantization is not None:
        return fake_quantization.ranges_of_edges(model, candidate.quantization.ranges)
    if task is None or not output_tail.find(model):
        return {}
    calibration.examples(task, model.input_names, export.route)  # refuses what cannot be run
    measured = fake_quantization.measure_edges(model, task)
    return fake_quantization.ranges_of_edges(model, measured)


def _say(uneven: uneven_outputs.Uneven, export: options.Export) -> None:
    if not uneven.reach.size:  # a probability that an app wants as an integer is no finer
        logging.info(
            "output %s: among integers %s makes 0 of what is small; %s",
            *(uneven.name, uneven.tail.squeezing[0]),
            "computed in float" if export.output == "float32" else 'output="float32" keeps it',
        )
        return
    if export.output == "float32":
        logging.info(
            "%s, were there one integer scale for all: joined in float", uneven.described()
        )
        return
    logging.warning(
        "--export=%s: %s of the one integer scale of the output, so what they tell is lost; "
        'output="float32" keeps it',
        export.to_text(),
        uneven.described(),
    )


def _parts(candidate: Candidate, model: Any, uneven: tuple[uneven_outputs.Uneven, ...]) -> Parts:
    names = graph.output_names(model)
    taken = {*names, *(layer.name for layer in model.layers)}
    cut, inputs = {}, {}
    for edge in (edge for each in uneven for edge in each.tail.edges):
        if id(edge.tensor) not in inputs:
            inputs[id(edge.tensor)] = name = float_front.free(edge.layer, taken)
            taken.add(name)
            cut[name] = edge.tensor
    back = output_tail.model_of(model, [each.tail for each in uneven], inputs)
    back.output_names = [each.name for each in uneven]
    joins = {each.tail.position for each in uneven}
    kept = {
        name: tensor
        for n, (name, tensor) in enumerate(zip(names, model.outputs, strict=True))
        if n not in joins
    }
    rest = k.tf_keras.Model(model.inputs, [*cut.values(), *kept.values()], name=model.name)
    rest.output_names = [*cut, *kept]
    return Parts(
        dataclasses.replace(candidate, model=rest), back, tuple(model.input_names), tuple(names)
    )

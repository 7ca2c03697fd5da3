"""Candidates and models with layers -> what is made on a route."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfedge import errors
from tfedge.compress import graph, prepared
from tfedge.compress.candidate import Candidate, Quantization
from tfedge.compress.layers import facts, kernels
from tfedge.compress.ranges import fake_quantization, id_inputs, whole_inputs
from tfedge.data.task import Task
from tfedge.export import checks, choices, finishing, from_files, options
from tfedge.export.converter import (
    conversion,
    equal_biases,
    float_file,
    model_writer,
    recurrent,
)
from tfedge.export.edits import float_means, gains, lineage, lookups, own_inputs, write_codes
from tfedge.export.floats import float_back, float_front, joined
from tfedge.export.made import Made
from tfedge.export.tree import flatbuffer

Whole = Callable[[Any], Any]


def make(candidate: Candidate, export: options.Export, task: Task | None) -> Made:
    """A candidate on its route, with the parts in float that must be.

    Args:
        candidate: of a tf_keras model, or of a subclassed one of either Keras.
        export: the route and its options.
        task: whose examples are read where ranges are needed.

    Raises:
        BadInput: an export that contradicts the recipe, or that the model or data do not allow.
    """
    _check_recipe(candidate.exports, export)
    types = whole_inputs.find(candidate.model)
    candidate = dataclasses.replace(candidate, model=whole_inputs.as_floats(candidate.model))
    if export.facts.is_quantizing:
        candidate = _with_ids_apart(candidate)
    parts = float_front.take_out(candidate, export, task)
    if parts is None:
        made = _joined_in_float(candidate, export, task)
    else:
        made = _in_parts(parts, export, task)
    if export.input == "float32":
        own_inputs.restore(made.tree, types)
    return made


def convert(
    model: Any, quantization: Quantization | None, export: options.Export, task: Task | None
) -> Any:
    """The tree of the converter's file, with the model's own names for inputs and outputs."""
    if quantization is not None:
        model = fake_quantization.insert(
            model,
            quantization,
            integer_inputs=export.made_input != "float32",
            integer_outputs=export.output != "float32",
        )
        recurrent.unfuse(model)
        equal_biases.tell_apart(model)
    writer = model_writer.of(model, export.route)
    return conversion.convert(writer, export, task, has_ranges=quantization is not None)


def _with_ids_apart(candidate: Candidate) -> Candidate:
    """What reads ids of a float input reads integers, as the passes have it."""
    flat = float_front.flat(candidate) if id_inputs.may_have(candidate.model) else None
    if flat is None or not id_inputs.find(flat):
        return candidate
    return dataclasses.replace(candidate, model=flat)


def _check_recipe(meant: Sequence[str], export: options.Export) -> None:
    if not prepared.fits(export.to_text(), meant):
        raise errors.BadInput(
            f"--export={export.to_text()}",
            f"the recipe has trained the model for {' or '.join(meant)}",
            f"Use --export={meant[0]}, or a recipe without quantize.",
        )
    choices.check_trained(export, meant)


def _in_parts(parts: float_front.Parts, export: options.Export, task: Task | None) -> Made:
    """A part in float and the rest on the route, as one file with float inputs."""
    front = _as_float(parts.front)
    inner = float_front.behind(parts, export)
    seen = float_front.task_behind(flatbuffer.pack(front), parts, task)
    made = _joined_in_float(parts.rest, inner, seen)
    in_front = {layer.name: "in front of the integers" for layer in parts.front.layers}
    tree = joined.join(front, made.tree, parts.inputs)
    return Made(tree, {**made.unusual, **in_front}, made.names)


def _joined_in_float(candidate: Candidate, export: options.Export, task: Task | None) -> Made:
    """On the route, but for the layers that join what needs scales of its own into one output."""
    parts = float_back.take_out(candidate, export, task)
    if parts is None:
        return _on_route(candidate, export, task)
    whole = functools.partial(parts.joined, back=_as_float(parts.back))
    inner = float_front.without_rules_on(parts.back, parts.rest.model, export)
    made = _on_route(parts.rest, inner, task, whole)
    behind = {layer.name: "behind the integers" for layer in parts.back.layers}
    return Made(whole(made.tree), {**made.unusual, **behind}, made.names)


def _as_float(part: Any) -> Any:
    return conversion.convert_to_float(model_writer.of(part, "float32"), options.Export())


def _on_route(
    candidate: Candidate,
    export: options.Export,
    task: Task | None,
    whole: Whole = lambda tree: tree,
) -> Made:
    """The candidate on its route; trials are judged as what `whole` makes of their files."""
    is_quantizers = export.is_by_quantizer or _has_islands(candidate.model, export)
    is_quantizers |= _needs_a_float_file(candidate, export)
    if candidate.quantization is None and is_quantizers:
        made = _by_quantizer(candidate, export, task, whole)
    else:
        try:
            made = _unread(candidate, export, task) or _by_converter(candidate, export, task)
        except conversion.RangesError:
            made = _by_quantizer(candidate, export, task, whole)
    checks.warn_of_float(made.tree, export, is_known=bool(made.unusual))
    return made


def _has_islands(model: Any, export: options.Export) -> bool:
    """Whether layers are to stay float among integers, which the converter cannot be told."""
    if not export.has_byte_activations or export.allow_flex or not graph.is_functional(model):
        return False
    return bool(facts.slow_in_integers(model))


def _needs_a_float_file(candidate: Candidate, export: options.Export) -> bool:
    """Whether the converter would round kernels into what no edit makes them from.

    It puts factors into promised ones, and stores one that is also a table twice.
    """
    model = candidate.model
    if not export.facts.is_quantizing or export.allow_flex or not graph.is_functional(model):
        return False
    has_gains = any(facts.of(layer).gains for layer in model.layers)
    return bool((candidate.holds and has_gains) or _tied(candidate))


def _tied(candidate: Candidate) -> dict[str, frozenset[str]]:
    """Tables that are matrices too; those that promises have taken apart are not."""
    if not graph.is_functional(candidate.model):
        return {}
    held = {hold.layer for hold in candidate.holds}
    found = {
        name: frozenset(each for each in others if each == name or not held & {each, name})
        for name, others in kernels.tied(candidate.model).items()
    }
    return {name: others for name, others in found.items() if others}


def _unread(candidate: Candidate, export: options.Export, task: Task | None) -> Made | None:
    """A model without a graph of layers, if its columns are uneven: `float_front` cannot tell."""
    if graph.is_functional(candidate.model):
        return None
    writer = model_writer.of(candidate.model, export.route)
    where = f"model {candidate.model.name!r}"
    return from_files.with_columns_in_float(writer, where, export, task)


def _by_converter(candidate: Candidate, export: options.Export, task: Task | None) -> Made:
    quantization = candidate.quantization
    tree = convert(candidate.model, quantization, export, task)
    float_means.restore(tree)
    names = _named(tree, candidate)
    lookups.put(tree, {hold.layer for hold in candidate.holds})
    write_codes.write_codes(tree, candidate.codes())
    float_layers = _and_wrapped(candidate.model, quantization.float_layers) if quantization else {}
    return Made(tree, float_layers, names)


def _named(tree: Any, candidate: Candidate) -> frozenset[str]:
    """Gives kernels the names of their layers, and promised ones their own values alone."""
    known = lineage.keras_kernels(candidate.model)
    names = lineage.name_kernels(tree, known)
    tied, held = _tied(candidate), {hold.layer for hold in candidate.holds}
    gains.take_out(tree, known, held.union(*tied.values()))
    gains.tie(tree, tied)
    return names


def _and_wrapped(model: Any, reasons: Mapping[str, str]) -> dict[str, str]:
    """The layers with a reason and those inside of them, whose kernels bear their own names."""
    return {
        inner.name: reasons[layer.name]
        for layer in model.layers
        if layer.name in reasons
        for inner in layer._flatten_layers()
    }


def _by_quantizer(
    candidate: Candidate, export: options.Export, task: Task | None, whole: Whole
) -> Made:
    """By way of a float file."""
    # Lazy: they import AI Edge Quantizer, which takes a second.
    from tfedge.export import post_training
    from tfedge.export.post_training import columns, float_model, promises, selective

    writer = model_writer.of(candidate.model, export.route)
    tree = float_file.of(candidate.model, writer, export)
    names = _named(tree, candidate)
    known = [layer.name for layer in candidate.model._flatten_layers(include_self=False)]
    codes = candidate.codes()

    def edited(trial: Any) -> Any:
        write_codes.write_codes(trial, codes)
        return finishing.in_few_bits(trial, export)

    model, behind = float_model.prepare(tree, f"model {candidate.model.name!r}", known), export
    if not graph.is_functional(candidate.model):  # else `float_front` has seen to it
        model, behind = columns.keep(model, export, task)
    made = post_training.quantize(
        model,
        behind,
        task,
        selective.Finish(edited, whole),
        promises.Promises(candidate.holds, codes),
    )
    write_codes.write_codes(made.tree, codes)
    return dataclasses.replace(made, names=names)

"""The whole way from a candidate, a model or a model file to the bytes of a .tflite."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from absl import logging

from tfedge import errors
from tfedge.compress import bridge, graph, loading
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate, Quantization
from tfedge.compress.graph import canonical, model_ends
from tfedge.compress.ranges import fake_quantization, whole_inputs
from tfedge.data import output_kind
from tfedge.data.task import Task
from tfedge.device import evaluate
from tfedge.device.file import tflite
from tfedge.export import checks, from_files, options
from tfedge.export.converter import apart, conversion, float_file, quiet, recurrent, saved_model
from tfedge.export.edits import (
    flatbuffer,
    interface,
    lineage,
    own_inputs,
    raw_input,
    round_scales,
    slimming,
    write_codes,
)
from tfedge.export.floats import float_back, float_front, joined
from tfedge.export.trials import last_run, sqnr_check

Whole = Callable[[bytes], bytes]


def _as_it_is(data: bytes) -> bytes:
    return data


def to_tflite(
    source: Any, export: str | options.Export, task: Task | None, *, is_last: bool = True
) -> bytes:
    """See `tfedge.export.to_tflite`.

    Unless the file `is_last`, but one of many whose caller runs them all, it is neither run here
    nor compared with the model.
    """
    if isinstance(export, str):
        export = options.Export.parse(export)
    check(export, task)
    if isinstance(source, k.tf_keras.Model) or bridge.is_keras3(source):
        source = Candidate(_in_tf_keras(source))
    if isinstance(source, Candidate):
        task = _as_meant(task, source.model)
        made = _candidate(source, export, task)
    elif isinstance(source, loading.TfliteModel):
        task = task and evaluate.as_judged(task, tflite.read(source.content, str(source.path)))
        made = _Converted(*from_files.convert_tflite(source, export, task))
    elif not source.is_own:
        return apart.to_tflite(source, export, task, is_last=is_last)
    else:
        return of_saved_model(source, export, task, is_last=is_last)
    if not isinstance(source, Candidate):
        _say_float(made.data, export, made.unusual)
    if isinstance(source, loading.TfliteModel) and made.data is source.content:
        last_run.LastRun(export, task).outputs(made.data)
        return made.data
    return _last(made, source, export, task, is_last)


def of_saved_model(
    source: loading.SavedModel, export: options.Export, task: Task | None, *, is_last: bool
) -> bytes:
    """`to_tflite` of a SavedModel, opened in this process: of one's own, or `apart`."""
    made = _Converted(*from_files.convert_saved_model(source, export, task))
    _say_float(made.data, export, made.unusual)
    return _last(made, source, export, task, is_last)


def _last(
    made: "_Converted", source: Any, export: options.Export, task: Task | None, is_last: bool
) -> bytes:
    if not is_last:
        return _finished(_in_few_bits(made.data, export), made, export, task).data
    return _run_and_compared(made, source, export, task)


def check(export: options.Export, task: Task | None, is_trained: bool = False) -> None:
    """Refuses what can be seen to go wrong without the model.

    Args:
        export: the route and its options.
        task: whose normalisation and labels may be asked for.
        is_trained: whether a recipe chooses the integers of kernels.

    Raises:
        BadInput: options that the task or the recipe contradicts.
    """
    _check_task(export, task)
    if is_trained:
        _check_trained(export)


def _as_meant(task: Task | None, model: Any) -> Task | None:
    """The task with the kind of targets that the model's outputs ask for; see `output_kind`."""
    if task is None or not graph.is_functional(model):
        return task
    return output_kind.of_outputs(task, model_ends.output_shapes(model))


def _candidate(candidate: Candidate, export: options.Export, task: Task | None) -> "_Converted":
    quantization = candidate.quantization
    if quantization is not None and export.route != quantization.route:
        raise errors.BadInput(
            f"--export={export.to_text()}",
            f"the recipe has quantized the model to {quantization.bits} bits",
            f"Use --export={quantization.route}, or a recipe without quantize.",
        )
    if quantization is not None and export.is_by_quantizer:
        _check_trained(export)
    types = whole_inputs.find(candidate.model)
    candidate = dataclasses.replace(candidate, model=whole_inputs.as_floats(candidate.model))
    parts = float_front.take_out(candidate, export, task)
    if parts is None:
        made = _joined_in_float(candidate, export, task)
    else:
        made = _in_parts(parts, export, task)
    data = made.data if export.input != "float32" else own_inputs.restore(made.data, types)
    return dataclasses.replace(made, data=data)


@dataclasses.dataclass(frozen=True)
class _Converted:
    """A file on its route, kernels that are `unusual` in it, and `names` that it is to keep."""

    data: bytes
    unusual: Mapping[str, str]
    names: frozenset[str] = frozenset()


def _in_parts(parts: float_front.Parts, export: options.Export, task: Task | None) -> _Converted:
    """A part in float and the rest on the route, as one file with float inputs."""
    front = conversion.convert_to_float(_writer(parts.front, "float32"), options.Export())
    inner = float_front.behind(parts, export)
    made = _joined_in_float(parts.rest, inner, float_front.task_behind(front, parts, task))
    in_front = {layer.name: "in front of the integers" for layer in parts.front.layers}
    data = joined.join(front, made.data, parts.inputs)
    return _Converted(data, {**made.unusual, **in_front}, made.names)


def _joined_in_float(candidate: Candidate, export: options.Export, task: Task | None) -> _Converted:
    """On the route, but for the layers that join what needs scales of its own into one output."""
    parts = float_back.take_out(candidate, export, task)
    if parts is None:
        return _converted(candidate, export, task)
    back = conversion.convert_to_float(_writer(parts.back, "float32"), options.Export())
    whole = functools.partial(parts.joined, back=back)
    inner = float_front.without_rules_on(parts.back, parts.rest.model, export)
    made = _converted(parts.rest, inner, task, whole)
    behind = {layer.name: "behind the integers" for layer in parts.back.layers}
    return _Converted(whole(made.data), {**made.unusual, **behind}, made.names)


def _converted(
    candidate: Candidate, export: options.Export, task: Task | None, whole: Whole = _as_it_is
) -> _Converted:
    """The candidate on its route; trials are judged as what `whole` makes of their files."""
    if candidate.quantization is None and export.is_by_quantizer:
        made = _post_trained(candidate, export, task, whole)
    else:
        try:
            made = _unread(candidate, export, task) or _by_converter(candidate, export, task)
        except conversion.MaskedError:
            made = _post_trained(candidate, export, task, whole)
    _say_float(made.data, export, made.unusual)
    return made


def _unread(candidate: Candidate, export: options.Export, task: Task | None) -> _Converted | None:
    """A model without a graph of layers, if its columns are uneven: `float_front` cannot tell."""
    if graph.is_functional(candidate.model):
        return None
    writer = _writer(candidate.model, export.route)
    where = f"model {candidate.model.name!r}"
    made = from_files.with_columns_in_float(writer, where, export, task)
    return made and _Converted(*made)


def _say_float(data: bytes, export: options.Export, unusual: Mapping[str, str]) -> None:
    if not export.has_float_activations:
        checks.warn_of_float(data, export, is_known=bool(unusual))


def _by_converter(candidate: Candidate, export: options.Export, task: Task | None) -> _Converted:
    quantization = candidate.quantization
    data = convert(candidate.model, quantization, export, task)
    data, names = lineage.name_kernels(data, lineage.keras_kernels(candidate.model))
    data = write_codes.restate(data, candidate.codes())
    float_layers = _and_wrapped(candidate.model, quantization.float_layers) if quantization else {}
    return _Converted(data, float_layers, names)


def _and_wrapped(model: Any, reasons: Mapping[str, str]) -> dict[str, str]:
    """The layers with a reason and those inside of them, whose kernels bear their own names."""
    return {
        inner.name: reasons[layer.name]
        for layer in model.layers
        if layer.name in reasons
        for inner in layer._flatten_layers()
    }


def _check_trained(export: options.Export) -> None:
    plain = options.Export(export.route)
    for name in ("algorithm", "precision", "activations", "block_size"):
        if getattr(export, name) != getattr(plain, name):
            raise errors.BadInput(
                f"--export={export.to_text()}",
                f"the recipe has trained the integers of every kernel, and {name} would choose "
                "others",
                f"Leave {name} out, or quantize out of the recipe.",
            )


def _post_trained(
    candidate: Candidate, export: options.Export, task: Task | None, whole: Whole
) -> _Converted:
    """By way of a float file, which AI Edge Quantizer quantizes."""
    from tfedge.export import post_training  # it is for those who need it
    from tfedge.export.post_training import (  # it is for those who need it
        columns,
        float_model,
        promises,
        selective,
    )

    data = float_file.of(candidate.model, _writer(candidate.model, export.route), export)
    data, names = lineage.name_kernels(data, lineage.keras_kernels(candidate.model))
    known = [layer.name for layer in candidate.model._flatten_layers(include_self=False)]
    where = f"model {candidate.model.name!r}"
    codes = candidate.codes()

    def edited(trial: bytes) -> bytes:
        return _in_few_bits(write_codes.restate(trial, codes), export)

    model, behind = float_model.prepare(data, where, known), export
    if not graph.is_functional(candidate.model):  # else `float_front` has seen to it
        model, behind = columns.keep(model, export, task)
    made = post_training.quantize(
        model,
        behind,
        task,
        selective.Finish(edited, whole),
        promises.Promises(candidate.holds, codes),
    )
    return _Converted(write_codes.restate(made.data, codes), made.unusual, names)


def convert(
    model: Any, quantization: Quantization | None, export: options.Export, task: Task | None
) -> bytes:
    """The converter's file of a model, with the model's own names for inputs and outputs."""
    if quantization is not None:
        model = fake_quantization.insert(
            model,
            quantization,
            integer_inputs=export.made_input != "float32",
            integer_outputs=export.output != "float32",
        )
        recurrent.unfuse(model)
    writer = _writer(model, export.route)
    return conversion.convert(writer, export, task, has_ranges=quantization is not None)


def _writer(model: Any, route: str) -> conversion.Writer:
    return conversion.Writer(
        write=functools.partial(_write, model),
        write_without_loop=lambda folder: _write(recurrent.unrolled(model, route), folder),
    )


def _write_any(source: Any, folder: pathlib.Path) -> saved_model.Signature:
    if isinstance(source, loading.SavedModel):
        return saved_model.write_folder(source.path, folder)
    return _write(source, folder)


def _write(model: Any, folder: pathlib.Path) -> saved_model.Signature:
    if not bridge.is_keras3(model):
        return saved_model.write(model, folder)
    if not model.built:
        raise saved_model.never_called(model)
    exported = folder.with_name("keras3")
    with quiet.captured():
        model.export(str(exported))
    return saved_model.write_folder(exported, folder)


def _run_and_compared(
    made: _Converted, source: Any, export: options.Export, task: Task | None
) -> bytes:
    """The finished file: run once as it is, steady, and compared with what it came from."""
    run = last_run.LastRun(export, task)
    finished = _finished(_in_few_bits(made.data, export), made, export, task)
    outputs = run.outputs(finished.data)
    if outputs is None:
        return finished.data
    is_trained = isinstance(source, Candidate) and source.quantization is not None
    if finished.is_edited and task is not None and not is_trained:
        unedited = _finished(made.data, made, export, task)
        before = run.outputs(unedited.data)
        if before is not None and not sqnr_check.is_steady(before, outputs):
            logging.warning(
                "--export=%s: answers hang on the last bits of scales; kept", export.route
            )
            finished, outputs = unedited, before
    run.compare(outputs, finished.plain, source, _write_any)
    return finished.data


@dataclasses.dataclass(frozen=True)
class _Finished:
    """The last bytes, the same before raw inputs were put in, and whether scales were edited."""

    data: bytes
    plain: bytes
    is_edited: bool


def _finished(
    data: bytes, made: _Converted, export: options.Export, task: Task | None
) -> _Finished:
    """What comes after conversion, for files of any origin; `data` is `made`'s, or edited."""
    plain = data
    attached: dict[str, Any] = {}
    if export.raw_input and task is not None:
        data = raw_input.accept(data, export.input, task.normalization)
        attached[interface.RAW_INPUT] = {"raw": True}
    if export.labels and task is not None:
        attached[interface.LABELS] = list(task.labels)
    is_edited = plain is not made.data
    if export.facts.edits:
        tree = flatbuffer.unpack(data)
        for edit in export.facts.edits:
            edit(tree)
        data = flatbuffer.pack(tree)
    data = slimming.slim(interface.attach(data, attached), made.names)
    checks.check(data, export, made.unusual)
    return _Finished(data, plain, is_edited)


def _in_few_bits(data: bytes, export: options.Export) -> bytes:
    if not export.has_byte_activations:
        return data
    return round_scales.few_bits(data, export.few_bit_scales, export.few_bit_biases)


def _in_tf_keras(model: Any) -> Any:
    """A tf_keras model out of plain layers; a subclassed one, which has no graph, as it is."""
    if not bridge.is_functional(model):
        return model
    return bridge.to_tf_keras(model) if bridge.is_keras3(model) else canonical.tidy(model)


def _check_task(export: options.Export, task: Task | None) -> None:
    if (export.raw_input or export.labels) and task is None:
        raise errors.BadInput(
            f"--export={export.to_text()}",
            "normalisation and labels are the task's, and there is none",
            "Give the data.",
        )
    if export.labels and task is not None and not task.labels:
        raise errors.BadInput(
            f"--export={export.to_text()}",
            f"the task {task.name} has no labels",
            "Give the task labels, or leave labels out.",
        )

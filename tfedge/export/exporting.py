"""The whole way from a candidate, a model or a model file to the bytes of a .tflite."""

import functools
import pathlib
from collections.abc import Mapping
from typing import Any

from tfedge import errors
from tfedge.compress import bridge, fake_quantization, loading
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate, Quantization
from tfedge.data.task import Task
from tfedge.export import (
    checks,
    conversion,
    few_bits,
    from_files,
    interface,
    lineage,
    options,
    quiet,
    raw_input,
    recurrent,
    restate,
    saved_model,
    slimming,
)


def to_tflite(source: Any, export: str | options.Export, task: Task | None) -> bytes:
    """See `tfedge.export.to_tflite`."""
    if isinstance(export, str):
        export = options.Export.parse(export)
    _check_task(export, task)
    if isinstance(source, Candidate):
        return _candidate(source, export, task)
    if isinstance(source, k.tf_keras.Model) or bridge.is_keras3(source):
        return _candidate(Candidate(_in_tf_keras(source)), export, task)
    if isinstance(source, loading.TfliteModel):
        data = from_files.convert_tflite(source, export, task)
        return data if data is source.content else _finished(data, export, task)
    return _finished(from_files.convert_saved_model(source, export, task), export, task)


def _candidate(candidate: Candidate, export: options.Export, task: Task | None) -> bytes:
    quantization = candidate.quantization
    if quantization is not None and export.route != f"int{quantization.bits}":
        raise errors.BadInput(
            f"--export={export.to_text()}",
            f"the recipe has quantized the model to {quantization.bits} bits",
            f"Use --export=int{quantization.bits}, or a recipe without quantize.",
        )
    data = convert(candidate.model, quantization, export, task)
    data, names = lineage.name_kernels(data, lineage.keras_kernels(candidate.model))
    data = restate.restate(data, candidate.codes())
    float_layers = quantization.float_layers if quantization is not None else {}
    return _finished(data, export, task, names, float_layers)


def convert(
    model: Any, quantization: Quantization | None, export: options.Export, task: Task | None
) -> bytes:
    """The converter's file of a model, with the model's own names for inputs and outputs."""
    if quantization is not None:
        model = fake_quantization.insert(model, quantization)
        recurrent.unfuse(model)
    writer = conversion.Writer(
        write=functools.partial(_write, model),
        write_without_loop=lambda folder: _write(recurrent.unrolled(model, export.route), folder),
    )
    return conversion.convert(writer, export, task, has_ranges=quantization is not None)


def _write(model: Any, folder: pathlib.Path) -> saved_model.Signature:
    if not bridge.is_keras3(model):
        return saved_model.write(model, folder)
    exported = folder.with_name("keras3")
    with quiet.captured():
        model.export(str(exported))
    return saved_model.write_folder(exported, folder)


def _finished(
    data: bytes,
    export: options.Export,
    task: Task | None,
    names: frozenset[str] = frozenset(),
    float_layers: Mapping[str, str] | None = None,
) -> bytes:
    """What comes after conversion, for files of any origin."""
    if export.route in conversion.INTEGER_ROUTES:
        checks.warn_of_float(data, export)
    if export.route == "int8":
        data = few_bits.few_bits(data, export.few_bit_scales, export.few_bit_biases)
    attached: dict[str, Any] = {}
    if export.raw_input and task is not None:
        data = raw_input.accept(data, export.input, task.normalization)
        attached[interface.RAW_INPUT] = {"raw": True}
    if export.labels and task is not None:
        attached[interface.LABELS] = list(task.labels)
    data = slimming.slim(interface.attach(data, attached), names)
    checks.check(data, export, float_layers or {})
    return data


def _in_tf_keras(model: Any) -> Any:
    """A tf_keras model; a subclassed Keras 3 one, which has no twin, as it is."""
    if bridge.is_keras3(model) and bridge.is_functional(model):
        return bridge.to_tf_keras(model)
    return model


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

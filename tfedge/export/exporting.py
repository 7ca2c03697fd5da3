"""The whole way from a candidate, a model or a model file to the bytes of a .tflite.

A file is made on its route and unpacked; edits follow, one after the other, on the tree; it is
packed, read back, run and compared with what it came from.
"""

import dataclasses
import functools
from typing import Any

from absl import logging

from tfedge.compress import bridge, graph, loading
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.graph import canonical, model_ends
from tfedge.compress.ranges import fake_quantization
from tfedge.data.matching import fit, output_kind
from tfedge.data.task import Task
from tfedge.device import evaluate
from tfedge.device.file import tflite
from tfedge.export import checks, finishing, first_call, from_files, from_model, options
from tfedge.export.made import Made
from tfedge.export.tree import flatbuffer
from tfedge.export.trials import by_steps, last_run, sqnr_check


def to_tflite(
    source: Any, export: options.Export, task: Task | None, *, is_last: bool = True
) -> bytes:
    """See `tfedge.export.to_tflite`; what is read here is opened in this process.

    Unless the file `is_last`, but one of many whose caller runs them all, it is neither run here
    nor compared with the model.
    """
    source = _with_layers(source, task)
    task = _as_meant(task, source)
    if isinstance(source, loading.TfliteModel) and not export.facts.changes_kernels:
        from_files.check_tflite(source)
        last_run.LastRun(export, task).outputs(source.content)
        if not export.cache:
            return source.content
    checks.warn_of_mediapipe(export)
    made = _made(source, export, task)
    edited = finishing.in_few_bits(made.tree, export)
    if not is_last:
        return finishing.finished(edited, made, export, task)
    run = last_run.LastRun(export, task)
    data = finishing.finished(edited, made, export, task)
    outputs = run.outputs(data)
    if outputs is None:
        return data
    is_trained = isinstance(source, Candidate) and source.quantization is not None
    if edited is not made.tree and task is not None and not is_trained:
        unedited = finishing.finished(made.tree, made, export, task)
        before = run.outputs(unedited)
        if before is not None and not sqnr_check.is_steady(before, outputs):
            logging.warning(
                "--export=%s: answers hang on the last bits of scales; kept", export.route
            )
            edited, data, outputs = made.tree, unedited, before
    if export.cache:
        by_steps.check(functools.partial(finishing.finished, edited, made), export, task)
    run.compare(outputs, functools.partial(flatbuffer.pack, edited), source)
    return data


def _with_layers(source: Any, task: Task | None) -> Any:
    """A Keras model as a candidate of plain tf_keras layers; a subclassed one has no graph.

    One with ranges has one operator a layer, so that nothing after this has to make it so.
    """
    if isinstance(source, Candidate) and source.quantization is not None:
        return dataclasses.replace(
            source,
            model=fake_quantization.one_operator_each(
                source.model, source.quantization.normalization
            ),
        )
    if not isinstance(source, k.tf_keras.Model) and not bridge.is_keras3(source):
        return source
    if source.built:
        loading.check_size(source.weights, f"model {source.name!r}")
    if not bridge.is_functional(source):
        if task is not None:
            first_call.make(source, task)
        return Candidate(source)
    if not bridge.is_keras3(source):
        return Candidate(canonical.tidy(source))
    try:
        return Candidate(bridge.to_tf_keras(source))
    except bridge.MissingTwin as missing:
        logging.info("%s It is exported as it is.", missing)
        return loading.exported(source)


def _as_meant(task: Task | None, source: Any) -> Task | None:
    """The task with the kind of targets that outputs ask for; see `output_kind`.

    Data of another shape than the model's are refused here, by both shapes: traced on them, a
    model makes a file that fails in some operator or answers for other inputs.
    """
    if task is None:
        return None
    if isinstance(source, loading.TfliteModel):
        return evaluate.as_judged(task, tflite.read(source.content, str(source.path)))
    if isinstance(source, Candidate) and graph.is_functional(source.model):
        fit.check_inputs(task, *model_ends.inputs(source.model))
        return output_kind.of_outputs(task, model_ends.output_shapes(source.model))
    return task


def _made(source: Any, export: options.Export, task: Task | None) -> Made:
    if isinstance(source, Candidate):
        return from_model.make(source, export, task)
    if isinstance(source, loading.TfliteModel):
        return from_files.convert_tflite(source, export, task)
    return from_files.convert_saved_model(source, export, task)

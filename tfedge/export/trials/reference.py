"""What the model that a file came from answers to a few examples, for comparison with the file."""

import pathlib
import tempfile
from typing import Any

import numpy as np

from tfedge import quiet
from tfedge.compress import graph, loading
from tfedge.compress.candidate import Candidate
from tfedge.compress.graph import model_ends
from tfedge.compress.keras import tf
from tfedge.compress.ranges import fake_quantization
from tfedge.data.splits import ArraySplit
from tfedge.data.task import Task
from tfedge.export import calibration, options
from tfedge.export.converter import model_writer, saved_model
from tfedge.export.edits import interface
from tfedge.export.trials import dry_run

Answers = dict[str, np.ndarray]  # output -> (n, ...)

_BATCH = 16


def answers(source: Any, few: ArraySplit, task: Task, export: options.Export) -> Answers:
    """Answers by output name; an output without a name of its own goes by its number in them.

    Args:
        source: a Candidate, with the ranges of its training where it has any, or what
            `loading.load_model` gives for a file.
        few: raw examples.
        task: whose normalisation is applied.
        export: the route; whether its inputs are integers decides where a trained model rounds.
    """
    if isinstance(source, loading.TfliteModel):
        return dry_run.run(source.content, few, task).outputs
    if isinstance(source, Candidate) and graph.is_functional(source.model):
        return _of_layers(_as_trained(source, export), few, task)
    with tempfile.TemporaryDirectory(prefix="tfedge_export_") as folder, quiet.captured():
        written = pathlib.Path(folder) / "model"
        owner = source.model if isinstance(source, Candidate) else source
        signature = model_writer.write(owner, written)
        loaded = tf.saved_model.load(str(written))
        return _of_signature(loaded, signature, few, task)


def _as_trained(candidate: Candidate, export: options.Export) -> Any:
    quantization = candidate.quantization
    if quantization is None:
        return candidate.model
    return fake_quantization.insert(
        candidate.model,
        quantization,
        integer_inputs=export.made_input != "float32",
        integer_outputs=export.output != "float32",
    )


def _of_layers(model: Any, few: ArraySplit, task: Task) -> Answers:
    arrays = calibration.by_name(few.x, task, model_ends.input_names(model))
    one_by_one = model.stateful or model.inputs[0].shape[0] is not None
    size = 1 if one_by_one else _BATCH
    found = []
    if model.stateful:  # such a model remembers the example before, and so does its file
        model.reset_states()
    for start in range(0, len(few), size):
        part = {name: array[start : start + size] for name, array in arrays.items()}
        made = model(fake_quantization.inputs_of(model, part), training=False)
        found.append([np.asarray(tensor) for tensor in tf.nest.flatten(made)])
    if model.stateful:
        model.reset_states()
    together = [np.concatenate(parts) for parts in zip(*found, strict=True)]
    return dict(zip(graph.output_names(model), together, strict=True))


def _of_signature(
    loaded: Any, signature: saved_model.Signature, few: ArraySplit, task: Task
) -> Answers:
    """Of a SavedModel that `saved_model` wrote, one example at a time."""
    run = loaded.signatures[saved_model.SIGNATURE_KEY]
    found: dict[str, list[np.ndarray]] = {name: [] for name in signature.outputs}
    arrays = calibration.by_name(few.x, task, signature.inputs)
    types = run.structured_input_signature[1]
    for row in range(len(few)):
        numbered = {}
        for number, name in enumerate(signature.inputs):
            key = interface.input_number(number)
            numbered[key] = tf.cast(arrays[name][row : row + 1], types[key].dtype)
        made = run(**numbered)
        for number, name in enumerate(signature.outputs):
            found[name].append(made[interface.output_number(number)].numpy())
    return {name: np.concatenate(parts) for name, parts in found.items()}

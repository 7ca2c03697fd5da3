"""Candidate or model -> the bytes of a .tflite."""

from typing import TYPE_CHECKING, Any

from tfedge import memory, progress

if TYPE_CHECKING:
    from tfedge.data.task import Task
    from tfedge.export.options import Export


def to_tflite(source: Any, export: "str | Export" = "float32", task: "Task | None" = None) -> bytes:
    """Export a model.

        data = tfedge.to_tflite(candidate, 'int8(input="uint8", raw_input=True)', task)

    The file has one signature, "serving_default", with the model's input and output names and a
    batch of 1. Kernel tensors are named after their Keras layers; other names, and what only the
    converter needed, are gone. The same arguments give the same bytes.

    Args:
        source: a Candidate; a tf_keras or Keras 3 model; what `load_model` gave for a SavedModel
            folder or a float .tflite.
        export: a route, which is a file in `routes`, with options; see `options.Export`.
        task: its calibration split is read where activations become integers and the model was
            not trained quantization-aware, its normalisation for raw_input, its names for metadata.

    Returns:
        The bytes of the file.

    Raises:
        BadInput: an export that contradicts the recipe or that the model or data do not allow.
    """
    from tfedge.export import options

    chosen = options.Export.parse(export) if isinstance(export, str) else export
    with progress.phase(f"exporting as {chosen.to_text()}"):
        return exported(source, chosen, task)


def exported(source: Any, export: "Export", task: "Task | None") -> bytes:
    """The same for who shows what it is for. See `to_tflite`."""
    from tfedge.compress import loading
    from tfedge.export import apart, choices, exporting

    choices.check_task(export, task)
    is_strangers = isinstance(source, loading.SavedModel) and not source.is_own
    data = (apart if is_strangers else exporting).to_tflite(source, export, task)
    memory.give_back(len(data))
    return data

"""Does this model take these data? Shapes, types, classes, and the scale it was trained on."""

from typing import Any

from tfedge.data import hygiene
from tfedge.data.matching import seen_scale
from tfedge.data.task import Task


def check(model: Any, task: Task) -> None:
    """Refuse data that the model cannot take, or of another scale than it was trained on."""
    from tfedge.compress.graph import first_layer, model_ends

    inputs = {
        name: tuple(tensor.shape)
        for name, tensor in zip(model_ends.input_names(model), model.inputs, strict=True)
    }
    outputs = tuple(tuple(tensor.shape) for tensor in model.outputs)
    types = {
        name: getattr(tensor.dtype, "name", tensor.dtype)
        for name, tensor in zip(inputs, model.inputs, strict=True)
    }
    hygiene.check_fits(task, inputs, outputs, input_dtypes=types)
    trained = first_layer.trained_range(model)
    if trained is not None:
        seen_scale.check_bytes(task, trained)
    for name, means, variances in first_layer.moments(model):
        seen_scale.check_moments(task, name, means, variances)

"""Does this model take these data? Shapes, types, classes, and the scale it was trained on."""

from typing import Any

from tfedge.data import hygiene
from tfedge.data.matching import seen_scale
from tfedge.data.task import Task


def check(model: Any, task: Task) -> None:
    """Refuse data that the model cannot take, or of another scale than it was trained on."""
    from tfedge.compress.graph import first_layer, model_ends

    inputs, types = model_ends.inputs(model)
    outputs = tuple(tuple(tensor.shape) for tensor in model.outputs)
    hygiene.check_fits(task, inputs, outputs, input_dtypes=types)
    trained = first_layer.trained_range(model)
    if trained is not None:
        seen_scale.check_bytes(task, trained)
    for name, means, variances in first_layer.moments(model):
        seen_scale.check_moments(task, name, means, variances)

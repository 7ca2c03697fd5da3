"""The inputs and outputs of a functional model of either Keras, by name."""

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.bridge import replay


def input_names(model: k.Model) -> list[str]:
    """The names of the inputs, in their order."""
    if replay.is_keras3(model):
        return [tensor.name for tensor in model.inputs]
    return list(model.input_names)


def inputs(model: k.Model) -> tuple[dict[str, tuple[int | None, ...]], dict[str, str]]:
    """Shapes, batch axis first, and types of the inputs, both by name."""
    named = dict(zip(input_names(model), model.inputs, strict=True))
    shapes = {name: tuple(tensor.shape) for name, tensor in named.items()}
    types = {name: getattr(x.dtype, "name", x.dtype) for name, x in named.items()}
    return shapes, types


def output_shapes(model: k.Model) -> dict[str, tuple[int | None, ...]]:
    """Name, as a task's targets have it, -> shape with the batch axis first."""
    if replay.is_keras3(model):
        structure = model._outputs_struct
        names = sorted(structure) if isinstance(structure, dict) else list(model.output_names)
    else:
        names = graph.output_names(model)
    shapes = [tuple(tensor.shape) for tensor in model.outputs]
    return dict(zip(names, shapes, strict=True))

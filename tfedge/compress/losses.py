"""The loss that a task's targets and a model's outputs call for."""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.data.task import Task
from tfedge.errors import BadInput

_BY_KIND = {
    "classification": "SparseCategoricalCrossentropy",
    "segmentation": "SparseCategoricalCrossentropy",
    "binary": "BinaryCrossentropy",
    "multilabel": "BinaryCrossentropy",
    "regression": "MeanSquaredError",
}
_KEEPS_VALUES = ("Reshape", "Flatten", "Permute", "Identity")


def loss_of(task: Task, model: Any) -> Callable[[Any, Any], Any]:
    """(targets, outputs) -> scalar: the task's own loss, or its kind's, summed over outputs.

    Raises:
        BadInput: a custom task without a loss, targets for an output that is not there.
    """
    if task.loss is None and task.kind not in _BY_KIND:
        raise BadInput(f"task {task.name!r}", "kind 'custom' has no loss", "Set Task.loss.")
    names = graph.output_names(model)
    targets_of = task.validation.targets()
    unknown = set(targets_of) - set(names) if isinstance(targets_of, dict) else set()
    if unknown:
        raise BadInput(
            f"task {task.name!r}",
            f"targets for {', '.join(sorted(unknown))}, the model's outputs are {', '.join(names)}",
            "Name the targets as the model names its outputs.",
        )
    missing = set(targets_of) - set(task.loss) if isinstance(task.loss, Mapping) else set()
    if missing:
        raise BadInput(
            f"task {task.name!r}", f"no loss for {', '.join(sorted(missing))}", "Add to Task.loss."
        )
    logits = {name: gives_logits(model, number) for number, name in enumerate(names)}

    def loss(targets: Any, outputs: Any) -> Any:
        given = dict(zip(names, tf.nest.flatten(outputs), strict=True))
        wanted = targets if isinstance(targets, dict) else {names[0]: targets}
        return tf.add_n(
            [
                _one(task.kind, _own(task, name), logits[name], wanted[name], given[name])
                for name in sorted(wanted)
            ]
        )

    return loss


def gives_logits(model: Any, output: int = 0) -> bool:
    """Whether this output is not the result of a softmax or a sigmoid."""
    tensor = model.outputs[output]
    while type(tensor._keras_history.layer).__name__ in _KEEPS_VALUES:
        layer, node, _ = tensor._keras_history
        tensor = tf.nest.flatten(layer.inbound_nodes[node].keras_inputs)[0]
    layer = tensor._keras_history.layer
    config = layer.get_config()
    function = str(config.get("function", "")).rsplit(".", 1)[-1]
    names = [type(layer).__name__, config.get("activation"), config.get("op"), function]
    return not any(str(name).lower().startswith(("softmax", "sigmoid")) for name in names)


def _own(task: Task, output: str) -> Any:
    """The task's own loss of an output; None for the usual one."""
    return task.loss[output] if isinstance(task.loss, Mapping) else task.loss


def _one(kind: str, own: Any, logits: bool, target: Any, output: Any) -> Any:
    if own is not None:
        # As in `Model.fit`: (n,) targets of (n, 1) outputs would broadcast to (n, n).
        if output.shape[-1] == 1 and target.shape.rank == output.shape.rank - 1:
            target = target[..., tf.newaxis]
        return tf.reduce_mean(k.tf_keras.losses.get(own)(target, output))
    usual = getattr(k.tf_keras.losses, _BY_KIND[kind])
    if kind == "regression":
        return usual()(tf.reshape(target, tf.shape(output)), output)
    if kind == "classification" and len(target.shape) == len(output.shape):
        missing = output.shape[-1] - target.shape[-1]  # classes of the model that never occur
        shares = tf.pad(target, [[0, 0]] * (len(target.shape) - 1) + [[0, missing]])
        return k.tf_keras.losses.CategoricalCrossentropy(from_logits=logits)(shares, output)
    if kind == "binary":
        target = tf.reshape(target, tf.shape(output))
    return usual(from_logits=logits)(target, output)

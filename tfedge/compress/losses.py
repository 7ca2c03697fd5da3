"""The loss that a task's targets and a model's outputs call for."""

from collections.abc import Callable, Mapping, Sequence
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
        BadInput: a custom task without a loss, a loss that is none, targets or losses for other
            outputs than there are.
    """
    names = graph.output_names(model)
    targets_of = task.validation.targets()
    taught = sorted(targets_of) if isinstance(targets_of, dict) else names[:1]
    unknown = set(taught) - set(names)
    if unknown:
        raise BadInput(
            f"task {task.name!r}",
            f"targets for {', '.join(sorted(unknown))}, the model's outputs are {', '.join(names)}",
            "Name the targets as the model names its outputs.",
        )
    own = _own_losses(task, taught)
    logits = {name: gives_logits(model, number) for number, name in enumerate(names)}

    def loss(targets: Any, outputs: Any) -> Any:
        given = dict(zip(names, tf.nest.flatten(outputs), strict=True))
        wanted = targets if isinstance(targets, dict) else {names[0]: targets}
        return tf.add_n(
            [
                _one(task, own[name], logits[name], wanted[name], given[name])
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


def _own_losses(task: Task, taught: Sequence[str]) -> dict[str, Any]:
    """Output -> the task's own loss, a function of (targets, outputs); None is the kind's."""
    given = task.loss if isinstance(task.loss, Mapping) else dict.fromkeys(taught, task.loss)
    if set(given) != set(taught):
        raise BadInput(
            f"task {task.name!r}",
            f"losses for {', '.join(sorted(given))}, targets for {', '.join(taught)}",
            "Give Task.loss one loss for each output that has targets.",
        )
    if task.kind not in _BY_KIND and None in given.values():
        raise BadInput(f"task {task.name!r}", "kind 'custom' has no loss", "Set Task.loss.")
    return {name: _keras_loss(task, loss) for name, loss in given.items()}


def _keras_loss(task: Task, loss: Any) -> Any:
    try:
        return None if loss is None else k.tf_keras.losses.get(loss)
    except (TypeError, ValueError) as error:
        raise BadInput(
            f"task {task.name!r}",
            f"the loss {loss!r} is not one of Keras",
            "Give Task.loss a Keras name such as 'mse', or a function of (y_true, y_pred).",
        ) from error


def _one(task: Task, own: Any, logits: bool, target: Any, output: Any) -> Any:
    if own is not None:
        # As in `Model.fit`: (n,) targets of (n, 1) outputs would broadcast to (n, n).
        if output.shape[-1] == 1 and target.shape.rank == output.shape.rank - 1:
            target = target[..., tf.newaxis]
        return tf.reduce_mean(own(target, output))
    kind = getattr(k.tf_keras.losses, _BY_KIND[task.kind])
    if task.kind == "segmentation" and output.shape[-1] == 1:
        kind, target = k.tf_keras.losses.BinaryCrossentropy, target[..., tf.newaxis]
    if task.kind == "regression":
        return kind()(tf.reshape(target, tf.shape(output)), output)
    if task.kind == "classification" and len(target.shape) == len(output.shape):
        missing = output.shape[-1] - target.shape[-1]  # classes of the model that never occur
        shares = tf.pad(target, [[0, 0]] * (len(target.shape) - 1) + [[0, missing]])
        return k.tf_keras.losses.CategoricalCrossentropy(from_logits=logits)(shares, output)
    if task.kind == "binary":
        target = tf.reshape(target, tf.shape(output))
    return kind(from_logits=logits)(target, output)

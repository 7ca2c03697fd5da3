"""The loss that a task's targets and a model's outputs call for."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfedge.compress import keras as k
from tfedge.compress.candidate import Teacher
from tfedge.data.task import Task
from tfedge.errors import BadInput

_BY_KIND = {
    "classification": "SparseCategoricalCrossentropy",
    "segmentation": "SparseCategoricalCrossentropy",
    "binary": "BinaryCrossentropy",
    "multilabel": "BinaryCrossentropy",
    "regression": "MeanSquaredError",
}


def loss_of(task: Task, model: Any) -> Callable[[Any, Any], Any]:
    """(targets, outputs) -> scalar: the task's own loss, or its kind's, summed over outputs.

    Raises:
        BadInput: a custom task without a loss.
    """
    if task.loss is None and task.kind not in _BY_KIND:
        raise BadInput(f"task {task.name!r}", "kind 'custom' has no loss", "Set Task.loss.")
    logits = gives_logits(model)

    def loss(targets: Any, outputs: Any) -> Any:
        pairs = list(_pairs(model, targets, outputs))
        return tf.add_n([_one(task, logits, target, output) for target, output in pairs])

    return loss


def distillation_loss(teacher: Teacher, logits: bool) -> Callable[[Any, Any], Any]:
    """(teacher's logits, outputs) -> scalar: divergence of the softened distributions.

    Hinton et al. 2015, arXiv:1503.02531: T^2 KL(softmax(teacher / T) || softmax(student / T)).

    Args:
        teacher: its temperature.
        logits: whether outputs are logits; else they are probabilities.
    """
    temperature = teacher.temperature

    def loss(targets: Any, outputs: Any) -> Any:
        scores = tf.nest.flatten(outputs)[0]
        if not logits:
            scores = tf.math.log(tf.maximum(scores, 1e-7))
        wanted = tf.nn.log_softmax(targets / temperature)
        found = tf.nn.log_softmax(scores / temperature)
        divergence = tf.reduce_sum(tf.exp(wanted) * (wanted - found), axis=-1)
        return temperature**2 * tf.reduce_mean(divergence)

    return loss


def gives_logits(model: Any) -> bool:
    """Whether the first output is not the result of a softmax or a sigmoid."""
    layer = model.outputs[0]._keras_history.layer
    config = layer.get_config()
    function = str(config.get("function", "")).rsplit(".", 1)[-1]
    names = [type(layer).__name__, config.get("activation"), config.get("op"), function]
    return not any(str(name).lower().startswith(("softmax", "sigmoid")) for name in names)


def _one(task: Task, logits: bool, target: Any, output: Any) -> Any:
    if callable(task.loss):
        return tf.reduce_mean(task.loss(target, output))
    if isinstance(task.loss, str):
        function = k.tf_keras.losses.get(task.loss)
        return tf.reduce_mean(function(target, output))
    kind = getattr(k.tf_keras.losses, _BY_KIND[task.kind])
    if task.kind == "regression":
        return kind()(tf.reshape(target, tf.shape(output)), output)
    if task.kind == "binary":
        target = tf.reshape(target, tf.shape(output))
    return kind(from_logits=logits)(target, output)


def _pairs(model: Any, targets: Any, outputs: Any) -> Any:
    if not isinstance(targets, dict):
        outputs = tf.nest.flatten(outputs)
        return [(targets, outputs[0])]
    if not isinstance(outputs, dict):
        outputs = dict(zip(model.output_names, tf.nest.flatten(outputs), strict=True))
    return [(targets[name], outputs[name]) for name in targets]

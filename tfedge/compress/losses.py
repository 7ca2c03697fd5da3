"""The loss that a task's targets and a model's outputs call for."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.compress.layers import facts
from tfedge.data import class_weights, splits, spreads
from tfedge.data.answers import Answers
from tfedge.data.kind import Kind
from tfedge.data.task import Task
from tfedge.errors import BadInput


def loss_of(task: Task, model: k.Model) -> Callable[..., Any]:
    """(targets, outputs) -> scalar: the task's own loss, or its kind's, summed over outputs.

    Where there are several, or columns in units of their own, the usual error of numbers is a share
    of their variance, so that each counts alike whatever it is measured in. The task's own losses
    are left as they are.

    A third argument is what `weigher` gave; without it classes count as the task says.

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
    own, units = _own_losses(task, taught), spreads.of(task)
    weigh = weigher(task, names)
    kinds = {name: task.kind_of(y) for name, y in splits.named(targets_of).items()}
    logits = {name: gives_logits(model, number) for number, name in enumerate(names)}

    def loss(targets: Any, outputs: Any, weights: Any = None) -> k.Tensor:
        wanted = targets if isinstance(targets, dict) else {names[0]: targets}
        if weights is None:
            wanted, weights = weigh(targets)
        given = dict(zip(names, tf.nest.flatten(outputs), strict=True))
        return tf.add_n(
            [
                _one(
                    *(task, own[name], logits[name], wanted[name], given[name]),
                    kind=kinds.get(name, task.kind_facts),
                    weights=weights[name],
                    unit=units.get(name, units.get("", 1.0)),
                )
                for name in sorted(wanted)
            ]
        )

    return loss


def weigher(
    task: Task, names: Sequence[str]
) -> Callable[..., tuple[dict[str, Any], dict[str, Any]]]:
    """(a batch of targets, (batch,) of how much each example counts or None) -> what is learned.

    That is (targets, weights), both by output. Weights have the shape of class numbers, one for
    each decision, or (batch,) where classes have none; None where all count the same. Targets of
    mixed examples come back with each part counted by its class: the loss is then that of the
    parts, each with its weight, in their shares.

    Args:
        task: its class weights are read.
        names: of the model's outputs; targets of one output belong to the first.
    """
    tables = class_weights.of(task)
    kinds = {name: task.kind_of(y) for name, y in splits.named(task.validation.targets()).items()}
    gaps = {
        name: _share_without_gaps(y)
        for name, y in splits.named(task.train.targets()).items()
        if (of := kinds.get(name, task.kind_facts).classes) is not None and of.has_gaps
    }

    def weigh(
        targets: Any, counts: k.Tensor | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        wanted = targets if isinstance(targets, dict) else {names[0]: targets}
        counts = None if counts is None else tf.cast(counts, tf.float32)
        learned: dict[str, Any] = {}
        weights: dict[str, Any] = {}
        for name, target in wanted.items():
            kind = kinds.get(name, kinds.get("", task.kind_facts))
            table = tables.get(name, tables.get(""))
            counted = gaps.get(name, gaps.get(""))
            there = target
            if counted is not None:
                there = tf.maximum(target, 0)
            weights[name] = _weights(kind, table, there, counts)
            learned[name] = _emphasized(kind, table, there)
            if counted is not None:
                weights[name] = _without_gaps(weights[name], target, counted)
        return learned, weights

    return weigh


def _share_without_gaps(y: np.ndarray) -> float:
    """How many of all places have a class."""
    return max(float(np.mean(y >= 0)), 1e-9)


def _without_gaps(weights: k.Tensor | None, target: k.Tensor, share: float) -> k.Tensor:
    """Weights (batch, places...), 0 where a place has no class; their mean over train stays 1.

    Args:
        weights: of the places, of the examples, or None.
        target: class numbers, -1 where there is none.
        share: of the places of train that have a class.
    """
    there = tf.cast(target >= 0, tf.float32) / share
    return there if weights is None else there * _ranked(weights, there.shape.rank)


def _ranked(weights: k.Tensor, rank: int) -> k.Tensor:
    """Weights with axes of 1 behind, as many as it takes to multiply values of this rank."""
    for _ in range(rank - weights.shape.rank):
        weights = weights[..., tf.newaxis]
    return weights


def _weights(kind: Kind, table: np.ndarray | None, target: k.Tensor, counts: k.Tensor) -> k.Tensor:
    if table is None:
        return counts
    of_class = tf.constant(table, tf.float32)
    if kind.per_label:
        each = 1 + tf.cast(target, tf.float32) * (of_class - 1)
    elif _are_shares(kind, target):
        each = tf.linalg.matvec(tf.cast(target, tf.float32), of_class[: target.shape[-1]])
    elif target.dtype.is_floating:  # a mixed yes and no
        each = of_class[0] + tf.cast(target, tf.float32) * (of_class[1] - of_class[0])
    else:
        each = tf.gather(of_class, tf.cast(target, tf.int32))
    return each if counts is None else each * _ranked(counts, each.shape.rank)


def _emphasized(kind: Kind, table: np.ndarray | None, target: k.Tensor) -> k.Tensor:
    """Mixed targets with each part counted by its class; class numbers as they are."""
    if table is None:
        return target
    of_class = tf.constant(table, tf.float32)
    if _are_shares(kind, target):
        parts = target * of_class[: target.shape[-1]]
        return parts / tf.reduce_sum(parts, axis=-1, keepdims=True)
    if kind.answers is Answers.YES_OR_NO and target.dtype.is_floating:
        no = 1.0 if kind.per_label else of_class[0]
        yes = target * (of_class if kind.per_label else of_class[1])
        return yes / (yes + (1 - target) * no)
    return target


def _are_shares(kind: Kind, target: k.Tensor) -> bool:
    """Whether targets are what mixing makes of class numbers: (batch, classes) shares of each."""
    return kind.one_of_many and len(target.shape) == 2


def gives_logits(model: k.Model, output: int = 0) -> bool:
    """Whether this output is not the result of a softmax or a sigmoid."""
    tensor = model.outputs[output]
    while facts.of(tensor._keras_history.layer).moves:
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
    y = splits.named(task.validation.targets())
    for name, loss in given.items():
        is_named = isinstance(task.loss, Mapping) and name in y
        kind = task.kind_of(y[name]) if is_named else task.kind_facts
        if loss is None and not kind.loss:
            raise BadInput(
                f"task {task.name!r}", f"kind {kind.name!r} has no loss", "Set Task.loss."
            )
    return {name: _keras_loss(task, loss) for name, loss in given.items()}


def _keras_loss(task: Task, loss: Any) -> Any:
    try:
        return None if loss is None else _averaging(k.tf_keras.losses.get(loss))
    except (TypeError, ValueError) as error:
        raise BadInput(
            f"task {task.name!r}",
            f"the loss {loss!r} is not one of Keras",
            "Give Task.loss a Keras name such as 'mse', or a function of (y_true, y_pred).",
        ) from error


def _one(
    task: Task,
    own: Any,
    logits: bool,
    target: k.Tensor,
    output: k.Tensor,
    *,
    kind: Kind,
    weights: k.Tensor,
    unit: spreads.Spread,
) -> k.Tensor:
    if own is not None:
        # As in `Model.fit`: (n,) targets of (n, 1) outputs would broadcast to (n, n).
        if output.shape[-1] == 1 and target.shape.rank == output.shape.rank - 1:
            target = target[..., tf.newaxis]
        return _own(task, own, target, output, weights)
    said = kind.answers_of(output.shape[-1])
    if _are_shares(kind, target):
        missing = output.shape[-1] - target.shape[-1]  # classes of the model that never occur
        shares = tf.pad(target, [[0, 0]] * (len(target.shape) - 1) + [[0, missing]])
        return _crossentropy("categorical_crossentropy", logits)(shares, output, weights)
    if said is Answers.ONE_OF_MANY:
        return _crossentropy(kind.loss, logits)(target, output, _spread(weights, output))
    target = tf.reshape(target, tf.shape(output))
    if said is not Answers.YES_OR_NO:
        error = _averaging(_keras_class(kind.loss)())
        unit = spreads.divisor(unit, output.shape)
        wanted = tf.cast(target, output.dtype)
        return error(wanted / unit, output / unit, _spread(weights, output))
    if kind.per_label and weights is not None:
        target, output = target[..., tf.newaxis], output[..., tf.newaxis]  # each label by itself
    name = kind.loss if said is kind.answers else "binary_crossentropy"
    return _crossentropy(name, logits)(target, output, _spread(weights, output))


def _crossentropy(name: str, logits: bool) -> Any:
    return _averaging(_keras_class(name)(from_logits=logits))


def _averaging(loss: Any) -> Any:
    """A loss of Keras that gives means also of a part of a batch, as `Model.fit` asks it to.

    Several devices share a batch, see `training.distribution`; Keras cannot know that their means
    are weighted by what each has of it.
    """
    if isinstance(loss, k.tf_keras.losses.Loss):
        loss._allow_sum_over_batch_size = True
    return loss


def _keras_class(name: str) -> Any:
    """The class of a loss by its name in small letters: mean_squared_error is MeanSquaredError."""
    return getattr(k.tf_keras.losses, name.title().replace("_", ""))


def _own(task: Task, own: Any, target: k.Tensor, output: k.Tensor, weights: k.Tensor) -> k.Tensor:
    """The task's own loss; only one that gives a number for each example can be weighted."""
    if weights is None:
        return tf.reduce_mean(own(target, output))
    if isinstance(own, k.tf_keras.losses.Loss):
        return own(target, output, _spread(weights, output))
    found = tf.convert_to_tensor(own(target, output))
    if not found.shape.rank:
        raise BadInput(
            f"task {task.name!r}",
            "its loss gives one number for a batch, which class_weight and sample_weight cannot be"
            " applied to",
            "Let it give one for each example, or set class_weight='none'.",
        )
    while weights.shape.rank > found.shape.rank:
        weights = tf.reduce_mean(weights, axis=-1)
    return tf.reduce_mean(found * _ranked(weights, found.shape.rank))


def _spread(weights: k.Tensor, output: k.Tensor) -> k.Tensor:
    """(batch,) weights for losses of (batch, places...), which Keras would not broadcast."""
    return None if weights is None else _ranked(weights, output.shape.rank - 1)

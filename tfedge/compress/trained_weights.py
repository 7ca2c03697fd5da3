"""The class weights that a model was trained with, read from its answers.

A model trained to tell classes apart says each as often as it occurs: at the minimum of the cross
entropy its mean answers on the training data are the shares of the labels. Weights of classes (or
drawing rare ones more often) shift them. The weights that shift them back are found as the shares
of an unlabelled sample are, by expectation and maximization (Saerens, Latinne & Decaestecker 2002,
"Adjusting the outputs of a classifier to new a priori probabilities").
"""

import dataclasses
import math
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from tfedge.compress import fake_quantization, graph, losses
from tfedge.data import class_weights, splits
from tfedge.data.task import Task

_EXAMPLES = 4096
_STANDARD_ERRORS = 8.0  # the answers are apart by chance in no training that anyone sees
_ODDS = 2.0  # that answers and labels differ by at least; stopping early leaves less
_MOST = 100.0  # between the largest and the smallest weight, in units of the balanced ones
_STEPS = 200


def resolved(task: Task, model: Any) -> Task:
    """The task with the weights `model` was trained with, where it was and none are given.

    Args:
        task: without weights; one with weights or a loss of its own is given back as it is.
        model: flat tf_keras model, as it comes in.
    """
    custom = task.kind == "custom" or task.loss is not None
    if task.class_weight is not None or task.sample_weight is not None or custom:
        return task
    y = splits.named(task.train.targets())
    names = graph.output_names(model)
    if task.kind == "regression" or not _are_imbalanced(task, y):
        return task
    answers, rows = _answers(task, model)
    found = {}
    for name, labels in y.items():
        number = names.index(name) if name in names else 0
        given = _probabilities(answers[number], task.kind, losses.gives_logits(model, number))
        weights = _of_output(given, labels[rows], task.kind)
        if weights is not None:
            found[name] = weights
    if not found:
        return task
    _say(task, found)
    plain = {name: dict(enumerate(map(float, each))) for name, each in found.items()}
    return dataclasses.replace(task, class_weight=plain.get("", plain))


def implied(given: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """(classes,) weights under which answers were learned from labels of these shares.

    Args:
        given: (n, classes) probabilities.
        shares: (classes,) of the labels, none 0.

    Returns:
        Weights, scaled to a mean of 1 over the labels; the inverse of the factors that bring the
        mean answers to the shares.
    """
    factors = np.ones(len(shares))
    for _ in range(_STEPS):
        moved = given * factors
        moved /= moved.sum(axis=1, keepdims=True)
        step = shares / np.maximum(moved.mean(axis=0), 1e-12)
        factors *= step
        if np.abs(np.log(step)).max() < 1e-4:
            break
    weights = 1 / factors
    balanced = 1 / shares
    limit = math.sqrt(_MOST * balanced.max() / balanced.min())
    middle = math.exp(float(np.mean(np.log(weights))))
    weights = np.clip(weights, middle / limit, middle * limit)
    return weights / float((weights * shares).sum())


def _are_imbalanced(task: Task, y: dict[str, np.ndarray]) -> bool:
    """Whether weights would make a difference: nobody weighs classes that are as frequent."""
    for labels in y.values():
        if task.kind == "multilabel":
            return True
        counts = np.bincount(labels.ravel())
        if counts.max() > 1.5 * counts[counts > 0].min():
            return True
    return False


def _answers(task: Task, model: Any) -> tuple[list[np.ndarray], np.ndarray]:
    """The model's outputs to a sample of train, and the rows of the sample."""
    order = np.random.default_rng(task.seed).permutation(len(task.train))[:_EXAMPLES]
    predict = tf.function(lambda x: model(x, training=False), reduce_retracing=True)
    found = []
    for raw, _ in task.train.batches(256, order):
        x = fake_quantization.inputs_of(model, task.normalization(raw))
        found.append([each.numpy() for each in tf.nest.flatten(predict(x))])
    return [np.concatenate(parts) for parts in zip(*found, strict=True)], order


def _probabilities(outputs: np.ndarray, kind: str, logits: bool) -> np.ndarray:
    """Outputs as probabilities; one unit for two classes becomes two columns."""
    outputs = np.asarray(outputs, np.float64)
    one_unit = kind in ("multilabel", "binary") or outputs.shape[-1] == 1
    if logits and one_unit:
        outputs = 0.5 * (1 + np.tanh(outputs / 2))
    elif logits:
        powers = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
        outputs = powers / powers.sum(axis=-1, keepdims=True)
    if kind == "multilabel" or not one_unit:
        return outputs
    yes = outputs.reshape(len(outputs), -1) if kind == "binary" else outputs[..., :1]
    return np.concatenate([1 - yes, yes], axis=-1)


def _of_output(given: np.ndarray, labels: np.ndarray, kind: str) -> np.ndarray | None:
    """The weights of one output; None where its answers are as frequent as the labels."""
    if kind != "multilabel":
        return _of_classes(given, labels)
    found = np.ones(labels.shape[1])
    for number, column in enumerate(labels.T):
        yes = given[:, number : number + 1]
        weights = _of_classes(np.concatenate([1 - yes, yes], axis=1), column)
        if weights is not None:
            found[number] = weights[1] / weights[0]
    return found if (found != 1).any() else None


def _of_classes(given: np.ndarray, labels: np.ndarray) -> np.ndarray | None:
    """Args: (n, places..., classes) probabilities and (n, places...) class numbers."""
    classes = given.shape[-1]
    right = np.eye(classes)[labels]
    apart = (given - right).reshape(len(given), -1, classes).mean(axis=1)
    shares = right.reshape(-1, classes).mean(axis=0)
    means = given.reshape(-1, classes).mean(axis=0)
    present = shares > 0
    if present.sum() < 2 or not np.isfinite(given).all():
        return None
    errors = apart.std(axis=0) / math.sqrt(len(apart)) + 1e-12
    is_no_chance = np.abs(apart.mean(axis=0)) > _STANDARD_ERRORS * errors
    is_far = np.abs(np.log(_odds(means) / _odds(shares))) > math.log(_ODDS)
    # Weights make the rare more frequent; what is far off otherwise has not learned its classes.
    is_evener = _entropy(means[present]) > _entropy(shares[present])
    if not (is_no_chance & is_far & present).any() or not is_evener:
        return None
    weights = np.ones(classes)
    weights[present] = implied(given.reshape(-1, classes)[:, present], shares[present])
    return weights


def _odds(shares: np.ndarray) -> np.ndarray:
    shares = np.clip(shares, 1e-9, 1 - 1e-9)
    return shares / (1 - shares)


def _entropy(shares: np.ndarray) -> float:
    shares = shares / shares.sum()
    return float(-(shares * np.log(np.maximum(shares, 1e-12))).sum())


def _say(task: Task, found: class_weights.Weights) -> None:
    words = "; ".join(
        f"{name} ".lstrip()
        + ", ".join(f"{number}: {weight:.3g}" for number, weight in enumerate(each[:10]))
        + (", ..." if len(each) > 10 else "")
        for name, each in found.items()
    )
    logging.warning(
        "task %s: the model answers rare classes more often than they occur, as after a training"
        " with class weights; it is trained further with {%s}. class_weight='none' (in --data"
        " ?class_weight=none) switches this off",
        *(task.name, words),
    )

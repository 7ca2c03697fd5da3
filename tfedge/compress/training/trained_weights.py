"""The class weights that a model was trained with, read from its answers.

A model trained to tell classes apart says each as often as it occurs: at the minimum of the cross
entropy its mean answers on the training data are the shares of the labels. Weights of classes (or
drawing rare ones more often) shift them. The weights that shift them back are found as the shares
of an unlabelled sample are, by expectation and maximization (Saerens, Latinne & Decaestecker 2002,
"Adjusting the outputs of a classifier to new a priori probabilities").

Answers are too even for other reasons as well: smoothed labels, dropout, a training that was too
short. The labels tell: weights are believed where they make the labels likelier than the best
softening of all answers does, and only of a model that has learned to tell its classes apart.
"""

import dataclasses
import math

import numpy as np
from absl import logging

from tfedge.compress import graph, losses
from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.compress.ranges import fake_quantization
from tfedge.data import answers as answers_lib
from tfedge.data import class_weights, splits
from tfedge.data.answers import Answers
from tfedge.data.kind import Kind
from tfedge.data.task import Task

_EXAMPLES = 4096
_FEWEST_NATS = 10.0  # that weights explain more of the labels than softening, or nothing, does
_SKILL = 0.1  # share of the labels' entropy that answers explain; less is a training cut short
_RATIO = 2.5  # between the largest and the smallest weight; less is not worth it
_SOFTENED = np.geomspace(0.25, 8, 31)  # inverse temperatures
_SMOOTHED = np.linspace(0, 0.4, 41)  # shares of a label spread over all classes
_SMALLEST = 1e-6  # of a probability, before its logarithm is taken
_MOST = 100.0  # between the largest and the smallest weight, in units of the balanced ones
_STEPS = 200


def resolved(task: Task, model: k.Model) -> Task:
    """The task with the weights `model` was trained with, where it was and none are given.

    Args:
        task: without weights; one with weights or a loss of its own is given back as it is, as
            is one of words: nobody weighs a vocabulary.
        model: flat tf_keras model, as it comes in.
    """
    kind, told = task.kind_facts, task.class_weight is not None or task.sample_weight is not None
    has_gaps = kind.classes is not None and kind.classes.has_gaps
    if told or task.loss is not None or not kind.answers.are_scores or has_gaps:
        return task
    y = splits.named(task.train.targets())
    if kind.classes is not None:  # streamed ones may be class numbers as floats
        y = {name: labels.astype(np.int64, copy=False) for name, labels in y.items()}
    names = graph.output_names(model)
    if not _are_imbalanced(task, y):
        return task
    answers, rows = _answers(task, model)
    found = {}
    for name, labels in y.items():
        number = names.index(name) if name in names else 0
        given = _probabilities(answers[number], kind, losses.gives_logits(model, number))
        weights = _of_output(given, labels[rows], kind)
        if weights is not None:
            found[name] = weights
    if not found:
        return task
    plain = {
        name: {str(number): round(float(weight), 4) for number, weight in enumerate(each)}
        for name, each in found.items()
    }
    used = plain.get("", plain)
    logging.warning(
        "task %s: the model answers rare classes more often than they occur, as after a training"
        " with class weights; it is trained further with %s. class_weight='none' (in --data"
        " ?class_weight=none) switches this off",
        *(task.name, class_weights.words(used)),
    )
    return dataclasses.replace(task, class_weight=used)


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
        if task.kind_facts.per_label:
            return True
        counts = np.bincount(labels.ravel())
        if counts.max() > 1.5 * counts[counts > 0].min():
            return True
    return False


def _answers(task: Task, model: k.Model) -> tuple[list[np.ndarray], np.ndarray]:
    """The model's outputs to a sample of train, and the rows of the sample."""
    order = np.random.default_rng(task.seed).permutation(len(task.train))[:_EXAMPLES]
    predict = tf.function(lambda x: model(x, training=False), reduce_retracing=True)
    found = []
    for raw, _ in task.train.batches(256, order):
        x = fake_quantization.inputs_of(model, task.normalization(raw))
        found.append([each.numpy() for each in tf.nest.flatten(predict(x))])
    return [np.concatenate(parts) for parts in zip(*found, strict=True)], order


def _probabilities(outputs: np.ndarray, kind: Kind, logits: bool) -> np.ndarray:
    """Outputs as probabilities; one unit for two classes becomes two columns."""
    outputs = np.asarray(outputs, np.float64)
    said = kind.answers_of(outputs.shape[-1])
    if logits:
        outputs = answers_lib.probabilities(outputs, said)
    if kind.per_label or said is Answers.ONE_OF_MANY:
        return outputs
    yes = outputs.reshape(len(outputs), -1) if kind.one_class else outputs[..., :1]
    return np.concatenate([1 - yes, yes], axis=-1)


def _of_output(given: np.ndarray, labels: np.ndarray, kind: Kind) -> np.ndarray | None:
    """The weights of one output; None where its answers are as frequent as the labels."""
    if not kind.per_label:
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
    examples, classes = len(given), given.shape[-1]
    given, labels = given.reshape(-1, classes), labels.ravel()
    shares = np.bincount(labels, minlength=classes) / len(labels)
    present = shares > 0
    if present.sum() < 2 or not np.isfinite(given).all():
        return None
    shares, means = shares[present], given.mean(axis=0)[present]
    given = np.clip(given[:, present], _SMALLEST, None)
    labels = (np.cumsum(present) - 1)[labels]
    # Weights make the rare more frequent; what is far off otherwise has not learned its classes.
    if _entropy(means) <= _entropy(shares):
        return None
    found = implied(given, shares)
    if np.ptp(np.log(found)) < math.log(_RATIO) or not _are_told(given, labels, found, examples):
        return None
    weights = np.ones(classes)
    weights[present] = found
    return weights


def _are_told(given: np.ndarray, labels: np.ndarray, weights: np.ndarray, examples: int) -> bool:
    """Whether the labels are likelier by these weights than by what else makes answers even.

    Args:
        given: (decisions, classes) probabilities.
        labels: (decisions,) class numbers.
        weights: (classes,) implied.
        examples: that the decisions belong to; those of one example are no independent evidence.
    """
    classes = given.shape[1]
    entropy = _entropy(np.bincount(labels, minlength=classes) / len(labels))
    weighted = _likelihood(given / weights, labels)
    if 1 + weighted / entropy < _SKILL:
        return False
    others = [_likelihood(given**power, labels) for power in _SOFTENED]
    others += [
        _likelihood(np.maximum(given - share / classes, _SMALLEST), labels) for share in _SMOOTHED
    ]
    return examples * (weighted - max(others)) > _FEWEST_NATS


def _likelihood(scores: np.ndarray, labels: np.ndarray) -> float:
    """The mean logarithm of what labels get, of scores brought to a sum of 1."""
    own = np.take_along_axis(scores, labels[:, np.newaxis], axis=1)[:, 0]
    return float(np.log(np.maximum(own / scores.sum(axis=1), _SMALLEST)).mean())


def _entropy(shares: np.ndarray) -> float:
    shares = shares / shares.sum()
    return float(-(shares * np.log(np.maximum(shares, 1e-12))).sum())

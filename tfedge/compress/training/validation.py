"""The validation metric of a model, again and again while its weights are changed in place."""

import functools
from collections.abc import Callable

import numpy as np

from tfedge.compress import graph, losses
from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.compress.ranges import fake_quantization
from tfedge.data import metrics, splits
from tfedge.data.task import Task

_BATCH = 256


class Validation:
    """Measures the weights that a model has when it is called.

    Attributes:
        metric: the task's.
    """

    def __init__(self, model: k.Model, task: Task, plain: k.Model = None, is_once: bool = False):
        """Choose the metric.

        Args:
            model: flat tf_keras model.
            task: its validation split is read.
            plain: the model without fake quantization, where it has some.
            is_once: whether it is called too seldom for a trace to pay.
        """
        plain = model if plain is None else plain
        self.metric = metrics.for_training(task, losses.gives_logits(plain))
        self._model, self._task, self._names = model, task, graph.output_names(plain)
        self._predict = functools.partial(model, training=False)
        if not is_once:
            self._predict = tf.function(self._predict, reduce_retracing=True)

    def __call__(self) -> float:
        """The metric, in its own units."""
        return float(self.metric.value(*self.answers()))

    def answers(self) -> tuple[splits.Arrays, splits.Arrays]:
        """Outputs and targets of the whole split."""
        found, wanted = [], []
        for raw, y in self._task.validation.batches(_BATCH):
            x = fake_quantization.inputs_of(self._model, self._task.normalization(raw))
            outputs = tf.nest.map_structure(np.asarray, self._predict(x))
            if isinstance(y, dict) and not isinstance(outputs, dict):
                outputs = dict(zip(self._names, tf.nest.flatten(outputs), strict=True))
            found.append(outputs)
            wanted.append(y)
        outputs, targets = (
            tf.nest.map_structure(lambda *parts: np.concatenate(parts), *each)
            for each in (found, wanted)
        )
        return outputs, targets

    def score(self, value: float) -> float:
        """A value of the metric, turned so that more is better."""
        return value if self.metric.higher_is_better else -value


def scorer(model: k.Model, task: Task) -> Callable[[], float]:
    """A function that gives the score of the weights `model` has when it is called.

    Args:
        model: flat tf_keras model.
        task: its validation split is read; its metric is turned so that more is better.
    """
    validation = Validation(model, task)
    return lambda: validation.score(validation())

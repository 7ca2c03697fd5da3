"""The validation metric of a model, again and again while its weights are changed in place."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfedge.compress import graph, losses
from tfedge.compress.keras import tf
from tfedge.compress.ranges import fake_quantization
from tfedge.data import metrics
from tfedge.data.task import Task


def scorer(model: Any, task: Task) -> Callable[[], float]:
    """A function that gives the validation metric of the weights `model` has when it is called.

    Args:
        model: flat tf_keras model.
        task: its validation split is read; its metric is turned so that more is better.
    """
    metric = metrics.for_training(task, losses.gives_logits(model))
    sign = 1.0 if metric.higher_is_better else -1.0
    names = graph.output_names(model)
    predict = tf.function(lambda x: model(x, training=False), reduce_retracing=True)

    def score() -> float:
        found, wanted = [], []
        for raw, y in task.validation.batches(256):
            x = fake_quantization.inputs_of(model, task.normalization(raw))
            outputs = tf.nest.map_structure(np.asarray, predict(x))
            if isinstance(y, dict) and not isinstance(outputs, dict):
                outputs = dict(zip(names, tf.nest.flatten(outputs), strict=True))
            found.append(outputs)
            wanted.append(y)
        joined = (
            tf.nest.map_structure(lambda *parts: np.concatenate(parts), *each)
            for each in (found, wanted)
        )
        return sign * float(metric.value(*joined))

    return score

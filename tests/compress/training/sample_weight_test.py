"""Weights of examples through every kind of training: the rare class stays found."""

import numpy as np
import pytest

from tfedge import Recipe, errors
from tfedge.compress import keras as k
from tfedge.data.task import ArraySplit, Task

layers = k.tf_keras.layers


def _task(several=False, **fields):
    rng = np.random.default_rng(0)
    y = (rng.random(2000) < 0.06).astype(int)
    x = (rng.normal(size=(2000, 2)) + 1.2 * y[:, None]).astype(np.float32)
    split = ArraySplit(x, {"yes": y, "again": y} if several else y)
    counts = np.where(y == 1, 15.0, 1.0)
    return Task("toy", "binary", split, split, split, sample_weight=counts, **fields)


def _model(several=False):
    """It says yes about as often as no, as after a training with these weights."""
    k.tf_keras.utils.set_random_seed(0)
    point = k.tf_keras.Input((2,), name="point")
    x = layers.Dense(2, name="both")(point)
    names = ("yes", "again") if several else ("yes",)
    outputs = [layers.Dense(1, "sigmoid", name=name)(x) for name in names]
    model = k.tf_keras.Model(point, outputs)
    head = [np.full((2, 1), 1.2), np.array([-1.44])]
    model.set_weights([np.eye(2), np.zeros(2), *head * len(names)])
    return model


@pytest.mark.parametrize(
    ("recipe", "fields"),
    [
        ("prune(final_sparsity=0.2, epochs=1, learning_rate=0.02), quantize(epochs=1)", {}),
        ("distill, quantize(epochs=2, learning_rate=0.02)", {}),
        ("quantize(epochs=2, learning_rate=0.02)", {"augment": "mixup"}),
        ("quantize(epochs=2, learning_rate=0.02)", {"several": True}),
    ],
)
def test_the_rare_class_that_counts_more_is_still_found(recipe, fields):
    task = _task(**fields)
    candidate = Recipe.parse(recipe).apply(_model(fields.get("several", False)), task)
    answers = candidate.model.predict(task.train.x, verbose=0)
    y = task.train.targets()
    for found in answers if isinstance(answers, list) else [answers]:
        rare = (y["yes"] if isinstance(y, dict) else y) == 1
        assert (found[rare] > 0.5).mean() > 0.7
        assert (found[~rare] > 0.5).mean() < 0.35


def test_named_outputs_are_not_mixed():
    with pytest.raises(errors.BadInput, match=r"augment=mixup: it mixes the targets of one output"):
        _task(several=True, augment="mixup")

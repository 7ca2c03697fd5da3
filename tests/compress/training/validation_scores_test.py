import dataclasses

import numpy as np
import pytest

from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate, Quantization
from tfedge.compress.passes import prune
from tfedge.compress.ranges import fake_quantization
from tfedge.compress.training import validation_scores
from tfedge.data.metric import Metric
from tfedge.data.task import ArraySplit, Task

X = np.arange(600, dtype=np.float32).reshape(300, 2) / 600
Y = np.arange(300) % 2


def _task(**fields):
    split = ArraySplit(X, Y)
    return Task("t", "classification", split, split, split, **fields)


def _model():
    """Two units, of which the second is surer by 0.5 times the first input."""
    inputs = k.tf_keras.Input((2,), name="x")
    dense = k.tf_keras.layers.Dense(2, "softmax", name="classes")
    model = k.tf_keras.Model(inputs, dense(inputs))
    dense.set_weights([np.array([[0.0, 0.5], [0.0, 0.0]]), np.array([0.2001, 0.0])])
    return model


def _surety():
    """(300,) the probability of the right class."""
    yes = 1 / (1 + np.exp(0.2001 - 0.5 * X[:, 0]))
    return np.where(Y == 1, yes, 1 - yes)


def test_loss_and_metric_are_those_of_the_whole_split():
    found = validation_scores.of(Candidate(_model()), _task())
    sure = _surety()
    assert found == {
        "loss": pytest.approx(-np.log(sure).mean(), rel=1e-5),
        "accuracy": pytest.approx((sure > 0.5).mean()),
    }


def test_classes_count_in_the_loss_as_they_do_in_training():
    found = validation_scores.of(Candidate(_model()), _task(class_weight={0: 3.0, 1: 1.0}))
    weights = np.where(Y == 0, 1.5, 0.5)
    assert found["loss"] == pytest.approx((-np.log(_surety()) * weights).mean(), rel=1e-5)


def test_a_candidate_with_ranges_is_measured_with_them():
    model = _model()
    names = fake_quantization.calibrate(model, _task())
    narrow = dict.fromkeys(names, (0.0, 0.001))
    found = validation_scores.of(Candidate(model, quantization=Quantization(narrow)), _task())
    assert found["loss"] != pytest.approx(-np.log(_surety()).mean(), rel=1e-3)


def test_a_task_without_a_loss_has_no_scores():
    metric = Metric("own", True, lambda outputs, y: 0.0)
    task = dataclasses.replace(_task(), kind="custom", metric=metric)
    assert validation_scores.of(Candidate(_model()), task) == {}


def test_targets_that_the_outputs_do_not_have_give_no_scores():
    split = ArraySplit(X, Y + 2)
    task = dataclasses.replace(_task(), validation=split)
    assert validation_scores.of(Candidate(_model()), task) == {}


def test_each_pass_says_what_it_found_and_what_it_left():
    harsh = prune.Prune(final_sparsity=0.75, epochs=0)
    once = harsh(Candidate(_model()), _task())
    twice = harsh(once, _task())
    first, second = (report.validation for report in twice.reports)
    assert first["loss"]["before"] == pytest.approx(-np.log(_surety()).mean(), rel=1e-5)
    assert first["loss"]["after"] == second["loss"]["before"]
    assert first == once.reports[0].to_json()["validation"]
    assert set(first) == {"loss", "accuracy"}

import dataclasses

import numpy as np
import pytest

from tfedge import errors
from tfedge.data import metrics, task
from tfedge.data.scoring import scores


def _task(y, kind, metric=None, labels=()):
    y = y if isinstance(y, dict) else np.asarray(y)
    length = len(next(iter(y.values()))) if isinstance(y, dict) else len(y)
    split = task.ArraySplit(np.zeros((length, 1)), y)
    return task.Task("toy", kind, split, split, split, split, metric=metric, labels=labels)


def test_accuracy_of_classes():
    metric = metrics.resolve(_task([0, 1, 1], "classification"))
    outputs = np.array([[0.9, 0.1], [0.4, 0.6], [0.8, 0.2]])
    y = np.array([0, 1, 1])
    assert metric.value(outputs, y) == pytest.approx(2 / 3)
    assert metric.correct(outputs, y).tolist() == [True, True, False]
    assert (metric.name, metric.higher_is_better) == ("accuracy", True)


def test_nan_outputs_are_wrong():
    metric = metrics.resolve(_task([0, 1], "classification"))
    assert metric.value(np.array([[np.nan, 0.0], [np.nan, 1.0]]), np.array([0, 1])) == 0


@pytest.mark.parametrize(("logits", "expected"), [(False, [False, True]), (True, [True, False])])
def test_binary_threshold(logits, expected):
    metric = metrics.resolve(_task([1, 0], "binary"), logits)
    assert metric.correct(np.array([[0.3], [0.1]]), np.array([1, 0])).tolist() == expected


def test_multilabel_accuracy_is_per_label():
    metric = metrics.resolve(_task([[1, 0], [1, 1]], "multilabel"))
    outputs, y = np.array([[0.9, 0.9], [0.6, 0.7]]), np.array([[1, 0], [1, 1]])
    assert metric.value(outputs, y) == 0.75
    assert metric.correct is None
    assert metric.per_example(outputs, y).tolist() == [0.5, 1]


def test_segmentation_accuracy_is_per_pixel():
    metric = metrics.resolve(_task([[[0, 1]]], "segmentation"))
    outputs = np.array([[[[0.9, 0.1], [0.8, 0.2]]]])
    assert metric.value(outputs, np.array([[[0, 1]]])) == 0.5
    assert metric.correct is None


@pytest.mark.parametrize(("logits", "expected"), [(False, 0.75), (True, 0.5)])
def test_one_unit_for_each_step_tells_two_classes(logits, expected):
    metric = metrics.resolve(_task([[0, 1]], "segmentation"), logits)
    outputs = np.array([[[0.2], [0.8]], [[0.4], [0.3]]])
    assert metric.value(outputs, np.array([[0, 1], [0, 1]])) == expected


def test_top5_breaks_ties_by_index():
    outputs = np.zeros((2, 7))
    assert scores.in_top5(outputs, np.array([4, 5])).tolist() == [1, 0]
    outputs[1] = [6, 5, 4, 3, 2, 1, 0]
    assert scores.in_top5(outputs, np.array([6, 4])).tolist() == [0, 1]


def test_top5_of_few_classes_is_refused():
    with pytest.raises(errors.BadInput, match="always 1"):
        metrics.resolve(_task([0, 1, 2, 3, 4], "classification", "top5"))


def test_macro_f1_by_hand():
    metric = metrics.resolve(_task([0, 0, 0, 1], "classification", "macro_f1"))
    outputs = np.eye(2)[[0, 0, 1, 1]]
    assert metric.value(outputs, np.array([0, 0, 0, 1])) == pytest.approx((0.8 + 2 / 3) / 2)


@pytest.mark.parametrize("kind", ["classification", "multilabel", "binary"])
def test_macro_f1_and_auc_agree_with_scikit_learn(kind):
    reference = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    if kind == "multilabel":
        y, outputs = rng.integers(0, 2, (30, 3)), rng.random((30, 3)).round(1)
        chosen = (outputs > 0.5).astype(int)
    elif kind == "binary":
        y, outputs = rng.integers(0, 2, 30), rng.random(30).round(1)
        chosen = (outputs > 0.5).astype(int)
    else:
        y, outputs = rng.integers(0, 4, 30), rng.dirichlet(np.ones(4), 30)
        chosen = outputs.argmax(axis=1)
    f1 = metrics.resolve(_task(y, kind, "macro_f1")).value(outputs, y)
    auc = metrics.resolve(_task(y, kind, "auc")).value(outputs, y)
    assert all(
        metrics.resolve(_task(y, kind, each)).higher_is_better for each in ("macro_f1", "auc")
    )
    assert f1 == pytest.approx(reference.f1_score(y, chosen, average="macro"))
    assert auc == pytest.approx(reference.roc_auc_score(y, outputs, multi_class="ovr"))


def test_auc_of_logits_is_that_of_their_softmax():
    rng = np.random.default_rng(1)
    logits, y = rng.normal(size=(20, 3)), rng.integers(0, 3, 20)
    soft = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    made = _task(y, "classification", "auc")
    assert metrics.resolve(made, logits=True).value(logits, y) == pytest.approx(
        metrics.resolve(made).value(soft, y)
    )


def test_mean_absolute_error_is_lower_better():
    metric = metrics.resolve(_task([1.0, 3.0], "regression"))
    assert metric.value(np.array([[2.0], [5.0]]), np.array([1.0, 3.0])) == 1.5
    assert not metric.higher_is_better


def test_root_mean_squared_error_weighs_large_errors_and_is_guessed_by_the_mean():
    made = _task([1.0, 1.0, 1.0, 9.0], "regression", "root_mean_squared_error")
    metric = metrics.resolve(made)
    assert metric.value(np.array([[1.0], [1.0], [1.0], [5.0]]), made.validation.targets()) == 2.0
    assert not metric.higher_is_better and metric.correct is None
    # The mean, 3, errs by 2, 2, 2 and 6; the median, 1, by 8 once.
    assert metrics.chance(made) == pytest.approx(np.sqrt((3 * 4 + 36) / 4))


def test_training_chooses_by_errors_in_units_of_each_outputs_spread():
    """A dollar of a price is nothing beside a day of a delivery."""
    y = {"price": np.array([1000.0, 3000.0]), "days": np.array([1.0, 3.0])}
    late = {"price": y["price"], "days": y["days"] + 1}
    dear = {"price": y["price"] + 100, "days": y["days"]}
    metric = metrics.for_training(_task(y, "regression"))
    assert metric.name == "relative_mean_absolute_error" and not metric.higher_is_better
    found = [metric.value(outputs, y) for outputs in (late, dear)]
    assert found == pytest.approx([0.5, 0.05])
    chosen = _task(y, "regression", "mean_absolute_error:days")
    assert metrics.for_training(chosen).value(late, y) == 1
    assert metrics.for_training(_task(y["days"], "regression")).name == "mean_absolute_error"


def test_columns_in_units_of_their_own_count_alike():
    y = np.array([[1000.0, 1.0], [3000.0, 3.0]], np.float32)
    late, dear = y + np.array([0, 1], np.float32), y + np.array([100, 0], np.float32)
    made = _task(y, "regression")
    metric = metrics.for_training(made)
    assert metric.name == "relative_mean_absolute_error"
    assert [metric.value(each, y) for each in (late, dear)] == pytest.approx([0.5, 0.05])
    named = metrics.for_training(_task({"both": y}, "regression"))
    assert named.value({"both": late}, {"both": y}) == pytest.approx(0.5)
    assert named.value({"more": dear, "both": late}, {"both": y}) == pytest.approx(0.5)
    asked = _task(y, "regression", "relative_absolute_error")
    assert metrics.for_training(asked).name == "relative_absolute_error"
    judged = metrics.resolve(asked)
    assert judged.value(late, y) == pytest.approx(0.5) and judged.per_example is None
    assert judged.value(dear, y) == pytest.approx(0.05) and not judged.higher_is_better
    still = np.column_stack([y, np.full(2, 7.0, np.float32)])  # divided by nothing next to zero
    found = metrics.for_training(_task(still, "regression"))
    assert found.value(still + np.array([0, 1, 0]), still) == pytest.approx(1 / 3)
    vector = np.tile(y, 20)
    assert metrics.for_training(_task(vector, "regression")).name == "mean_absolute_error"
    alike = _task(y / np.array([1000, 0.2]), "regression")
    assert metrics.for_training(alike).name == "mean_absolute_error"


def test_training_chooses_by_all_outputs_that_have_a_metric_of_their_own():
    """The first would be right after any epoch; the second is what epochs differ in."""
    y = {"class": np.array([0, 0, 1, 1]), "size": np.array([10.0, 10.0, 30.0, 50.0])}
    made = dataclasses.replace(
        _task(y, "custom", "accuracy:class"), more_metrics=("mean_absolute_error:size",)
    )
    metric = metrics.for_training(made)
    assert metric.name == "error_beside_guessing" and not metric.higher_is_better
    right, wrong = np.eye(2)[[0, 0, 1, 1]], np.eye(2)[[0, 0, 1, 0]]
    # Guessing gets half of the classes, and errs by 15, the median of 20.
    cases = [(right, 0.0, 0.0), (right, 3.0, 0.1), (wrong, 3.0, 0.35), (wrong, 15.0, 0.75)]
    for classes, error, share in cases:
        found = metric.value({"class": classes, "size": y["size"][:, None] + error}, y)
        assert found == pytest.approx(share)
    same = dataclasses.replace(made, more_metrics=("macro_f1:class",))
    assert metrics.for_training(same).name == "accuracy:class"
    assert metrics.for_training(dataclasses.replace(made, more_metrics=())).name == "accuracy:class"


def test_several_outputs_are_averaged_or_one_is_chosen():
    y = {"a": np.array([0, 1]), "b": np.array([1, 1])}
    outputs = {"a": np.array([[1, 0], [0, 1]]), "b": np.array([[1, 0], [0, 1]])}
    made = _task(y, "classification")
    assert metrics.resolve(made).value(outputs, y) == 0.75
    assert metrics.resolve(made).correct is None
    chosen = metrics.resolve(dataclasses.replace(made, metric="accuracy:b"))
    assert (chosen.name, chosen.outputs) == ("accuracy:b", ("b",))
    each = metrics.judged(made)
    assert [metric.name for metric in each] == ["accuracy:a", "accuracy:b"]
    assert [metric.value(outputs, y) for metric in each] == [1, 0.5]
    assert [metrics.chance(made, metric) for metric in each] == [0.5, 1]
    # Guessing the commoner class of each: 0.5 of a, all of b.
    assert metrics.chance(made) == 0.75
    assert chosen.correct(outputs, y).tolist() == [False, True]


def test_custom_metrics_are_used_as_they_are():
    own = metrics.Metric("distance", False, lambda outputs, y: 7.0)
    assert metrics.resolve(_task([[1, 2]], "custom", own)) is own
    with pytest.raises(errors.BadInput, match="no usual metric"):
        metrics.resolve(_task([[1, 2]], "custom"))


@pytest.mark.parametrize(
    ("metric", "kind", "message"),
    [
        ("acuracy", "binary", "Did you mean 'accuracy'"),
        ("auc", "regression", "Use mean_absolute_error"),
        ("mean_absolute_error", "binary", "Use accuracy, macro_f1, auc"),
    ],
)
def test_metrics_that_do_not_fit_are_refused(metric, kind, message):
    with pytest.raises(errors.BadInput, match=message):
        metrics.resolve(_task([0, 1], kind, metric))


@pytest.mark.parametrize(
    ("kind", "y", "metric", "expected"),
    [
        ("classification", [0, 0, 0, 1], None, 0.75),
        ("classification", [0, 1, 2, 3], "auc", 0.5),
        ("classification", [0, 1, 2, 3], "macro_f1", 0.25),
        ("classification", list(range(10)), "top5", 0.5),
        ("binary", [1, 1, 1, 0, 0], None, 0.6),
        ("multilabel", [[1, 0], [1, 0], [0, 1], [1, 0]], None, 0.75),
        ("segmentation", [[[0, 0], [0, 1]]], None, 0.75),
        ("regression", [1.0, 2.0, 6.0], None, 5 / 3),
    ],
)
def test_chance(kind, y, metric, expected):
    assert metrics.chance(_task(y, kind, metric)) == pytest.approx(expected)


def test_chance_of_custom_tasks_is_unknown():
    assert metrics.chance(_task([1], "custom")) is None


def test_an_auc_with_a_broken_answer_is_no_number():
    metric = metrics.resolve(_task([0, 1, 1], "binary", "auc"))
    assert np.isnan(metric.value(np.array([0.1, np.nan, 0.9]), np.array([0, 1, 1])))


def test_the_guess_at_labels_by_macro_f1():
    # Of labels in 3/4 and 1/4 of the examples a coin has F1 = 2s / (2s + 1): 0.6 and 1/3. Always
    # yes to the common one has 6/7 and 0.
    y = [[1, 0], [1, 0], [0, 1], [1, 0]]
    found = metrics.chance(_task(y, "multilabel", "macro_f1"))
    assert found == pytest.approx(max((0.6 + 1 / 3) / 2, (6 / 7) / 2))

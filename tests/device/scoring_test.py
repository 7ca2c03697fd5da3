import dataclasses
import pathlib

import numpy as np
import pytest

from tfedge import errors
from tfedge.data import metrics
from tfedge.device import inference, judged_outputs, sandbox, scoring
from tfedge.device.file import tflite

FILES = pathlib.Path(__file__).parent / "files"
WRONG = ((2, 7), (0, 2))  # of the zeros and the ones, after and before
OUTCOME = sandbox.Outcome(None, {}, {})


@pytest.fixture
def run_of(stored):
    def make(outputs, y, content=None):
        file = tflite.read(content or stored("image_float"))
        return inference.Run(file, "it", y, outputs, None, None, None, OUTCOME)

    return make


def _without_softmax(model):
    graph = model.subgraphs[0]
    softmax = graph.operators.pop()
    graph.outputs = [softmax.inputs[0]]
    model.signatureDefs[0].outputs[0].tensorIndex = softmax.inputs[0]


def test_the_last_operator_tells_probabilities_from_logits(stored, edited):
    for name in ("image_float", "image_int8", "image_uint8_raw"):  # uint8: behind a QUANTIZE
        file = tflite.read(stored(name))
        assert judged_outputs.is_probability(file, file.outputs[0].index)
    cut = tflite.read(edited(stored("image_float"), _without_softmax))
    assert not judged_outputs.is_probability(cut, cut.outputs[0].index)


def test_an_input_handed_through_is_no_probability(stored):
    file = tflite.read(stored("image_float"))
    assert not judged_outputs.is_probability(file, file.inputs[0].index)


def test_logits_are_compared_with_zero(stored, edited, run_of, task_of):
    y = np.array([0, 1, 0, 1])
    task = task_of(np.zeros((4, 1)), y, kind="binary")
    logits = {"output": np.array([[-1.0], [0.2], [-0.1], [3.0]])}
    cut = edited(stored("image_float"), _without_softmax)
    assert scoring.score(task, run_of(logits, y, cut), None).candidate.value == 1.0
    assert scoring.score(task, run_of(logits, y), None).candidate.value == 0.75


def test_logits_against_probabilities_are_made_alike(stored, edited, run_of, task_of):
    y = np.array([0, 1] * 10)
    task = task_of(np.zeros((20, 1)), y, kind="binary")
    logits = np.where(y == 1, 0.2, -0.2)[:, None]
    ours = run_of({"output": logits}, y, edited(stored("image_float"), _without_softmax))
    theirs = run_of({"output": 0.5 + logits}, y)
    scores = scoring.score(task, ours, theirs)
    assert scores.candidate.value == scores.baseline.value == 1.0
    np.testing.assert_allclose(scores.candidate.outputs, 1 / (1 + np.exp(-logits)))


def test_regression_has_no_right_and_wrong(run_of, task_of):
    y = np.linspace(0, 1, 20, dtype=np.float32)[:, None]
    task = task_of(np.zeros((20, 1)), y, kind="regression")
    scores = scoring.score(task, run_of({"output": y + 0.1}, y), run_of({"output": y}, y))
    value = scores.metric_value(20)
    assert (value.name, round(value.value, 3), value.baseline) == ("mean_absolute_error", 0.1, 0.0)
    assert value.interval is None
    assert value.paired is None
    assert scores.per_class(task, y) == ()
    assert not scoring.has_classes(task)
    assert scores.candidate.right is None


def _range(outputs, y):
    return float(np.ptp(outputs, axis=0).max())


@pytest.mark.parametrize("kind", ["classification", "binary"])
def test_classes_are_counted_under_a_metric_that_counts_no_right_answers(run_of, task_of, kind):
    """Of 20 zeros 18 are right and 20 were; of 10 ones 3 are and 8 were."""
    y = np.repeat([0, 1], [20, 10])
    shares = [np.r_[np.arange(20) >= zeros, np.arange(10) >= ones] for zeros, ones in WRONG]
    yes = [np.where(right, y, 1 - y) for right in shares]
    outputs = [np.eye(2)[each] if kind == "classification" else each[:, None] for each in yes]
    after, before = (run_of({"output": each.astype(np.float32)}, y) for each in outputs)
    for metric in ("macro_f1", "auc", metrics.Metric("own", True, _range)):
        task = task_of(np.zeros((30, 1)), y, kind=kind, metric=metric)
        scores = scoring.score(task, after, before)
        assert scores.metric_value(30).paired is None and scores.candidate.correct is None
        found = [(each.n, each.value, each.baseline) for each in scores.per_class(task, y)]
        assert found == [(20, 0.9, 1.0), (10, pytest.approx(0.3), 0.8)]
        assert scores.per_slice({"all": np.full(30, "x")})["all"][0].value == pytest.approx(0.7)
        assert scoring.has_classes(task)


def test_a_metric_that_counts_right_answers_tells_them_itself(task_of):
    y = np.arange(40) % 8
    task = task_of(np.zeros((40, 1)), y, metric="top5")
    top5 = metrics.resolve(task)
    assert metrics.counting(task, top5) is top5


def test_of_several_outputs_the_metrics_own_is_counted(run_of, task_of):
    y = {"group": np.arange(20) % 2, "score": np.arange(20) // 10}
    right = {name: np.eye(2)[labels] for name, labels in y.items()}
    half = {**right, "score": np.eye(2)[np.where(np.arange(20) % 4 == 0, 1, y["score"])]}
    task = task_of(np.zeros((20, 1)), y, metric="macro_f1:score")
    found = scoring.score(task, _two(run_of, half, y), _two(run_of, right, y))
    assert found.candidate.right.mean() == 0.85 and found.baseline.right.all()
    assert not scoring.has_classes(task)
    whole = metrics.Metric("own", True, lambda outputs, y: 0.9)
    both = task_of(np.zeros((20, 1)), y, metric=whole)
    assert scoring.score(both, _two(run_of, right, y), None).candidate.right is None


def test_a_baseline_with_nan_outputs_is_broken(run_of, task_of):
    y = np.linspace(0, 1, 20, dtype=np.float32)[:, None]
    task = task_of(np.zeros((20, 1)), y, kind="regression")
    with pytest.raises(errors.BadInput, match="broken"):
        scoring.score(task, run_of({"output": y}, y), run_of({"output": y * np.nan}, y))


def test_a_baseline_that_ranks_rare_positives_is_not_called_broken(run_of, task_of):
    """Accuracy .78, always saying no reaches .9; but three in four positives stand out."""
    y = np.repeat([0, 1], [180, 20])
    answers = np.where(y == 1, np.arange(200) % 4 > 0, np.arange(200) % 5 == 0) * 0.6 + 0.2
    task = task_of(np.zeros((200, 1)), y, kind="binary")
    run = run_of({"output": answers.astype(np.float32)[:, np.newaxis]}, y)
    assert scoring.score(task, run, run).baseline.value < 0.9
    shuffled = np.random.default_rng(0).permutation(answers).astype(np.float32)[:, np.newaxis]
    guessing = run_of({"output": shuffled}, y)
    with pytest.raises(errors.BadInput, match="the baseline itself is broken"):
        scoring.score(task, guessing, guessing)


def test_a_handful_of_examples_do_not_call_a_baseline_broken(run_of, task_of):
    y = np.array([0, 1])
    task = task_of(np.zeros((2, 1)), y, kind="binary")
    right = run_of({"output": np.array([[0.1], [0.9]])}, y)
    assert scoring.score(task, right, right).baseline.value == 1.0


def test_several_outputs_need_named_targets(run_of, task_of):
    y = np.arange(20) % 4
    task = task_of(np.zeros((20, 1)), y)
    two = run_of({"a": np.eye(4)[y], "b": np.eye(4)[y]}, y)
    run = dataclasses.replace(two, file=_with_outputs(two.file, "a", "b"))
    with pytest.raises(errors.BadInput, match="its outputs are a, b"):
        scoring.score(task, run, None)


def _with_outputs(file, *names):
    signature = dataclasses.replace(file.signature, outputs=dict.fromkeys(names, file.outputs[0]))
    return dataclasses.replace(file, signature=signature)


def test_more_labels_than_outputs_are_refused(run_of, task_of):
    y = np.arange(20) % 5
    run = run_of({"output": np.zeros((20, 4))}, y)
    with pytest.raises(errors.BadInput, match="labels go up to 4, the model has 4 outputs"):
        scoring.score(task_of(np.zeros((20, 1)), y), run, None)


def test_one_unit_for_each_step_is_scored(run_of, task_of):
    y = np.tile([0, 1], (20, 1))
    answers = np.where(y == 1, 3.0, -3.0).astype(np.float32)[..., np.newaxis]
    task = task_of(np.zeros((20, 1)), y, kind="segmentation")
    assert scoring.score(task, run_of({"output": answers}, y), None).candidate.value == 1
    with pytest.raises(errors.BadInput, match="labels go up to 2"):
        scoring.score(task, run_of({"output": answers}, y * 2), None)


def test_outputs_of_another_size_than_the_targets_are_refused(run_of, task_of):
    y = np.zeros((20, 3), np.float32)
    run = run_of({"output": np.zeros((20, 1))}, y)
    with pytest.raises(errors.BadInput, match=r"shape \(1,\), the targets \(3,\)"):
        scoring.score(task_of(np.zeros((20, 1)), y, kind="regression"), run, None)


def test_outputs_that_no_target_has(run_of, task_of):
    """A damaged file may say that it gives nothing, or two answers each."""
    y = np.arange(4)
    task = task_of(np.zeros((4, 2)), y)
    for shape in ((4, 0, 4), (4, 2, 4)):
        with pytest.raises(errors.BadInput, match="output has shape"):
            scoring.score(task, run_of({"output": np.zeros(shape, np.float32)}, y), None)


def test_dimensions_of_one_between_examples_and_classes(run_of, task_of):
    y = np.array([0, 1, 2, 1])
    answers = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]].reshape(4, 1, 1, 3)
    scores = scoring.score(task_of(np.zeros((4, 2)), y), run_of({"output": answers}, y), None)
    assert scores.candidate.value == 0.75
    assert scores.candidate.correct.tolist() == [True, True, True, False]


def test_a_metric_that_cannot_be_had_names_the_shapes(run_of, task_of):
    y = {"output": np.arange(4) % 3}
    task = task_of(np.zeros((4, 2)), y, kind="custom", metric="accuracy:output")
    with pytest.raises(errors.BadInput, match=r"accuracy.* cannot be had from outputs of shape"):
        scoring.score(task, run_of({"output": np.zeros((4, 2, 3), np.float32)}, y), None)


def test_a_metric_of_the_users_that_fails_is_named(run_of, task_of):
    y = np.arange(4) % 3
    for value, cause in ((lambda o, y: 1 / 0, "ZeroDivisionError"), (lambda o, y: o, "TypeError")):
        task = task_of(np.zeros((4, 2)), y, metric=metrics.Metric("own", True, value))
        with pytest.raises(errors.BadInput, match=f"own cannot be had.*{cause}"):
            scoring.score(task, run_of({"output": np.eye(3)[y]}, y), None)


def test_one_sigmoid_has_a_calibration_error(run_of, task_of):
    y = np.array([0] * 8 + [1] * 2)
    task = task_of(np.zeros((10, 2)), y, kind="binary")
    run = run_of({"output": np.full((10, 1), 0.2, np.float32)}, y)
    scores = scoring.score(task, run, None)
    probabilities = dataclasses.replace(scores, logits=False)
    assert probabilities.calibration_error(task, y)["value"] == pytest.approx(0, abs=1e-6)


def _two(run_of, outputs, y):
    """A file of two outputs: the classes of "group" are probabilities, "score" is a logit."""
    return run_of(outputs, y, (FILES / "sequence_float.tflite").read_bytes())


def test_each_of_several_outputs_is_judged_so_that_none_loses_while_another_gains(run_of, task_of):
    y = {"group": np.arange(20) % 2, "score": np.arange(20) // 10}
    right = {name: np.eye(2)[labels] for name, labels in y.items()}
    before, after = (
        {**right, name: np.where(np.arange(20)[:, None] < 4, 1 - right[name], right[name])}
        for name in ("group", "score")
    )
    task = task_of(np.zeros((20, 1)), y)
    found = scoring.score(task, _two(run_of, after, y), _two(run_of, before, y))
    values = [
        (each.metric.name, each.baseline.value, each.candidate.value)
        for each in (found, *found.more)
    ]
    assert values == [("accuracy:group", 0.8, 1.0), ("accuracy:score", 1.0, 0.8)]
    assert found.unjudged == ()
    assert (found.chance, found.more[0].chance) == (0.5, 0.5)


def test_logits_beside_probabilities_are_compared_with_zero(run_of, task_of):
    y = {"group": np.arange(4) % 2, "score": np.array([0, 1, 1, 0])}
    outputs = {"group": np.eye(2)[y["group"]], "score": np.array([[-1.0], [0.2], [0.4], [-3.0]])}
    for kind, metric in (("custom", "accuracy:group,accuracy:score"), ("binary", None)):
        task = task_of(np.zeros((4, 1)), y, kind=kind, metric=metric)
        found = scoring.score(task, _two(run_of, outputs, y), None)
        assert [each.candidate.value for each in (found, *found.more)] == [1, 1]


def test_a_weak_guess_is_known_for_every_output_of_a_custom_task(run_of, task_of):
    y = {"group": np.repeat([0, 1, 2], (6, 2, 2)), "score": np.arange(10.0)[:, None]}
    outputs = {"group": np.eye(3)[y["group"]], "score": y["score"]}
    metric = "accuracy:group,mean_absolute_error:score"
    task = task_of(np.zeros((10, 1)), y, kind="custom", metric=metric)
    found = scoring.score(task, _two(run_of, outputs, y), None)
    assert [each.chance for each in (found, *found.more)] == [0.6, 2.5]
    own = metrics.Metric("own", True, lambda outputs, y: 1 / len(outputs["group"]))
    task = dataclasses.replace(task, metric=own, more_metrics=())
    assert scoring.score(task, _two(run_of, outputs, y), None).chance is None


def test_targets_without_a_name_belong_to_the_only_output_they_fit(run_of, task_of):
    y = np.arange(20) % 3
    outputs = {"score": np.zeros((20, 1)), "group": np.eye(3)[y]}
    found = scoring.score(task_of(np.zeros((20, 1)), y), _two(run_of, outputs, y), None)
    assert (found.candidate.value, found.unjudged) == (1.0, ("score",))
    for shape in ((20, 3), (20, 4)):
        both = {**outputs, "score": np.zeros(shape)}
        with pytest.raises(errors.BadInput, match=r"score, group fit it.*y_test__NAME"):
            scoring.score(task_of(np.zeros((20, 1)), y), _two(run_of, both, y), None)


def test_an_output_that_no_metric_looks_at_is_found(run_of, task_of):
    y = {"group": np.arange(4) % 2, "score": np.arange(4) % 2}
    outputs = {name: np.eye(2)[labels] for name, labels in y.items()}

    def unjudged(metric, y=y):
        task = task_of(np.zeros((4, 1)), y, metric=metric)
        return scoring.score(task, _two(run_of, outputs, y), None).unjudged

    whole = metrics.Metric("own", True, lambda outputs, y: 0.0)
    assert unjudged("accuracy:group") == ("score",)
    assert unjudged("accuracy:group,auc:score") == unjudged(whole) == ()
    assert unjudged(whole, {"group": y["group"]}) == ("score",)

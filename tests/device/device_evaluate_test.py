import dataclasses

import bare_loop
import numpy as np
import pytest

import tfedge
from tfedge import errors
from tfedge.data.task import StreamSplit
from tfedge.device import evaluate
from tfedge.release import gate


@dataclasses.dataclass(frozen=True)
class AtMost:
    """A promise of few values in a channel."""

    layer: str
    promised: int
    kind: str = "levels"

    def read(self, values, channel_axis, scales):
        rows = np.moveaxis(values, channel_axis, 0).reshape(values.shape[channel_axis], -1)
        found = max(len(np.unique(row)) for row in rows)
        return self.promised, np.int64(found), np.bool_(found <= self.promised)


@pytest.fixture(scope="module")
def card(stored, image_task):
    holds = (AtMost("conv", 7), AtMost("depthwise", 3), AtMost("gone", 2))
    return tfedge.evaluate(
        stored("image_int8"), image_task, "entry_phone", stored("image_float"), holds
    )


def test_int8_is_judged_on_every_example(card, stored, image_task):
    x = image_task.holdout.x.astype(np.float32) / 16
    codes = np.rint(x / np.float32(1 / 255)).astype(int) - 128
    expected = bare_loop.answer(stored("image_int8"), codes.astype(np.int8)).argmax(1)
    np.testing.assert_array_equal(card.candidate_outputs.argmax(1), expected)
    assert card.metric.value == np.mean(expected == image_task.holdout.y)
    assert card.metric.baseline == 1.0
    assert card.metric.n == 200
    assert card.metric.paired["only_candidate"] == 0
    assert sum(card.metric.paired.values()) == 200
    assert card.metric.interval[0] < card.metric.value < card.metric.interval[1]


def test_answers_stay_on_the_scorecard_for_the_gate(card):
    assert card.baseline_correct.all()
    assert card.candidate_correct.mean() == card.metric.value
    assert card.judged_by.name == "accuracy"
    assert card.baseline_outputs.shape == card.candidate_outputs.shape == (200, 4)


def test_what_was_measured(card, stored):
    assert 0 < card.host.p50 <= card.host.p99
    assert card.host.threads in (1, 2)
    assert card.baseline_host.p50 > 0
    assert 0 < card.peak_memory_bytes < 64 * 2**20
    assert card.delegated_fraction == 0.8  # XNNPACK leaves int8 softmax to the interpreter
    assert card.file_bytes == len(stored("image_int8"))
    assert card.baseline_file_bytes == len(stored("image_float"))
    assert card.operators["CONV_2D"] == 1
    assert card.limits_in_force["memory_bytes"] == 128 * 2**20


def test_per_class(card):
    assert [c.label for c in card.per_class] == ["a", "b", "c", "d"]
    assert sum(c.n for c in card.per_class) == 200
    assert all(c.baseline == 1.0 for c in card.per_class if c.n)


def test_holds_are_read_from_the_file(card):
    assert card.holds == (
        {"kind": "levels", "tensor": "conv", "promised": 7, "found": 7, "kept": True},
        {"kind": "levels", "tensor": "depthwise", "promised": 3, "found": 7, "kept": False},
        {
            "kind": "levels",
            "tensor": "gone",
            "promised": None,
            "found": "tensor not found",
            "kept": False,
        },
    )
    assert type(card.holds[0]["found"]) is int


def test_raw_bytes_through_a_stream(stored, image_task):
    """The normalisation is in the file; the examples are read a few at a time."""
    whole, asked = image_task.holdout, []

    def read(rows):
        asked.append(len(rows))
        return whole.x[rows]

    stream = dataclasses.replace(image_task, holdout=StreamSplit(read, lambda: whole.y))
    card = evaluate.evaluate(stored("image_uint8_raw"), stream)
    assert card.metric.value > 0.9
    assert card.metric.baseline is None
    assert card.metric.paired is None
    assert sum(asked) == 200 + 64  # once each, and a few more to tell which examples these are
    assert card.held_out.startswith("labels and 64 inputs: ")


def test_two_inputs_and_outputs_by_name(stored, task_of):
    random = np.random.default_rng(0)
    x = {"extra": random.normal(size=(40, 2)), "steps": random.normal(size=(40, 5, 3))}
    y = {"group": np.arange(40) % 3, "score": np.zeros((40, 1), np.float32)}
    task = task_of(x, y, kind="custom", metric="accuracy:group")
    card = evaluate.evaluate(stored("sequence_float"), task)
    assert card.candidate_outputs["group"].shape == (40, 3)
    assert card.candidate_outputs["score"].shape == (40, 1)
    assert card.metric.value == np.mean(card.candidate_outputs["group"].argmax(1) == y["group"])


def test_one_of_two_outputs_cannot_lose_unseen(stored, task_of):
    """A class (probabilities) and a yes or no (logits), each with its own row in the verdict."""
    random = np.random.default_rng(0)
    x = {"extra": random.normal(size=(400, 2)) * 9, "steps": random.normal(size=(400, 5, 3)) * 9}
    blank = {"group": np.arange(400) % 3, "score": np.arange(400) % 2}
    content, metric = stored("sequence_float"), "accuracy:group,accuracy:score"
    answers = evaluate.evaluate(content, task_of(x, blank, kind="custom", metric=metric))
    found = answers.candidate_outputs
    y = {"group": found["group"].argmax(1), "score": (found["score"][:, 0] > 0).astype(int)}
    task = task_of(x, y, kind="custom", metric=metric)
    card = evaluate.evaluate(content, task, baseline=content)
    assert [each.name for each in (card.metric, *card.more_metrics)] == metric.split(",")
    assert [each.value for each in (card.metric, *card.more_metrics)] == [1, 1]
    worse = dict(found, score=-found["score"])
    verdict = gate.gate(dataclasses.replace(card, candidate_outputs=worse))
    failed = [check.name for check in verdict.checks if check.outcome == "FAIL"]
    assert failed == ["metric: accuracy:score"]
    alone = evaluate.evaluate(content, task_of(x, y["group"]))
    assert (alone.metric.value, alone.unjudged) == (1, ("score",))


def test_too_hungry_for_the_phone_is_a_failure_with_both_numbers(stored, task_of):
    task = task_of(np.zeros((3, 8, 8, 1), np.uint8), np.zeros((3, 8)), kind="multilabel")
    card = evaluate.evaluate(stored("hungry_float"), task, "wearable")
    assert card.failure.kind == "memory"
    assert "33,554,432 are allowed" in card.failure.detail
    assert card.metric is None
    assert card.host is None
    assert card.file_bytes == 1600


def test_an_operator_the_runtime_lacks_is_a_failure(stored, edited, image_task):
    def flexed(model):
        code = model.operatorCodes[model.subgraphs[0].operators[-1].opcodeIndex]
        code.builtinCode = code.deprecatedBuiltinCode = 32
        code.customCode = b"FlexFFT"

    card = evaluate.evaluate(edited(stored("image_float"), flexed), image_task)
    assert card.failure.kind == "error"
    assert "FlexFFT" in card.failure.detail
    assert card.flex_operators == ("FlexFFT",)
    assert "TensorFlow" in str(card.incompatible[0])


def test_a_baseline_at_chance_is_refused(stored, image_task):
    wrong = np.random.default_rng(1).integers(0, 4, 200)
    split = dataclasses.replace(image_task.holdout, y=wrong)
    task = dataclasses.replace(image_task, holdout=split)
    with pytest.raises(errors.BadInput, match="the baseline itself is broken"):
        evaluate.evaluate(stored("image_int8"), task, baseline=stored("image_float"))


def test_a_baseline_that_does_not_run_is_refused(stored, edited, image_task):
    def custom(model):
        code = model.operatorCodes[model.subgraphs[0].operators[-1].opcodeIndex]
        code.builtinCode = code.deprecatedBuiltinCode = 32
        code.customCode = b"Mine"

    broken = edited(stored("image_float"), custom)
    with pytest.raises(errors.BadInput, match=r"baseline .*does not run: error"):
        evaluate.evaluate(stored("image_int8"), image_task, baseline=broken)


def test_data_that_does_not_fit(stored, image_task, task_of):
    flat = task_of(np.zeros((9, 64), np.uint8), np.zeros(9, int), labels=("a", "b"))
    with pytest.raises(errors.BadInput, match=r"shape \(8, 8, 1\), the data's have \(64,\)"):
        evaluate.evaluate(stored("image_int8"), flat)
    with pytest.raises(errors.BadInput, match="its inputs are extra, steps"):
        evaluate.evaluate(stored("sequence_float"), image_task)
    with pytest.raises(errors.BadInput, match="no held-out examples"):
        evaluate.evaluate(stored("image_int8"), image_task.without_holdout())


def test_a_split_that_shuffles_is_refused(stored, image_task):
    """Pairs of different examples would look like disagreement."""
    random = np.random.default_rng(0)
    whole = image_task.holdout

    class Shuffled(type(whole)):
        def batches(self, batch_size, order=None):
            order = random.permutation(len(self))
            return super().batches(batch_size, order)

    task = dataclasses.replace(image_task, holdout=Shuffled(whole.x, whole.y))
    with pytest.raises(errors.BadInput, match="another order, each time"):
        evaluate.evaluate(stored("image_int8"), task, baseline=stored("image_float"))


def test_a_time_limit(stored, image_task):
    card = evaluate.evaluate(stored("image_int8"), image_task, seconds=0.01)
    assert card.failure.kind == "timeout"


def test_a_baseline_is_run_once_for_all_that_is_compared_with_it(stored, image_task):
    before = evaluate.run_baseline(stored("image_float"), image_task)
    card = evaluate.evaluate(stored("image_int8"), image_task, baseline=before)
    assert card.baseline_file_bytes == len(stored("image_float"))
    assert card.metric.baseline == 1.0
    wrong = dataclasses.replace(image_task.holdout, y=image_task.holdout.y[::-1] * 0)
    with pytest.raises(errors.BadInput, match="the baseline itself is broken"):
        evaluate.run_baseline(stored("image_float"), dataclasses.replace(image_task, holdout=wrong))


def test_another_model_beside_the_baseline_changes_nothing_of_it(card, stored, image_task):
    ours, other = stored("image_int8"), evaluate.run_baseline(stored("image_float"), image_task)
    found = evaluate.evaluate(ours, image_task, "entry_phone", ours, beside=other)
    assert found.metric.baseline == found.metric.value and found.beside.beside is None
    assert found.beside.metric.paired == card.metric.paired
    assert found.beside.baseline_file_bytes == len(stored("image_float"))
    assert found.baseline_file_bytes == len(ours)
    assert found.to_json()["baseline_file_bytes"] == len(ours) and "beside" not in found.to_json()


def test_what_is_run_first_is_called_by_its_name(stored, image_task):
    with pytest.raises(errors.BadInput, match="the input model: "):
        evaluate.run_baseline(b"none", image_task, where="the input model")

import dataclasses

import numpy as np
import pytest
from scipy import stats

from tfedge.data import hygiene, task
from tfedge.data.hygiene import drift
from tfedge.data.sources import load_task


@pytest.mark.parametrize(("n", "m", "shift"), [(500, 10000, 0.1), (60, 90, 0.3), (2000, 1500, 0.0)])
def test_kolmogorov_smirnov_agrees_with_scipy(n, m, shift):
    random = np.random.default_rng(n)
    ours, theirs = random.normal(size=n), random.normal(shift, size=m)
    expected = stats.ks_2samp(ours, theirs)
    distance, p_value = drift.kolmogorov_smirnov(ours, theirs)
    assert distance == pytest.approx(expected.statistic)
    assert p_value == pytest.approx(expected.pvalue, rel=0.15, abs=0.01)


def test_chi_square_agrees_with_scipy():
    effect, p_value = drift.chi_square(np.array([30, 50, 0, 20]), np.array([60, 40, 0, 100]))
    expected = stats.chi2_contingency([[30, 50, 20], [60, 40, 100]])
    assert effect == pytest.approx(0.3)
    assert p_value == pytest.approx(expected.pvalue)
    assert drift.chi_square(np.array([5]), np.array([9])) == (0.0, 1.0)


def _task(held_out, labels=None):
    random = np.random.default_rng(0)
    train = task.ArraySplit(random.normal(size=(3000, 5)), np.arange(3000) % 4)
    y = np.arange(len(held_out)) % 4 if labels is None else labels
    calibration = train.take(np.arange(500))
    validation = task.ArraySplit(random.normal(size=(200, 5)), np.arange(200) % 4)
    return task.Task(
        "toy", "classification", train, calibration, validation, task.ArraySplit(held_out, y)
    )


def _rows(findings):
    return findings.of_checks["drift"].rows


def test_false_alarms_stay_below_five_percent_of_tasks():
    random, alarms = np.random.default_rng(1), 0
    for _ in range(100):
        found = _rows(hygiene.examine(_task(random.normal(size=(1000, 5)))))
        alarms += any(each["sure"] for each in found)
    assert alarms <= 10  # 5 expected at most; more than 10 has a chance of 1 %


def test_a_tiny_but_sure_difference_is_no_warning():
    held_out = np.random.default_rng(2).normal(0.05, 1, size=(20000, 5))
    findings = hygiene.examine(_task(held_out))
    assert any(each["sure"] for each in _rows(findings))
    assert findings.warnings == ()


def test_a_channel_that_moved_is_named():
    held_out = np.random.default_rng(2).normal(size=(3000, 5))
    held_out[:, 3] += 2
    findings = hygiene.examine(_task(held_out))
    assert _rows(findings)[0]["of"] == "mean of channel 3"
    assert _rows(findings)[0]["effect"] == pytest.approx(0.68, abs=0.03)
    assert "not drawn like train: mean of channel 3 differs in 6" in findings.warnings[0]
    assert "not drawn like calibration" in findings.warnings[1]


def test_labels_that_moved_are_named():
    random = np.random.default_rng(2)
    labels = random.choice(4, 2000, p=[0.25, 0.25, 0.4, 0.1])
    findings = hygiene.examine(_task(random.normal(size=(2000, 5)), labels))
    assert "labels, most" in findings.warnings[0]
    assert _rows(findings)[0]["effect"] == pytest.approx(0.15, abs=0.03)


def test_brighter_held_out_images_are_warned_about():
    made = load_task("digits")
    brighter = task.ArraySplit(np.minimum(made.holdout.x + 2, 16), made.holdout.y)
    (train, calibration) = hygiene.check(dataclasses.replace(made, holdout=brighter))
    assert "not drawn like train: mean" in train or "lowest value" in train
    assert "not drawn like calibration" in calibration


def test_the_chance_of_all_comparisons_together_decides():
    one = drift.Drift("train", "labels", 0.1, p_value=0.0125, tests=4, before=0.0, after=0.0)
    assert one.is_sure and one.matters
    assert not dataclasses.replace(one, p_value=0.0126).is_sure
    assert not dataclasses.replace(one, effect=0.099).matters


def test_the_largest_difference_of_each_split_is_told_and_how_many_more():
    def one(role, what, effect):
        return drift.Drift(role, what, effect, 1e-9, 3, 0.25, 0.5)

    found = (one("train", "mean", 0.5), one("train", "blue", 0.4), one("calibration", "red", 0.3))
    assert drift.warnings(found, "it") == (
        "it: it is not drawn like train: mean differs in 50% of the examples (0.25 there, 0.5"
        " here); 1 more differ",
        "it: it is not drawn like calibration: red differs in 30% of the examples (0.25 there, 0.5"
        " here)",
    )
    assert drift.warnings((), "it") == ()


def test_small_samples_are_corrected_as_stephens_did():
    ours, theirs = np.array([1.0, 2, 3, 4]), np.array([3.5, 4.5, 5, 6])
    distance, p_value = drift.kolmogorov_smirnov(ours, theirs)
    scaled = (np.sqrt(2) + 0.12 + 0.11 / np.sqrt(2)) * 0.75
    series = 2 * sum((-1) ** (n - 1) * np.exp(-2 * (n * scaled) ** 2) for n in range(1, 20))
    assert distance == 0.75 and p_value == pytest.approx(series)
    assert drift.kolmogorov_smirnov(ours, ours) == (0.0, 1.0)


def test_labels_of_other_widths_and_without_a_word_for_them():
    def told(train, held_out, labels):
        splits = [task.ArraySplit(np.zeros((len(y), 2)), np.array(y)) for y in (train, held_out)]
        made = task.Task(
            "t", "classification", splits[0], splits[0], splits[0], splits[1], labels=labels
        )
        return next(drift._labels(made, "train"))

    what, effect, p_value, before, after = told([0, 0, 1, 1], [0, 2, 2, 2], ("a", "b", "c"))
    assert (what, effect, before, after) == ("labels, most c", 0.75, 0.0, 0.75)
    assert 0 < p_value < 1
    assert told([0, 2, 2, 2], [0, 0, 1, 1], ("a", "b", "c"))[0] == "labels, most c"
    assert told([0, 0, 1, 1], [0, 2, 2, 2], ())[0] == "labels, most 2"

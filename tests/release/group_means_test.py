import numpy as np
import pytest

from tfedge.release import group_means


def test_p_values_are_those_of_students_t():
    stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(1)
    gains = random.normal(-0.1, 1, 60)
    for accepted in (0.0, 0.2):
        expected = stats.ttest_1samp(gains, -accepted, alternative="less").pvalue
        assert group_means._p(gains, accepted) == pytest.approx(expected, rel=0.01)


def test_false_alarms_of_a_family_of_ten():
    random = np.random.default_rng(2)
    slices = {"tenth": np.repeat([f"{n}" for n in range(10)], 50)}
    alarms = 0
    for _ in range(300):
        before = random.lognormal(size=500)
        after = before + random.normal(0, 0.2, 500)
        found = group_means.changes(before, after, slices, higher_is_better=False)
        alarms += any(each.p_worse <= 0.05 for each in found)
    assert alarms <= 0.075 * 300


def test_small_groups_are_left_out_and_broken_outputs_are_worse():
    before, side = np.ones(100), {"side": np.repeat(["few", "many"], [20, 80])}
    after = np.where(np.arange(100) == 50, np.nan, 1.0)
    (only,) = group_means.changes(before, after, side, higher_is_better=False)
    assert only.group == "side: many" and only.p_worse == 0

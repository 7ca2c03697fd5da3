import numpy as np
import pytest

from tfedge.release.statistics import group_means


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


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_means_and_tests_of_a_group_follow_the_direction(higher_is_better):
    before = np.tile([1.0, 2.0, 3.0], 10)
    after = before + np.tile([0.1, 0.2, 0.3], 10)
    settings = {"higher_is_better": higher_is_better}
    (grown,) = group_means.changes(
        before, after, {"side": np.full(30, "a")}, margin=0.2, **settings
    )
    assert (grown.group, grown.n, grown.before) == ("side: a", 30, 2.0)
    assert grown.after == pytest.approx(2.2)
    sign = 1 if higher_is_better else -1
    assert grown.p_worse == pytest.approx(group_means._p(sign * (after - before), 0.0))
    assert grown.p_beyond == pytest.approx(group_means._p(sign * (after - before), 0.4))
    assert (grown.p_worse > 0.5) == higher_is_better
    assert (
        group_means.changes(before[:29], after[:29], {"side": np.full(29, "a")}, **settings) == ()
    )


def test_gains_that_are_all_alike():
    gains = np.full(30, -0.5)
    assert group_means._p(gains, 0.0) == 0 and group_means._p(gains, 0.5) == 1
    assert group_means._p(gains, 0.25) == 0 and group_means._p(-gains, 0.0) == 1


def test_small_groups_are_left_out_and_broken_outputs_are_worse():
    before, side = np.ones(100), {"side": np.repeat(["few", "many"], [20, 80])}
    after = np.where(np.arange(100) == 50, np.nan, 1.0)
    (only,) = group_means.changes(before, after, side, higher_is_better=False)
    assert only.group == "side: many" and only.p_worse == 0

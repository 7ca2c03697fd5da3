import functools
import math

import numpy as np
import pytest

from tfedge.release.statistics import groups, paired

SAME = paired.Pairs(both=90, only_baseline=3, only_candidate=3, neither=4)
WORSE = paired.Pairs(both=80, only_baseline=16, only_candidate=1, neither=3)


def test_holm_multiplies_by_the_tests_that_are_left():
    assert groups.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert groups.holm([0.9, 0.8]) == [1.0, 1.0]
    assert groups.holm([]) == []


def test_a_group_that_got_worse_is_told_from_one_that_did_not():
    same, worse = groups.changes({"a": SAME, "b": WORSE}, margin=0.05)
    assert (same.group, same.n, same.before, same.after, same.lost) == ("a", 100, 0.93, 0.93, 3)
    assert same.p_worse > 0.5 and same.low < 0 < same.high
    assert worse.change == pytest.approx(-0.15)
    # 16 losses of 17 discordant pairs: (17 + 1) / 2^17, times two tests.
    assert worse.p_worse == pytest.approx(2 * 18 / 2**17)
    assert worse.high < 0 and worse.p_beyond < 0.05
    assert groups.changes({"b": WORSE}, margin=0.15)[0].p_beyond == pytest.approx(0.5, abs=0.01)


def test_without_a_margin_both_tests_are_the_exact_one():
    (found,) = groups.changes({"b": WORSE}, margin=0.0)
    assert found.p_worse == found.p_beyond


def test_empty_groups_are_left_out():
    assert groups.changes({"none": paired.Pairs(0, 0, 0, 0)}, 0.05) == ()


def test_bounds_hold_for_all_groups_at_once():
    (alone,) = groups.changes({"b": WORSE}, 0.05)
    together = groups.changes({"b": WORSE, "a": SAME, "c": SAME}, 0.05)[0]
    assert together.low < alone.low and alone.high < together.high


def test_the_score_is_zero_where_it_was_observed():
    assert paired.score(WORSE, -0.15) == pytest.approx(0, abs=1e-9)
    assert paired.score(SAME, -0.05) > 0 > paired.score(SAME, 0.05)
    assert paired.score(paired.Pairs(10, 0, 0, 0), -0.01) == pytest.approx(
        0.1 / math.sqrt(10 * 0.01 * 0.99)
    )


def test_false_alarms_of_the_family_stay_at_five_per_cent():
    """Ten classes of 1,000 examples, 3 % discordant, no true difference: 2,000 verdicts."""
    generator = np.random.default_rng(0)
    alarms = 0

    @functools.cache  # the same few counts come again and again
    def p(lost, won):
        return groups._exact_p(paired.Pairs(0, lost, won, 0))

    for _ in range(2000):
        counts = generator.multinomial(1000, [0.94, 0.015, 0.015, 0.03], size=10).tolist()
        alone = [p(lost, won) for _, lost, won, _ in counts]
        alarms += min(groups.holm(alone)) <= 0.05  # as `changes` does, without its bounds
    assert alarms / 2000 <= 0.05


def test_a_class_that_loses_a_tenth_is_found():
    generator = np.random.default_rng(1)
    found = 0
    for _ in range(60):
        counts = list(generator.multinomial(1000, [0.94, 0.015, 0.015, 0.03], size=9))
        counts.append(generator.multinomial(1000, [0.84, 0.115, 0.015, 0.03]))
        family = {str(k): paired.Pairs(*map(int, row)) for k, row in enumerate(counts)}
        found += groups.changes(family, 0.05)[9].p_beyond <= 0.05
    assert found / 60 >= 0.95


def test_a_test_of_its_own_for_every_margin():
    (exact,) = groups.changes({"b": WORSE}, margin=0.0)
    assert exact.p_beyond == pytest.approx(18 / 2**17)
    (score,) = groups.changes({"b": WORSE}, margin=0.01)
    z = paired.score(WORSE, -0.01)
    assert score.p_beyond == pytest.approx(0.5 * math.erfc(-z / math.sqrt(2)))
    assert score.p_worse == exact.p_worse
    assert (score.won, score.lost, score.before, score.after) == (1, 16, 0.96, 0.81)
    assert score.to_json()["change"] == pytest.approx(-0.15)

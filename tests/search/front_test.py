import math

import pytest

from tfedge.search import advice, front
from tfedge.search.trial import Trial


def _trial(download, slack, *, obstacles=None, limits=None, recipe="", failure=""):
    return Trial(
        recipe or f"cluster(number_of_clusters={download})",
        "int8",
        {},
        1.0,
        4,
        {} if failure else {"download": download},
        "accuracy",
        0.9 + slack / 100,
        0.91,
        slack,
        obstacles or {},
        limits or {},
        failure,
    )


def test_the_best_dots_are_those_that_none_beats_in_both():
    dots = [(3, 0.5), (1, 0.1), (2, 0.5), (2, 0.4), (4, 0.5), (5, 0.9)]
    assert front.best(dots) == [(1, 0.1), (2, 0.5), (5, 0.9)]


def test_the_area_is_that_of_the_steps_under_the_front():
    # 1..2 at height .1, 2..4 at height .5, from a corner at (4, 0): .1 * 1 + .5 * 2.
    assert front.hypervolume([(1, 0.1), (2, 0.5)], (4, 0.0)) == pytest.approx(1.1)


def test_dots_beyond_the_corner_add_nothing():
    assert front.hypervolume([(5, 1.0), (1, -0.5)], (4, 0.0)) == 0
    assert front.hypervolume([], (4, 0.0)) == 0


def test_one_that_passes_by_a_hair_wins_where_no_other_passes():
    trials = [_trial(10, 0.5), _trial(8, 0.01)]
    assert front.winner(trials, "download") is trials[0]
    assert front.winner(trials[1:], "download") is trials[1]


def test_the_winner_is_the_smallest_that_would_pass():
    trials = [_trial(10, 0.5), _trial(8, 0.1), _trial(6, -0.2, obstacles={"metric": "lost"})]
    assert front.winner(trials, "download") is trials[1]


def test_of_two_of_one_size_the_one_with_more_to_spare_wins():
    trials = [_trial(8, 0.1), _trial(8, 0.4)]
    assert front.winner(trials, "download") is trials[1]


def test_nothing_wins_where_nothing_would_pass():
    assert front.winner([_trial(6, -1, obstacles={"metric": "lost"})], "download") is None
    assert front.winner([_trial(6, 1, failure="refused")], "download") is None


def test_what_failed_is_on_no_front():
    trials = [_trial(1, 1, failure="refused"), _trial(9, -math.inf), _trial(5, 0.2)]
    assert front.of(trials, "download") == [trials[2]]


def test_the_nearest_miss_exceeds_least():
    far = _trial(6, 0.2, obstacles={"file_size": "3"}, limits={"file_size": (300, 100)})
    near = _trial(7, 0.2, obstacles={"file_size": "2"}, limits={"file_size": (200, 100)})
    lossy = _trial(5, -2.0, obstacles={"metric": "lost"})
    assert front.nearest_miss([far, lossy, near], "download") is near
    said = advice.nearest([far, near], "download")
    assert "not kept: file size" in said and near.recipe in said and said.endswith(": 2")


def test_the_advice_names_both_neighbours_on_the_front():
    trials = [_trial(10, 0.9), _trial(8, 0.5), _trial(4, -1.0, obstacles={"metric": "lost"})]
    won, smaller, better = advice.sentences(trials, "download", trials[1])
    assert trials[1].recipe in won and "8 bytes" in won and "of the 2 that would pass" in won
    assert trials[2].recipe in smaller and "-50% download" in smaller and "not pass" in smaller
    assert trials[0].recipe in better and "+25% download" in better and "pass, too" in better


def test_the_advice_says_where_there_is_no_neighbour():
    (trial,) = trials = [_trial(10, 0.9)]
    _, smaller, better = advice.sentences(trials, "download", trial)
    assert smaller == "Nothing that was tried is the next smaller."
    assert better == "Nothing that was tried is the next better."


def test_a_trial_is_the_same_after_json():
    trial = _trial(6, -math.inf, limits={"file_size": (3.0, 2.0)})
    assert Trial.from_json(trial.to_json()) == trial
    assert trial.to_json()["slack"] is None

import dataclasses
import functools
import math

import numpy as np
import pytest

from tfedge.search import epochs, front, improvement, proposing, space, surrogate
from tfedge.search.choice import Choice, Seen
from tfedge.search.trial import Trial

GRID = space.of(["prune", "cluster", "quantize"])
POINT = GRID.point(
    {"prune": True, "prune.final_sparsity": 0.5, "cluster": True, "quantize": True,
     "cluster.number_of_clusters": 16, "quantize.bits": 8}
)  # fmt: skip
PLAIN = GRID.point({})


def _measured(choice):
    """A made-up world: smaller files lose more, training gains some of it back."""
    values = GRID.values(choice.point)
    size = 10_000.0
    if values["prune"]:
        size *= 1 - 0.8 * values["prune.final_sparsity"]
    if values["cluster"]:
        size *= 0.3 + 0.1 * math.log2(values["cluster.number_of_clusters"] / 4)
    if values["quantize"] and values["quantize.bits"] == 4:
        size *= 0.6
    loss = (10_000 / size) ** 1.2 / 12 - 0.5 * math.log2(1 + choice.length)
    slack = 1 - max(0.0, loss)
    obstacles = {} if slack > 0 else {"metric": "lost"}
    recipe = GRID.recipe(choice.point, choice.length)
    epochs = sum(getattr(each, "epochs", 0) for each in recipe.passes)
    return Trial(
        str(recipe), "int8", values, choice.length, epochs, {"download": size}, "accuracy", 0.9,
        0.9, slack, obstacles,
    )  # fmt: skip


def _proposer(**more):
    given = {
        "lengths": (0.0, 1.0),
        "goal": "download",
        "starts": (POINT, PLAIN),
        "seed": 0,
        "epoch_seconds": 30.0,
    }
    return proposing.Proposer(GRID, **{**given, **more})


def _search(proposer, count):
    seen = []
    for _ in range(count):
        choice = proposer.next(seen)
        seen.append(Seen(choice, _measured(choice)))
    return seen


@functools.cache
def _usual():
    """The usual search; the same trials lead to the same choices, so any beginning is one, too."""
    return tuple(_search(_proposer(), 28))


def test_starts_are_looked_at_first_and_then_trained():
    proposer = _proposer()
    seen = _search(proposer, 3)
    wanted = [(POINT, 0.0), (PLAIN, 0.0), (POINT, 1.0)]
    assert [(each.choice.point, each.choice.length) for each in seen] == wanted


def test_of_two_starts_that_promise_the_same_the_one_with_cheaper_epochs_is_trained():
    whole = space.of(["slim", "cluster", "quantize"])
    given = {"cluster": True, "quantize": True}
    starts = whole.point(given), whole.point({**given, "slim": True})
    proposer = proposing.Proposer(whole, (0.0, 1.0), "download", starts, 0, 30.0)
    looks = [
        Trial("", "int8", {}, 0.0, 0, {"download": 5e3}, "accuracy", 0.5, 0.9, -9.0,
              multiply_adds=count)
        for count in (9_000_000, 3_000_000)
    ]  # fmt: skip
    plain = Trial("", "int8", {}, 0.0, 0, {"download": 2e4}, "accuracy", 0.9, 0.9, 0.9)
    seen = [
        Seen(Choice(point, 0.0), look)
        for point, look in zip((*starts, whole.point({})), (*looks, plain), strict=True)
    ]
    assert proposer.next(seen) == Choice(starts[1], 1.0)


def test_where_training_is_short_it_is_the_longest():
    proposer = _proposer(epoch_seconds=0.01, lengths=(0.0, 0.25, 1.0, 3.0), starts=())
    seen = _search(proposer, 6)
    assert {each.choice.length for each in seen if each.trial.epochs} == {3.0}


def test_where_training_is_long_shorter_lengths_are_tried_too():
    proposer = _proposer(epoch_seconds=60.0, lengths=(0.0, 0.25, 1.0, 3.0), starts=())
    alone = GRID.point({"quantize": True})
    assert {row.length for row in proposer._trained(alone)} == {0.25, 1.0, 3.0}
    # 4 + 4 + 4 epochs are not much less than 12 + 4 + 4.
    assert {row.length for row in proposer._trained(POINT)} == {0.25, 3.0}


def test_a_start_without_training_does_not_hide_that_the_others_take_long():
    seen = _search(_proposer(starts=(PLAIN, POINT)), 2)
    assert [each.choice.length for each in seen] == [0.0, 0.0]


def test_every_step_from_the_best_is_looked_at_where_training_is_long():
    proposer = _proposer(starts=(POINT,))
    seen = _search(proposer, 2)
    assert seen[-1].trial.is_feasible and seen[-1].choice == Choice(POINT, 1.0)
    steps = list(GRID.steps(POINT))
    changed = [
        {
            axis: value
            for axis, value in GRID.values(each).items()
            if GRID.values(POINT)[axis] != value
        }
        for each in steps
    ]
    assert changed == [
        {"prune.final_sparsity": 0.45}, {"prune.final_sparsity": 0.55},
        {"cluster.number_of_clusters": 11}, {"cluster.number_of_clusters": 23},
        {"quantize.bits": 4},
    ]  # fmt: skip
    for step in steps:
        choice = proposer.next(seen)
        assert choice == Choice(step, 0.0)
        seen.append(Seen(choice, _measured(choice)))
    quick = _proposer(starts=(POINT,), epoch_seconds=0.01)
    assert quick.next([Seen(Choice(POINT, 1.0), seen[1].trial)]).length > 0


def _trained(point, size, slack):
    trial = Trial("", "int8", {}, 1.0, 4, {"download": size}, "accuracy", 0.9, 0.9, slack)
    return Seen(Choice(point, 1.0), trial)


def test_the_best_is_the_one_that_would_be_released_with_something_to_spare():
    finer = GRID.point({**GRID.values(POINT), "quantize.bits": 4})
    seen = [_trained(POINT, 900.0, 0.5), _trained(finer, 700.0, 0.05)]
    looks = [Choice(step, 0.0) for step in GRID.steps(POINT)]
    assert next(_proposer(starts=(), lengths=(0.0, 1.0))._around_the_best(seen)) == looks[0]


def test_what_lies_above_one_that_passes_by_a_hair_is_worth_trying():
    tight = GRID.point({**GRID.values(POINT), "quantize.bits": 4})
    between = Choice(GRID.point({**GRID.values(POINT), "cluster.number_of_clusters": 11}), 1.0)
    look = Seen(Choice(between.point, 0.0), _trained(between.point, 800.0, -9.0).trial)
    seen = [_trained(PLAIN, 9_000.0, 0.9), _trained(POINT, 900.0, 0.5), look]
    (worth,) = _proposer()._worth([between], [*seen, _trained(tight, 700.0, 0.05)])
    assert worth > 0.2 * math.log(900 / 800)
    (worth,) = _proposer()._worth([between], [*seen, _trained(tight, 700.0, 0.1)])
    assert worth < 1e-6


def test_steps_have_nothing_that_only_teaches():
    taught = space.of(["distill", "cluster"])
    point = taught.point({"distill": True, "distill.weight": 0.5, "cluster": True})
    assert {taught.values(each)["distill.weight"] for each in taught.steps(point)} == {0.5}
    assert len({taught.values(each).get("distill.weight") for each in taught.beside(point)}) == 4


def test_what_is_foreseen_to_lose_more_has_less_of_a_chance_however_much_it_is():
    proposer = _proposer(starts=(POINT,))
    row = Choice(GRID.point({**GRID.values(POINT), "prune.final_sparsity": 0.95}), 1.0)
    seen = _search(proposer, 2)
    (half, *_), _ = proposer._merits([row], np.array([math.log(40.0)]), seen)
    (tiny, *_), _ = proposer._merits([row], np.array([math.log(20.0)]), seen)
    assert tiny < half < proposing._WORST


def test_nothing_is_trained_for_long_that_was_not_looked_at():
    seen = _usual()[:20]
    for number, each in enumerate(seen):
        before = seen[:number]
        beyond = epochs.left(GRID, [each.choice], before, np.ones(1))
        if beyond[0]:  # of what was trained before
            assert Choice(each.choice.point, 0.0) in [one.choice for one in before]


def test_it_finds_what_is_smaller_than_where_it_began_and_still_passes():
    seen = _usual()
    trials = [each.trial for each in seen]
    winner = front.winner(trials, "download")
    everything = [
        _measured(Choice(point, 1.0))
        for point in {GRID.draw(np.random.default_rng(number)) for number in range(800)}
    ]
    best = front.winner(everything, "download")
    assert winner.figures["download"] < 0.7 * _measured(seen[2].choice).figures["download"]
    assert winner.figures["download"] < 1.2 * best.figures["download"]


def test_the_same_trials_lead_to_the_same_choice():
    seen = list(_usual()[:9])
    assert _proposer().next(seen) == _usual()[9].choice
    assert _search(_proposer(), 9) == seen


def test_what_another_process_runs_is_not_tried_again():
    proposer = _proposer()
    running = [Seen(Choice(POINT, 0.0), None)]
    assert proposer.next(running) == Choice(PLAIN, 0.0)


def test_what_failed_or_exceeds_a_limit_is_left_alone():
    proposer = _proposer(starts=(PLAIN,))
    seen = _search(proposer, 12)
    spoilt = [
        dataclasses.replace(
            each, trial=dataclasses.replace(each.trial, limits={"file_size": (2.0, 1.0)})
        )
        for each in seen
    ]
    points = {each.choice.point for each in spoilt}
    assert proposer.next(spoilt).point not in points


def test_a_space_that_is_used_up_ends_the_search():
    tiny = space.Space((), (space.Axis("prune", (False,)),))
    proposer = proposing.Proposer(tiny, (0.0, 1.0), "download", (), 0, 30.0)
    choices = [Choice((False,), length) for length in (0.0, 1.0)]
    trial = Trial("", "int8", {}, 0.0, 0, {"download": 5.0}, "accuracy", 0.9, 0.9, 1.0)
    assert proposer.next([Seen(choice, trial) for choice in choices]) is None


def test_passes_that_were_trained_before_cost_nothing_again():
    first = Choice(POINT, 1.0)
    values = {**GRID.values(POINT), "cluster.number_of_clusters": 8}
    beside = Choice(GRID.point(values), 1.0)
    other = Choice(GRID.point({**values, "prune.final_sparsity": 0.6}), 1.0)
    seen = [Seen(first, _measured(first))]
    # 4 epochs each of prune, cluster and quantize.
    shares = np.full(3, 0.5)  # of no use where no shapes change
    assert list(epochs.left(GRID, [first, beside, other], seen, shares)) == [0, 8, 12]


def test_epochs_in_cut_shapes_count_by_their_multiply_adds():
    both = space.of(["slim", "quantize"])
    row = Choice(both.point({"slim": True, "quantize": True}), 3.0)
    # 12 of slim and 4 of quantize, each of a quarter of the time.
    assert list(epochs.left(both, [row], [], np.array([0.25]))) == [4.0]


def test_where_training_is_short_all_starts_are_trained_and_nothing_is_looked_at():
    seen = _search(_proposer(epoch_seconds=0.01), 12)
    assert [each.choice for each in seen[:2]] == [
        Choice(POINT, 1.0), Choice(PLAIN, 0.0),
    ]  # fmt: skip
    assert all(each.choice.length or not each.trial.epochs for each in seen)


def test_the_expected_excess_is_that_of_a_normal_number():
    # E[max(0, Z)] of a standard normal one is 1 / sqrt(2 pi).
    found = improvement.expected_excess(np.array([0.0, 5.0, -5.0]), np.array([1.0, 0.1, 0.1]))
    np.testing.assert_allclose(found, [1 / math.sqrt(2 * math.pi), 5.0, 0.0], atol=1e-9)


def test_the_area_gained_is_what_a_sure_dot_adds():
    dots, corner = [(1.0, 0.2), (2.0, 0.6)], (4.0, 0.0)
    cost, merit, sd = np.array([1.5, 0.5, 3.0]), np.array([0.5, 0.1, 0.7]), np.full(3, 1e-9)
    before = front.hypervolume(dots, corner)
    wanted = [
        front.hypervolume([*dots, dot], corner) - before for dot in zip(cost, merit, strict=True)
    ]
    found = improvement.area_gained(cost, merit, sd, dots, corner)
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_a_surrogate_knows_what_it_has_seen_and_doubts_what_it_has_not():
    rows = np.linspace(0, 0.5, 6)[:, None]
    model = surrogate.fit(rows, np.sin(6 * rows[:, 0]))
    mean, sd = model.predict(np.array([[0.2], [1.0]]))
    assert mean[0] == pytest.approx(math.sin(1.2), abs=0.05)
    assert sd[1] > 3 * sd[0]


def test_few_rows_give_their_mean():
    mean, sd = surrogate.fit(np.zeros((2, 1)), np.array([1.0, 3.0])).predict(np.zeros((1, 1)))
    assert mean == [2.0] and sd[0] >= 1

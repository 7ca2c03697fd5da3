import math

import numpy as np
import pytest

from tfedge import errors
from tfedge.release.statistics import paired


def _answers(both, only_baseline, only_candidate, neither):
    counts = (both, only_baseline, only_candidate, neither)
    return np.repeat([1, 1, 0, 0], counts).astype(bool), np.repeat([1, 0, 1, 0], counts).astype(
        bool
    )


@pytest.mark.parametrize(
    ("lost", "won", "n", "alpha", "expected"),
    [
        # Fagerland, Lydersen and Laake, Statistical Analysis of Contingency Tables, chapter 8.
        (16, 6, 161, 0.05, (-0.1240, -0.0054)),
        (7, 1, 21, 0.05, (-0.517, -0.026)),
        # Tango 1998: disinfection of contact lenses by two methods, 90 % interval.
        (0, 1, 44, 0.10, (-0.037, 0.096)),
    ],
)
def test_tango_interval_published_examples(lost, won, n, alpha, expected):
    assert paired.tango_interval(lost, won, n, alpha) == pytest.approx(expected, abs=6e-4)


def test_tango_interval_without_discordant_examples_is_not_certain():
    z_squared = paired._NORMAL.inv_cdf(0.975) ** 2
    edge = z_squared / (100 + z_squared)
    assert paired.tango_interval(0, 0, 100) == pytest.approx((-edge, edge))


def test_tango_interval_at_the_ends():
    assert paired.tango_interval(5, 0, 5)[0] == pytest.approx(-1)
    assert paired.tango_interval(0, 5, 5)[1] == pytest.approx(1)


def test_tango_interval_mirrors_when_the_models_are_swapped():
    lower, upper = paired.tango_interval(9, 4, 300)
    assert paired.tango_interval(4, 9, 300) == pytest.approx((-upper, -lower))


def test_tango_bound_solves_the_score_equation_by_brute_force():
    """The constrained likelihood is maximised on a grid instead of by Tango's formula."""
    lost, won, n = 12, 5, 400
    lower, _ = paired.tango_interval(lost, won, n, alpha=0.10)
    p_lost = np.linspace(max(0.0, -lower), 0.2, 2_000_001)[1:-1]
    p_won = p_lost + lower
    with np.errstate(divide="ignore", invalid="ignore"):
        log_likelihood = (
            lost * np.log(p_lost)
            + won * np.log(p_won)
            + (n - lost - won) * np.log(1 - p_lost - p_won)
        )
    best = p_lost[np.nanargmax(log_likelihood)]
    score = (won - lost - n * lower) / math.sqrt(n * (2 * best + lower - lower**2))
    assert score == pytest.approx(1.6449, abs=1e-3)


def test_tango_interval_takes_arrays():
    lower, _ = paired.tango_interval(np.array([16, 7]), np.array([6, 1]), np.array([161, 21]))
    assert lower == pytest.approx([-0.1240, -0.5172], abs=1e-4)


@pytest.mark.parametrize(
    ("counts", "outcome"),
    [
        ((9000, 100, 100, 800), "PASS"),
        ((9000, 20, 200, 780), "PASS"),  # the candidate is better
        ((9000, 300, 100, 600), "FAIL"),  # two points worse for sure
        ((9000, 200, 110, 690), "FAIL"),  # about the margin, and 10,000 would have shown equality
        ((80, 20, 0, 0), "FAIL"),  # few examples, but the loss is plain
        ((300, 6, 4, 90), "INSUFFICIENT_DATA"),
        ((100, 0, 0, 0), "INSUFFICIENT_DATA"),  # identical answers to 100 prove little
        ((268, 0, 0, 0), "PASS"),
        ((0, 0, 0, 0), "INSUFFICIENT_DATA"),
    ],
)
def test_non_inferior_outcomes(counts, outcome):
    assert paired.non_inferior(*_answers(*counts)) == outcome


def test_non_inferior_uses_margin_and_alpha():
    answers = _answers(1800, 30, 25, 145)
    assert paired.non_inferior(*answers, margin=0.01) == "PASS"
    assert paired.non_inferior(*answers, margin=0.001) == "INSUFFICIENT_DATA"
    assert paired.non_inferior(*answers, margin=0.01, alpha=0.001) == "INSUFFICIENT_DATA"


def test_non_inferior_with_margin_zero_asks_for_a_better_candidate():
    assert paired.non_inferior(*_answers(900, 0, 0, 100), margin=0) == "INSUFFICIENT_DATA"
    assert paired.non_inferior(*_answers(900, 0, 50, 50), margin=0) == "PASS"


@pytest.mark.parametrize(
    ("baseline", "candidate", "settings"),
    [
        (np.ones(3, bool), np.ones(4, bool), {}),
        (np.ones((3, 2), bool), np.ones((3, 2), bool), {}),
        (np.array([0, 7, 3]), np.array([0, 7, 3]), {}),  # answers instead of their correctness
        (np.array([1.0, np.nan]), np.ones(2), {}),
        (np.ones(3, bool), np.ones(3, bool), {"margin": 1}),
        (np.ones(3, bool), np.ones(3, bool), {"margin": -0.01}),
        (np.ones(3, bool), np.ones(3, bool), {"alpha": 0.5}),
        (np.ones(3, bool), np.ones(3, bool), {"margin": "a point"}),
        ([[True], [True, False]], np.ones(2, bool), {}),
    ],
)
def test_non_inferior_refuses(baseline, candidate, settings):
    with pytest.raises(errors.BadInput):
        paired.non_inferior(baseline, candidate, **settings)


def test_examples_needed_is_where_power_reaches_eighty_percent():
    needed = paired.examples_needed(0.03)
    assert needed == 1971
    assert paired.power(needed, 0.03) == pytest.approx(0.8, abs=1e-3)
    assert paired.examples_needed(0.0) == 268
    assert paired.examples_needed(0.03, margin=0) == math.inf


def test_power_statement_says_what_is_missing():
    statement = paired.power_statement(paired.Pairs(300, 6, 6, 88))
    assert "3.0%" in statement and "1,971 examples" in statement and "these 400" in statement


def _share_passed(n, p_lost, p_won, draws=20_000):
    counts = np.random.default_rng(0).multinomial(n, [p_lost, p_won, 1 - p_lost - p_won], draws)
    pairs, repeats = np.unique(counts[:, :2], axis=0, return_counts=True)
    lower, _ = paired.tango_interval(pairs[:, 0], pairs[:, 1], n, alpha=0.10)
    return repeats[lower > -0.01].sum() / draws


@pytest.mark.parametrize(
    ("n", "p_lost", "p_won"),
    [
        (500, 0.02, 0.01),
        (2000, 0.02, 0.01),
        (5000, 0.02, 0.01),
        (10_000, 0.02, 0.01),
        (2000, 0.01, 0.0),
        (10_000, 0.055, 0.045),
    ],
)
def test_false_passes_at_the_margin(n, p_lost, p_won):
    four_monte_carlo_errors = 4 * math.sqrt(0.05 * 0.95 / 20_000)
    assert _share_passed(n, p_lost, p_won) <= 0.05 + four_monte_carlo_errors


@pytest.mark.parametrize(("n", "least"), [(2000, 0.80), (5000, 0.99)])
def test_power_with_three_percent_discordant_pairs(n, least):
    assert _share_passed(n, 0.015, 0.015) >= least


def test_no_examples_have_no_share_and_decide_nothing():
    nothing = paired.Pairs(0, 0, 0, 0)
    assert nothing.n == 0 and nothing.discordant_share == 0
    assert paired.Pairs(5, 2, 1, 2).discordant_share == 0.3
    assert paired.decide(nothing) == "INSUFFICIENT_DATA"


def test_the_usual_error_is_five_per_cent_and_the_margin_a_point():
    pairs = paired.Pairs(900, 30, 30, 40)
    assert paired.tango_interval(30, 30, 1000) == paired.tango_interval(30, 30, 1000, 0.05)
    needed = paired.examples_needed(0.06, 0.01, 0.05)
    assert paired.examples_needed(0.06) == needed
    assert paired.decide(pairs) == paired.decide(pairs, 0.01, 0.05)

import math

import numpy as np
import pytest

from tfedge.release.statistics import bootstrap


def _mean_absolute_error(outputs, targets):
    return float(np.abs(outputs - targets).mean())


def _errors(n, seed, factor):
    random = np.random.default_rng(seed)
    targets = random.normal(size=n)
    noise = random.normal(size=n)
    return targets + noise, targets + factor * noise + 0.02 * random.normal(size=n), targets


@pytest.mark.parametrize(("factor", "outcome"), [(1.0, "PASS"), (0.9, "PASS"), (1.04, "FAIL")])
def test_an_error_gets_better_downwards(factor, outcome):
    compared = bootstrap.compare(
        _mean_absolute_error, *_errors(2000, 0, factor), higher_is_better=False, resamples=200
    )
    assert compared.outcome == outcome
    assert compared.limit == pytest.approx(0.01 * compared.baseline)
    assert compared.interval[0] < compared.difference < compared.interval[1]


def test_the_same_values_pass_where_larger_is_better():
    compared = bootstrap.compare(_mean_absolute_error, *_errors(2000, 0, 1.04), resamples=200)
    assert compared.outcome == "PASS"


def test_same_seed_same_interval():
    first, again = (
        bootstrap.compare(_mean_absolute_error, *_errors(50, 0, 1.0), resamples=50, seed=3)
        for _ in range(2)
    )
    assert first == again


def test_identical_outputs_over_few_examples_prove_little():
    outputs, _, targets = _errors(100, 0, 1.0)
    few = bootstrap.compare(_mean_absolute_error, outputs, outputs, targets, resamples=20)
    assert few.outcome == "INSUFFICIENT_DATA" and few.needed == 268
    outputs, _, targets = _errors(300, 0, 1.0)
    many = bootstrap.compare(_mean_absolute_error, outputs, outputs, targets, resamples=20)
    assert many.outcome == "PASS"


def test_too_noisy_to_tell_names_the_examples_needed():
    targets, noise, more = np.random.default_rng(1).normal(size=(3, 100))
    compared = bootstrap.compare(
        _mean_absolute_error,
        targets + noise,
        targets + noise + 0.1 * more,
        targets,
        higher_is_better=False,
        resamples=200,
    )
    assert compared.outcome == "INSUFFICIENT_DATA"
    assert compared.interval[0] < 0 < compared.limit < compared.interval[1]
    assert 100 < compared.needed < 2000


def test_a_metric_undefined_in_many_draws_cannot_decide():
    targets = np.zeros(40)
    targets[0] = 1

    def only_with_both_classes(outputs, drawn):
        return float(outputs.mean()) if len(np.unique(drawn)) == 2 else math.nan

    compared = bootstrap.compare(
        only_with_both_classes, np.ones(40), np.ones(40), targets, resamples=100
    )
    assert compared.outcome == "INSUFFICIENT_DATA" and compared.needed == math.inf


def test_dicts_are_drawn_together():
    arrays = {"a": np.arange(40.0), "b": np.arange(40.0)}

    def gap(outputs, targets):
        assert np.array_equal(outputs["a"], targets["b"])
        return float(np.abs(outputs["a"] - outputs["b"]).max()) + 1.0

    assert bootstrap.compare(gap, arrays, arrays, arrays, resamples=10).candidate == 1.0


def test_false_passes_at_the_margin():
    """The candidate's error is exactly 5 % above the baseline's in expectation."""
    random = np.random.default_rng(0)
    passed = 0
    for _ in range(200):
        baseline = np.abs(random.normal(size=300))
        candidate = baseline * (1.05 + 0.3 * random.normal(size=300))
        compared = bootstrap.compare(
            lambda outputs, _: float(outputs.mean()),
            baseline,
            candidate,
            baseline,
            higher_is_better=False,
            margin=0.05,
            resamples=150,
        )
        passed += compared.outcome == "PASS"
    assert passed / 200 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 200)


def test_a_candidate_without_a_value_fails():
    outputs, _, targets = _errors(50, 0, 1.0)
    broken = outputs.copy()
    broken[3] = math.nan
    compared = bootstrap.compare(_mean_absolute_error, outputs, broken, targets, resamples=20)
    assert compared.outcome == "FAIL" and math.isnan(compared.candidate)


def test_a_few_much_worse_answers_do_not_pass_more_often_than_alpha():
    """Two in a hundred err so much more that the mean error grows by just the margin."""
    random = np.random.default_rng(0)
    passed = 0
    for trial in range(200):
        errors = np.abs(random.normal(size=500))
        worse = np.where(random.random(500) < 0.02, 0.05 * np.sqrt(2 / np.pi) / 0.02, 0)
        compared = bootstrap.compare(
            lambda outputs, _: float(outputs.mean()),
            errors, errors + worse, errors,
            higher_is_better=False, margin=0.05, resamples=200, seed=trial,
        )  # fmt: skip
        passed += compared.outcome == "PASS"
    assert passed <= 0.075 * 200  # the plain percentile interval: 21


def test_bounds_of_draws_without_skewness_are_their_quantiles():
    draws = np.linspace(-1, 1, 1001)
    assert bootstrap._bounds(draws, 0.05) == pytest.approx((-0.9, 0.9))
    low, high = bootstrap._bounds(-np.exp(draws), 0.05)
    assert low < np.quantile(-np.exp(draws), 0.05) and high < np.quantile(-np.exp(draws), 0.95)

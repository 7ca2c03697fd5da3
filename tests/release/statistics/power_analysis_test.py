import math

from tfedge.release.statistics import power_analysis


def test_the_words_of_a_large_set():
    seen = power_analysis.of(10_000, 0.005)
    assert seen.is_enough
    assert seen.words == (
        "10,000 held-out examples: a compressed model as good as the baseline passes a margin of "
        "0.5 points with a probability of 89%, if 3% of the answers are right from only one of the "
        "two"
    )


def test_a_set_that_can_show_nothing_says_what_would_do():
    seen = power_analysis.of(600, 0.01)
    assert not seen.is_enough and seen.power < 0.5
    assert "would pass it with 80%" in seen.words


def test_no_loss_at_all_cannot_be_shown():
    seen = power_analysis.of(10**6, 0.0)
    assert not seen.is_enough and "no number of examples" in seen.words
    assert math.isclose(seen.power, 0.05, abs_tol=1e-6)

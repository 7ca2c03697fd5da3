import pytest

from tfedge.release.report import axis


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (-3.2, 0.9, 6, (-3, -2, -1, 0)),
        (0.0021, 0.0052, 4, (0.003, 0.004, 0.005)),
        (1, 12, 6, (2, 4, 6, 8, 10, 12)),
        (0, 100, 6, (0, 20, 40, 60, 80, 100)),
        (0.99, 1.0, 4, (0.99, 0.995, 1.0)),
        (-1, 1, 2, (0,)),
        (0.7, 0.7, 4, (0.7,)),
    ],
)
def test_ticks_are_round_numbers_within_the_range(low, high, most, expected):
    assert axis.ticks(low, high, most) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("exponent", range(-6, 7))
def test_there_are_always_some_and_never_too_many(exponent):
    for high in (1.01, 1.7, 2.3, 4.9, 9.9):
        found = axis.ticks(0, high * 10**exponent, 4)
        assert 2 <= len(found) <= 4 and found[0] == 0


def test_labels_have_the_decimals_that_tell_them_apart():
    assert axis.labels((0.99, 0.995, 1.0)) == ("0.990", "0.995", "1.000")
    assert axis.labels((-2.0, 0.0, 2.0), signed=True) == ("-2", "0", "+2")
    assert axis.labels((0.995,)) == ("0.995",)
    assert axis.labels((1000.0, 2000.0)) == ("1000", "2000")

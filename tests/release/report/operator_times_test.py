"""Which operators of an estimate are shown, made up by hand."""

import types

import pytest

from tfedge.release.report.sections import operator_times


def _facts(estimate="an estimate"):
    profile = types.SimpleNamespace(name="a phone")
    scorecard = types.SimpleNamespace(phone_estimate=estimate, profile=profile)
    return types.SimpleNamespace(scorecard=scorecard, file=None)


def _times(count, monkeypatch):
    """Of operators that take 1, 2, 3 ... parts of the time."""
    total = count * (count + 1) / 2
    rows = tuple(
        operator_times.OperatorTime("CONV_2D", str(n), (1,), 5, float(n), n / total)
        for n in range(1, count + 1)
    )
    monkeypatch.setattr(operator_times, "_rows", lambda file, estimate: rows)
    return operator_times.of(_facts())


def test_all_of_forty_in_the_files_order(monkeypatch):
    found = _times(40, monkeypatch)
    assert [row.layer for row in found.rows] == [str(n) for n in range(1, 41)]
    assert found.left_out == 0 and found.share_left_out == pytest.approx(0)
    assert (found.profile, found.estimate) == ("a phone", "an estimate")
    assert found.longest.layer == "40"


def test_of_more_those_that_take_longest(monkeypatch):
    found = _times(42, monkeypatch)
    assert [row.layer for row in found.rows] == [str(n) for n in range(42, 2, -1)]
    assert found.left_out == 2
    assert found.share_left_out == pytest.approx((1 + 2) / (42 * 43 / 2))


def test_nothing_without_an_estimate_or_its_parts(monkeypatch):
    assert operator_times.of(_facts(None)) is None
    assert _times(0, monkeypatch) is None

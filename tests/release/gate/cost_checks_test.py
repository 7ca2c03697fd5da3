"""Latency and energy: a phone decides, an estimate only when it is clear."""

import dataclasses

import pytest

import tfedge
from tfedge.device import energy, phone_latency
from tfedge.release.gate.limits import Limits

LIMITS = Limits(max_latency_ms=10.0, max_energy_mj=2.0, profile="test_phone")
MEASURED = dataclasses.replace(LIMITS, require_measured_latency=True)


def _latency(low, value, high):
    return phone_latency.PhoneEstimate(value, low, high, "pixel4", 4)


def _energy(low, value, high):
    return energy.EnergyEstimate(value, low, high, ("an estimate",))


def _rows(verdict):
    return {check.name: check for check in verdict.checks}


@pytest.mark.parametrize(
    ("interval", "outcome", "verdict"),
    [
        ((4, 6, 10), "PASS", "PASS"),
        ((11, 14, 20), "FAIL", "FAIL"),
        ((8, 9, 11), "UNDECIDED", "PASS"),
        ((9, 14, 20), "UNDECIDED", "PASS"),
    ],
)
def test_an_estimate_decides_when_all_of_it_is_on_one_side(card, interval, outcome, verdict):
    found = tfedge.gate(card(phone_estimate=_latency(*interval)), LIMITS)
    row = _rows(found)["phone_latency"]
    assert (row.outcome, found.outcome) == (outcome, verdict)
    assert row.limit == 10.0 and row.value == interval[1]
    assert "An estimate:" in row.reason and "test_phone allows 10 ms" in row.reason


def test_undecided_blocks_only_when_a_measurement_is_required(card):
    unclear = card(phone_estimate=_latency(8, 9, 11), energy=_energy(0.1, 0.5, 1))
    assert "1 could not be decided" in tfedge.gate(unclear, LIMITS).sentence
    found = tfedge.gate(unclear, MEASURED)
    assert found.outcome == "INSUFFICIENT_DATA" and found.exit_code == 4
    assert "a phone has to measure it" in found.sentence
    clear = card(phone_estimate=_latency(1, 2, 3), energy=_energy(0.1, 0.5, 1))
    assert tfedge.gate(clear, MEASURED).outcome == "PASS"
    assert tfedge.gate(card(), MEASURED).outcome == "INSUFFICIENT_DATA"


@pytest.mark.parametrize(("p90", "outcome"), [(9.0, "PASS"), (12.0, "FAIL")])
def test_a_measured_phone_goes_before_any_estimate(card, p90, outcome):
    wrong = _latency(20, 30, 40) if outcome == "PASS" else _latency(1, 2, 3)
    found = tfedge.gate(card(phone_estimate=wrong, phone_measured={"p50": 5.0, "p90": p90}), LIMITS)
    row = _rows(found)["phone_latency"]
    assert (row.outcome, row.value) == (outcome, p90)
    assert "measured on a phone" in row.reason


def test_hosts_and_browsers_never_decide(card):
    slow = dataclasses.replace(card().host, p50=1e6)
    found = tfedge.gate(card(host=slow, browser_wasm={"p50": 1e6, "p90": 1e6}), LIMITS)
    assert found.outcome == "PASS"
    row = _rows(found)["phone_latency"]
    assert (row.outcome, row.value) == ("UNDECIDED", None)
    assert row.reason.startswith("Nothing is known of the latency on a phone")


def test_a_limit_of_ones_own_is_not_passed_by_knowing_nothing(card):
    limits = Limits.from_profile(card().profile, max_latency_ms=10.0)
    assert limits.own == {"max_latency_ms"} and not Limits.from_profile(card().profile).own
    found = tfedge.gate(card(), limits)
    row = _rows(found)["phone_latency"]
    assert (row.outcome, found.outcome) == ("INSUFFICIENT_DATA", "INSUFFICIENT_DATA")
    assert "your own limit allows 10 ms; a phone has to measure it" in found.sentence
    unclear = tfedge.gate(card(phone_estimate=_latency(8, 9, 11)), limits)
    assert _rows(unclear)["phone_latency"].outcome == "UNDECIDED"


def test_energy_likewise(card):
    outcomes = [
        _rows(tfedge.gate(card(energy=_energy(*interval)), LIMITS))["energy"].outcome
        for interval in ((0.1, 0.5, 1.9), (2.1, 3, 4), (1, 2, 3))
    ]
    assert outcomes == ["PASS", "FAIL", "UNDECIDED"]
    measured = card(energy=_energy(2.1, 3, 4), phone_measured={"p90": 1.0, "energy_mj": 1.5})
    assert _rows(tfedge.gate(measured, LIMITS))["energy"].outcome == "PASS"


def test_without_a_limit_it_is_only_told(card):
    found = tfedge.gate(card(phone_estimate=_latency(1, 2, 3)), Limits())
    row = _rows(found)["phone_latency"]
    assert (row.outcome, row.limit) == ("REPORTED", None)
    assert "energy" not in _rows(found)


def test_the_limits_of_a_phone_class():
    assert Limits.from_profile("mid_range_phone").max_latency_ms == 100.0
    assert Limits.from_profile("raspberry_pi_4").max_latency_ms is None
    assert Limits.from_profile("wearable").max_latency_ms == 20.0


def test_reasons_are_whole_sentences(card):
    measured = card(phone_measured={"p50": 5.0, "p90": 8.0})
    known = "8 ms, measured on a phone"
    rows = [_rows(tfedge.gate(measured, limits)) for limits in (LIMITS, Limits())]
    reasons = [row["phone_latency"].reason for row in rows]
    assert reasons == [f"{known}; test_phone allows 10 ms.", f"{known}. No limit was set."]


def test_small_energies_are_in_a_unit_that_can_be_read(card):
    row = _rows(tfedge.gate(card(energy=_energy(0.0001, 0.0015, 0.005)), LIMITS))["energy"]
    assert row.reason == (
        "An estimate: 1.5 µJ (0.1 to 5); test_phone allows 2000 µJ: all of the interval."
    )
    assert (row.value, row.limit) == (0.0015, 2.0)  # the file keeps its unit
    row = _rows(tfedge.gate(card(energy=_energy(0.1, 0.5, 1)), LIMITS))["energy"]
    assert "0.5 mJ (0.1 to 1); test_phone allows 2 mJ" in row.reason

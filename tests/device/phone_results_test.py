"""What a phone sent back: taken when whole, refused when anything about it is odd."""

import base64
import json

import pytest

import tfedge
from tfedge import errors
from tfedge.device import phone_results, profiles, scorecard

SHA = "a" * 64
OUTPUTS = {"probabilities": 4}
PAGE = {
    "schema_version": 1,
    "model_sha256": SHA,
    "build": "plain",
    "device": {"user_agent": "Mozilla/5.0 (Android 15)", "cores": 8},
    "load_ms": 3.5,
    "first_ms": 2,
    "samples_ms": [1.0, 2.0, 3.0],
    "runs_per_sample": 10,
    "outputs": {"probabilities": base64.b64encode(b"\1\2\3\4").decode()},
}


def read(**changed):
    return phone_results.read_page(json.dumps({**PAGE, **changed}).encode(), SHA, OUTPUTS)


def card(**fields):
    return scorecard.Scorecard(profiles.Profile("phone", max_latency_ms=10.0), 1, 1, {}, **fields)


def test_a_whole_result():
    found = read()
    assert found.outputs == {"probabilities": b"\1\2\3\4"} and found.failure is None
    measured = found.measured("Pixel 9", "LiteRT.js", {"golden": {}}).to_json()
    assert (measured["p50"], measured["p90"], measured["mean"]) == (2.0, pytest.approx(2.8), 2.0)
    assert (measured["runs"], measured["runs_per_sample"], measured["threads"]) == (30, 10, 1)
    assert measured["device"] == "Pixel 9" and measured["device_facts"]["cores"] == 8


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model_sha256": "b" * 64}, "another file"),
        ({"schema_version": 2}, "schema_version"),
        ({"schema_version": True}, "schema_version"),
        ({"build": "threaded"}, "build"),
        ({"samples_ms": []}, "no list of times"),
        ({"samples_ms": [1.0] * 10_001}, "no list of times"),
        ({"samples_ms": [1.0, -0.1]}, "expected 0 to"),
        ({"samples_ms": [True]}, "no finite number"),
        ({"samples_ms": ["1"]}, "no finite number"),
        ({"samples_ms": [1e9]}, "expected 0 to"),
        ({"samples_ms": [10**400]}, "beyond 64 bits"),
        ({"runs_per_sample": 0}, "expected 1 to"),
        ({"runs_per_sample": 1.5}, "no whole number"),
        ({"load_ms": None}, "no finite number"),
        ({"outputs": {}}, "its outputs are not probabilities"),
        ({"outputs": {"probabilities": "AAAA"}}, "has 3 bytes, expected 4"),
        ({"outputs": {"probabilities": "%%%%"}}, "not in base64"),
        ({"outputs": {"probabilities": 7}}, "not in base64"),
        ({"device": ["x"]}, "no description"),
        ({"device": {"x": ["y"]}}, "no finite number"),
        ({"device": {str(n): 1 for n in range(99)}}, "no description"),
        ({"failure": {"kind": "hacked"}}, "its failure is none of"),
        ({"failure": "no"}, "its failure is none of"),
    ],
)
def test_what_is_refused(changed, said):
    with pytest.raises(errors.BadInput, match=said):
        read(**changed)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b"\xff", b'{"load_ms": NaN}', b"[" * 100_000]
)
def test_what_is_no_result_at_all(content):
    with pytest.raises(errors.BadInput, match="the phone's result"):
        phone_results.read_page(content, SHA, OUTPUTS)


def test_huge_numbers_are_no_times():
    content = json.dumps(PAGE).replace("3.5", "1e999").encode()
    with pytest.raises(errors.BadInput, match="no finite number"):
        phone_results.read_page(content, SHA, OUTPUTS)


def test_texts_are_short_and_printable():
    failure = {"kind": "run", "detail": "\x1b[31mred\n" + "x" * 9999}
    found = read(failure=failure, device={"user_agent": "a\x00b"})
    assert found.failure[0] == "run" and len(found.failure[1]) == 500
    assert found.failure[1].startswith(" [31mred ") and found.device == {"user_agent": "a b"}


def test_a_mean_alone_makes_up_no_percentile():
    found = phone_results.Measured("Pixel 9", "benchmark_model", 70, mean=14.3).to_json()
    assert (found["p50"], found["p90"], found["mean"]) == (None, None, 14.3)
    assert "p95" not in found
    for wrong in ({"mean": float("nan")}, {"mean": -1.0}, {}, {"mean": 0.0}):
        with pytest.raises(errors.BadInput):
            phone_results.Measured("Pixel 9", "benchmark_model", 70, **wrong)


@pytest.mark.parametrize(
    ("times", "outcome", "which"),
    [
        ({"mean": 14.3}, "FAIL", "14.3 ms (mean), measured"),
        ({"p50": 9.0, "mean": 14.3}, "PASS", "9 ms (median), measured"),
        ({"p50": 9.0, "p95": 11.0}, "FAIL", "11 ms (95th percentile), measured"),
        ({"p50": 9.0, "p90": 9.5, "p95": 11.0}, "PASS", "9.5 ms, measured"),
    ],
)
def test_a_native_measurement_decides_by_the_best_it_tells(times, outcome, which):
    native = phone_results.Measured("Pixel 9", "benchmark_model", 70, **times)
    verdict = tfedge.gate(phone_results.into(card(), phone_measured=native))
    row = next(check for check in verdict.checks if check.name == "phone_latency")
    assert row.outcome == outcome and which in row.reason


def test_a_browser_never_decides():
    slow = phone_results.Measured("Pixel 9", "LiteRT.js", 70, p50=500.0, p90=900.0)
    with_it = phone_results.into(card(), browser_wasm=slow)
    assert with_it.to_json()["latency_ms"]["browser_wasm"]["p90"] == 900.0
    assert with_it.phone_measured is None
    row = next(c for c in tfedge.gate(with_it).checks if c.name == "phone_latency")
    assert (row.outcome, row.value) == ("UNDECIDED", None)


@pytest.mark.parametrize("value", [0, 5, 2.5])
def test_numbers_in_their_range(value):
    assert phone_results._number("it", value, 0, 5) == value


@pytest.mark.parametrize("value", [-1, 5.01, True, "3", None, float("nan"), float("inf"), 10**400])
def test_numbers_that_are_none_or_out_of_range(value):
    with pytest.raises(errors.BadInput, match="it is "):
        phone_results._number("it", value, 0, 5)


def test_how_often_it_ran_is_a_whole_number():
    assert phone_results._whole("runs", 1) == 1 and phone_results._whole("runs", 3.0) == 3
    for value in (0, 2.5, 1_000_001):
        with pytest.raises(errors.BadInput, match="runs is"):
            phone_results._whole("runs", value)

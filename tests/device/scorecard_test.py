import json

import pytest

from tfedge.device import compatibility, latency, profiles, sandbox, scorecard

PHONE = profiles.Profile(name="phone")


def test_wilson_interval():
    low, high = scorecard.wilson_interval(0.9, 100)
    assert (round(low, 4), round(high, 4)) == (0.8256, 0.9448)
    assert scorecard.wilson_interval(1.0, 50)[1] == 1.0
    assert scorecard.wilson_interval(0.0, 50)[0] == 0.0


def test_json_has_the_contracts_keys():
    card = scorecard.Scorecard(
        profile=PHONE,
        file_bytes=10,
        download_bytes=5,
        operators={"CONV_2D": 1},
        metric=scorecard.MetricValue("accuracy", 0.9, 100, 0.91, (0.8, 0.95), {"both": 90}),
        host=latency.HostLatency(1, 2, 3, 4, 5, 100, 1),
        incompatible=(compatibility.Incompatibility("X", "layer", "reason"),),
    )
    content = json.loads(json.dumps(card.to_json()))
    assert content["schema_version"] == 1
    assert content["profile"] == "phone"
    assert content["metric"]["interval"] == [0.8, 0.95]
    assert content["latency_ms"]["host"] == {
        "p50": 1, "p90": 2, "p99": 3, "first": 4, "load": 5, "runs": 100, "threads": 1,
    }  # fmt: skip
    assert {"phone_estimate", "phone_measured", "browser_wasm"} <= set(content["latency_ms"])
    assert set(content) == {
        *("schema_version", "profile", "metric", "file_bytes", "download_bytes"),
        *("baseline_file_bytes", "latency_ms", "peak_memory_bytes", "energy_mj_estimate"),
        *("operators", "delegated_fraction", "flex_operators", "holds", "per_class"),
        *("failure", "limits_in_force", "unenforced_limits"),
        *("memory", "not_delegated", "compatibility", "tokens_per_second"),
        *("per_slice", "more_metrics", "negative_flips", "calibration_error", "held_out"),
    }


def test_rates_of_tokens_are_told():
    rates = latency.TokenRates(12345.6, 789.1)
    card = scorecard.Scorecard(PHONE, 10, 5, {}, tokens_per_second=rates)
    assert card.to_json()["tokens_per_second"] == {"prefill": 12345.6, "decode": 789.1}
    assert dict(card.figures())["tokens per second"] == "12,346 read, 789 written, on this host"


def test_a_failure_has_no_metric():
    failure = sandbox.Failure("memory", "too much")
    card = scorecard.Scorecard(PHONE, 10, 5, {}, failure=failure)
    content = card.to_json()
    assert content["failure"] == {"kind": "memory", "detail": "too much"}
    assert content["metric"] is None
    assert content["latency_ms"]["host"] is None


def test_scorecards_do_not_change():
    card = scorecard.Scorecard(PHONE, 10, 5, {})
    with pytest.raises(AttributeError):
        card.file_bytes = 11


@pytest.mark.parametrize(
    ("paired", "share"),
    [({"only_baseline": 8}, 0.02), ({"only_baseline": 0}, 0.0), ({"both": 9}, None), (None, None)],
)
def test_answers_that_were_right_and_are_wrong(paired, share):
    metric = scorecard.MetricValue("accuracy", 0.9, 400, 0.91, None, paired)
    assert scorecard.Scorecard(PHONE, 10, 5, {}, metric=metric).negative_flips == share
    assert scorecard.Scorecard(PHONE, 10, 5, {}).negative_flips is None

"""The words of the rows that compare; `page_test` looks at whole pages."""

import types

import pytest

from tfedge.release.report.sections import figures


@pytest.mark.parametrize(
    ("before", "now", "speed", "energy"),
    [
        (None, 1.0, "", ""),
        (1.0, 0.0, "", ""),
        (1.0, 1.0, "", ""),
        (96.0, 100.0, "", ""),
        (95.0, 100.0, "1.1 times slower", "1.1 times more"),
        (105.0, 100.0, "1.1 times as fast", "1.1 times less"),
        (104.0, 100.0, "", ""),
        (10.0, 4.0, "2.5 times as fast", "2.5 times less"),
        (4.0, 10.0, "2.5 times slower", "2.5 times more"),
    ],
)
def test_a_change_is_told_from_five_per_cent_on(before, now, speed, energy):
    assert (figures._speed(before, now), figures._saved(before, now)) == (speed, energy)


def _between(value):
    return {"value": value, "low": value / 2, "high": value * 2}


def test_little_energy_is_told_in_a_smaller_unit_in_all_columns():
    found = figures._estimated(_between(0.02), _between(0.009), 0.5, "mJ")
    assert found == ("20 µJ (10 to 40)", "9 µJ (4.5 to 18)", "at most 500 µJ")
    found = figures._estimated(_between(0.02), _between(0.01), None, "mJ")
    assert found == ("0.02 mJ (0.01 to 0.04)", "0.01 mJ (0.005 to 0.02)", "")
    found = figures._estimated(None, _between(0.008), None, "ms")
    assert found == ("not measured", "0.008 ms (0.004 to 0.016)", "")


HOST = {"threads": 1, "p50": 1.25, "p90": 1.5, "p99": 2.0, "first": 9.0, "load": 3.0}


def _facts(**scores):
    scorecard = types.SimpleNamespace(
        baseline_host=None, profile=None, phone_estimate=None, profile_name="a phone"
    )
    file = types.SimpleNamespace(download_bytes=900, file_bytes=2000)
    return types.SimpleNamespace(
        scores={"profile": "a phone", **scores},
        scorecard=scorecard,
        decided={
            "checks": [
                {"name": "file_size", "limit": 2500},
                {"name": "peak_memory", "limit": 7000},
                {"name": "phone_latency", "limit": 20.0},
            ]
        },
        file=file,
        baseline_file=None,
        baseline=None,
    )


def _rows(**scores):
    found = list(figures._figures(_facts(**scores)))
    return {row.label: (row.before, row.after, row.change, row.limit, row.origin) for row in found}


def test_sizes_and_memory_with_what_is_allowed():
    rows = _rows(baseline_file_bytes=4000, peak_memory_bytes=5000)
    assert rows["Download (deflated)"] == ("not measured", "900 B", "", "", figures.EXACT)
    file = ("4.0 KB", "2.0 KB", "2.0 times smaller", "at most 2.5 KB", figures.EXACT)
    assert rows["File"] == file
    peak = ("not measured", "5.0 KB", "", "at most 7.0 KB", figures.HOST)
    assert rows["Peak memory, loaded and run"] == peak
    rows = _rows(memory={"arena_bytes": 100, "app_free_bytes_estimate": 3000})
    assert rows["Memory for activations"][1::3] == ("100 B", figures.EXACT)
    assert rows["Memory an app must have free"][1::3] == ("3.0 KB", figures.ESTIMATE)
    assert "Peak memory, loaded and run" not in rows


def test_only_a_phone_is_held_to_the_limit_of_phones():
    measured = {"device": "Pixel 8", "p50": 3.0, "p95": 4.0, "mean": None}
    rows = _rows(latency_ms={"phone_measured": measured, "browser_wasm": {"p90": 8.0}})
    median = ("not measured", "3 ms", "", "at most 20 ms", figures.PHONE)
    assert rows["Latency on Pixel 8, median"] == median
    assert rows["Latency on Pixel 8, 95th percentile"][1] == "4 ms"
    browser = ("not measured", "8 ms", "", "", figures.BROWSER)
    assert rows["Latency on a phone, 90th percentile"] == browser
    assert not any("mean" in label for label in rows)
    rows = _rows(latency_ms={"phone_estimate": _between(4.0)}, energy_mj_estimate=_between(2.0))
    estimate = ("not measured", "4 ms (2 to 8)", "", "at most 20 ms", figures.ESTIMATE)
    assert rows["Latency on a phone"] == estimate
    assert rows["Energy of one run"][1:4] == ("2 mJ (1 to 4)", "", "")


@pytest.mark.parametrize(("threads", "words"), [(1, "1 thread"), (2, "2 threads")])
def test_the_median_of_this_host_stands_among_the_figures(threads, words):
    facts = _facts(latency_ms={"host": {**HOST, "threads": threads}})
    rows = {row.label: row.after for row in figures._figures(facts)}
    assert rows[f"Latency, median, {words}"] == "1.25 ms"
    more = [(row.label, row.after, row.change) for row in figures._more_host_times(facts)]
    assert more == [
        ("90th percentile", "1.5 ms", ""),
        ("99th percentile", "2 ms", ""),
        ("First run", "9 ms", ""),
        ("Loading", "3 ms", ""),
    ]


def test_the_metric_and_what_it_hides():
    metric = {"name": "accuracy", "value": 0.9, "baseline": 0.95, "paired": {}}
    other = {"name": "error:box", "value": 2.5, "baseline": 2.0, "higher_is_better": False}
    facts = _facts(
        metric=metric,
        more_metrics=[other, {"name": "auc", "value": 0.9, "baseline": None}],
        negative_flips=0.0,
        calibration_error={"value": 0.0125, "baseline": None},
    )
    facts.decided["difference"] = {"limit": -0.01}
    limits = {"metric: error:box": -0.25, "metric: auc": None}
    found = figures._quality(facts, limits)
    rows = [(row.before, row.after, row.change, row.limit) for row in found]
    assert rows == [
        ("95.00%", "90.00%", "-5.00 points", "-1.00 points accepted"),
        ("2", "2.5", "+0.5", "+0.25 accepted"),
        ("not measured", "0.9", "", ""),
        ("", "0.00%", "", ""),
        ("not measured", "1.25 points", "", ""),
    ]
    assert list(figures._quality(_facts(negative_flips=0.5), {})) == []


def test_tokens_per_second_stand_beside_those_of_a_call_for_each_token():
    facts = _facts(tokens_per_second={"prefill": 25000.4, "decode": 5000.0})
    facts.scorecard.baseline_host = types.SimpleNamespace(p50=0.5)
    rows = list(figures._token_rates(facts))
    assert [(row.label, row.before, row.after, row.change) for row in rows] == [
        ("Tokens read per second", "", "25,000", ""),
        ("Tokens written per second", "2,000", "5,000", "2.5 times as fast"),
    ]
    facts.scorecard.baseline_host = None
    assert list(figures._token_rates(facts))[1].before == "not measured"
    assert not list(figures._token_rates(_facts()))

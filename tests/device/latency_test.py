import time

from tfedge.device import latency


def test_percentiles_are_of_single_runs():
    calls = []

    def invoke():
        calls.append(0)
        time.sleep(0.02 if len(calls) % 10 == 0 else 0.002)

    measured = latency.measure(invoke, load_ms=1.5, threads=2)
    assert (measured.load, measured.threads) == (1.5, 2)
    assert 2 <= measured.p50 <= measured.p90 <= measured.p99
    assert measured.p99 > 3 * measured.p50
    assert 3 <= measured.runs < len(calls)


def test_a_long_inference_is_run_a_few_times_only(monkeypatch):
    monkeypatch.setattr(latency, "_TIMED_SECONDS", 0.0)
    monkeypatch.setattr(latency, "_WARM_UP_SECONDS", 0.0)
    calls = []
    assert latency.measure(lambda: calls.append(0), 0.0, 1).runs == 3
    assert len(calls) == 4

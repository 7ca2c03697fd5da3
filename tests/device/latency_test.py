import pytest

from tfedge.device import latency


class _Clock:
    """Time that passes only inside `invoke`, by the milliseconds given in turn."""

    def __init__(self, *milliseconds):
        self.now_ms, self.runs, self._milliseconds = 0, 0, milliseconds

    def perf_counter(self):
        return self.now_ms / 1e3

    def perf_counter_ns(self):
        return self.now_ms * 1_000_000

    def invoke(self):
        self.now_ms += self._milliseconds[self.runs % len(self._milliseconds)]
        self.runs += 1


@pytest.fixture
def measured_with(monkeypatch):
    def measure(*milliseconds):
        clock = _Clock(*milliseconds)
        monkeypatch.setattr(latency, "time", clock)
        return latency.measure(clock.invoke, load_ms=1.5, threads=2), clock

    return measure


def test_percentiles_are_of_single_runs(measured_with):
    measured, _ = measured_with(20, *[2] * 19)
    assert (measured.load, measured.first, measured.threads) == (1.5, 20, 2)
    assert (measured.p50, measured.p90, measured.p99) == (2, 2, 20)


def test_the_warm_up_is_not_timed(measured_with):
    measured, clock = measured_with(1)
    assert clock.runs == 1 + 50 + measured.runs
    assert measured.runs == 500  # half a second


def test_long_inferences_are_run_a_few_times_only(measured_with):
    measured, clock = measured_with(5000)
    assert measured.runs == 3
    assert clock.runs == 1 + 1 + 3


def test_short_ones_a_thousand_times(measured_with):
    assert measured_with(0)[0].runs == 1000

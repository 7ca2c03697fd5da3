import numpy as np
import pytest
from tfedge_tools.benchmarks.latency import (
    architectures,
    conversion,
    fitting,
    published,
    validation,
)
from tfedge_tools.benchmarks.latency import misses as misses_lib

from tfedge.device.prediction import fitted, work


@pytest.fixture(scope="module")
def kept():
    fit = fitted.load()
    return fitting.Fit(fit.names, fit.values, fit.covariance, 0.0)


@pytest.mark.parametrize(("network", "millions"), architectures.PUBLISHED_MACS.items())
def test_networks_have_the_published_multiply_adds(network, millions):
    name, width, resolution = network
    found = published.multiply_adds(f"{name} {width} {resolution} float32") / 1e6
    assert found == pytest.approx(millions, rel=0.06)


def test_the_kept_fit_explains_the_table(kept):
    rows = published.rows()
    errors = [kept.log_ms(row) - np.log(row.latency_ms) for row in rows]
    assert len(rows) == 76
    assert np.median(np.abs(np.expm1(errors))) < 0.03
    assert np.mean(np.abs(np.expm1(errors)) < 0.2) > 0.95


def test_the_kept_fit_is_the_best_there_is(kept):
    again = fitting.fit(published.rows(), kept.values, most_steps=2)
    assert np.abs(again.values - kept.values).max() < 0.05


def test_latencies_left_out_are_met():
    """A part of what tools/benchmarks/fit_latency.py prints for all 76."""
    fit = fitted.load()
    start = fitting.Fit(fit.names, fit.values, fit.covariance, 0.0)
    rows = [row for row in published.rows() if row.device.name in ("pixel2", "pixel4")]
    misses = validation.leave_out(rows, start, validation.by_point, steps=3)
    assert [miss.row for miss in misses] == rows
    assert validation.figures(misses)["median_error"] < 0.08


def test_a_printed_latency_is_as_sure_as_its_digits():
    coarse = next(r for r in published.rows() if r.latency_ms == 6 and r.device.name == "pixel2")
    assert coarse.deviation == pytest.approx(0.5 / 3**0.5 / 6, rel=0.01)


def test_int8_is_the_float_network_on_bytes_but_for_its_biases():
    conv = work.Work(
        "CONV_2D", "conv", macs=90, columns=2, depth=9, weight_bytes=80, activation_bytes=400
    )
    found = conversion._on_int8(conv)
    assert (found.macs, found.weight_bytes, found.activation_bytes) == (90, 18 + 8, 100)
    assert found.integer


def test_networks_survive_being_written(monkeypatch, tmp_path):
    conv = work.Work("CONV_2D", "conv", macs=90, columns=2, depth=9, passes=0.0, integer=True)
    monkeypatch.setattr(published, "NETWORKS", tmp_path / "networks.json")
    published.write_networks({"one": (conv, conv, work.Work("RESHAPE", "free"))})
    published.loads.cache_clear()
    try:
        assert published.multiply_adds("one") == 180
        assert list(published.loads()["one"]) == [True]
    finally:
        published.loads.cache_clear()


def test_intervals_are_judged_on_other_designs_than_those_they_are_fitted_on():
    rows = published.rows()
    other = next(r for r in rows if r.family != rows[0].family)
    misses = [misses_lib.Miss(rows[0], 0.1, 0.0)] * 10 + [misses_lib.Miss(other, 0.4, 0.0)] * 10
    assert misses_lib.coverage(misses) == 0.5  # the first inside of 0.4, the second not of 0.1
    noise, widening = misses_lib.spread(misses[:10])
    assert noise * widening == pytest.approx(0.1)

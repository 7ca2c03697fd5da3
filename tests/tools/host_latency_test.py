import dataclasses
import json

import numpy as np
import pytest
from tfedge_tools.benchmarks.latency import (
    graph_writer,
    host_fit,
    host_report,
    random_networks,
    single_operators,
)

import tfedge
from tfedge.device.file import tflite
from tfedge.device.prediction import host, work


def timed(content):
    return tuple(w for w in work.of(tflite.read(content)) if w.family != "free")


def made_up_ms(each):
    """A host on which a multiply-add takes 20 ps and vectors of 16 are filled up."""
    return 1e-4 + 2e-5 * host.counts(each)[1] * 1e3 + 3e-3 * host.counts(each)[4]


@pytest.fixture(scope="module")
def times():
    base = {host.key(integer, 1): 3e-4 for integer in (False, True)}
    samples = {}
    for integer in (False, True):
        for family in single_operators.FAMILIES:
            for content in single_operators.draw(family, 24, integer, seed=1):
                (only,) = timed(content)
                name = host.key(only.integer, 1, family)
                samples.setdefault(name, []).append(host_fit.Measured(only, made_up_ms(only)))
    families = {name: host_fit.fit(found) for name, found in samples.items()}
    return host.HostTimes("made-up", base, families, 0.1)


@pytest.mark.parametrize("integer", [False, True])
def test_networks_are_sums_of_their_operators(times, integer):
    for seed in range(5):
        works = timed(random_networks.draw(integer, seed))
        expected = 3e-4 + sum(made_up_ms(each) for each in works)
        found = host.total_ms(times, works, integer, 1)
        assert found.ms == pytest.approx(expected, rel=0.1)
        assert (found.guessed_ms, found.notes) == (0, ())


def test_what_was_measured_is_kept(times, tmp_path, monkeypatch):
    path = tmp_path / "deep" / "host.json"
    host.write(times, path)
    monkeypatch.setenv("TFEDGE_HOST_LATENCY", str(path))
    content = random_networks.draw(True, 3)
    estimate = tfedge.predict_latency(content, device="host", threads=2)
    assert estimate.low < estimate.value < estimate.high
    assert estimate.value == pytest.approx(
        host.total_ms(times, timed(content), True, 1).ms, rel=0.01
    )
    assert "1 stand in" in estimate.notes[0]


def test_what_was_not_measured_is_a_guess_with_a_wide_interval(times):
    works = timed(random_networks.draw(True, 3))
    conv = next(w for w in works if w.kind == "CONV_2D")
    turned = dataclasses.replace(conv, kind="TRANSPOSE_CONV")
    wide = dataclasses.replace(conv, plain=True)
    for strange in (turned, wide):
        found = host.total_ms(times, (conv, strange), True, 1)
        alone = host.total_ms(times, (conv,), True, 1)
        assert found.guessed_ms == pytest.approx(found.ms - alone.ms)
        assert strange.kind in found.notes[-1]


def test_a_host_that_was_not_measured_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("TFEDGE_HOST_LATENCY", str(tmp_path / "none.json"))
    with pytest.raises(tfedge.BadInput, match="--host once"):
        tfedge.predict_latency(random_networks.draw(False, 0), device="host")
    (tmp_path / "none.json").write_text(json.dumps({"schema_version": 99}))
    with pytest.raises(tfedge.BadInput, match="schema_version 99"):
        tfedge.predict_latency(random_networks.draw(False, 0), device="host")


def test_one_disturbed_measurement_does_not_bend_its_neighbours():
    contents = single_operators.draw("pointwise", 60, False, seed=2)
    samples = [host_fit.Measured(w, made_up_ms(w)) for c in contents for w in timed(c)]
    disturbed = [dataclasses.replace(samples[0], ms=samples[0].ms * 5), *samples[1:]]
    fit = host_fit.fit(disturbed)
    errors = [fit.ms(each.work) / each.ms - 1 for each in samples[1:]]
    assert np.median(np.abs(errors)) < 0.03


@pytest.mark.parametrize("integer", [False, True])
def test_written_files_run(integer):
    graph = graph_writer.GraphWriter((8, 8, 3), integer)
    x = graph.depthwise(graph.convolution(graph.input, 8, 3, 2))
    x = graph.concatenate([graph.add(x, x), graph.multiply(x, x)])
    x = graph.pool(graph.unary(graph.pad(x, 1), "HARD_SWISH"))
    x = graph.softmax(graph.dense(graph.mean(x), 4))
    x = graph.dequantize(x) if integer else x
    interpreter = tflite.interpreter(graph.finish(x), 1)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]
    interpreter.set_tensor(given["index"], np.ones(given["shape"], given["dtype"]))
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert found.shape == (1, 4)
    assert np.isfinite(found).all()


def test_figures_are_those_of_the_checked_networks():
    checked = [
        host_report.Checked(integer, 1, measured, predicted, macs)
        for integer, measured, predicted, macs in (
            (False, 1.0, 1.05, 10**6),
            (False, 2.0, 2.5, 3 * 10**6),
            (True, 1.0, 1.0, 10**6),
        )
    ]
    figures = host_report._figures(checked)
    assert figures["within_10_percent"] == pytest.approx(2 / 3)
    assert figures["within_10_percent_float32/1"] == 0.5
    assert figures["within_10_percent_int8/1"] == 1.0
    assert figures["macs_within_10_percent"] == 1.0

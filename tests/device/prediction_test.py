import dataclasses
import subprocess
import sys

import numpy as np
import pytest

import tfedge
from tfedge.device import profiles
from tfedge.device.file import tflite
from tfedge.device.prediction import (
    devices,
    fitted,
    formula,
    host,
    network,
    operators,
    predict,
    work,
)

CONV = work.Work(
    "CONV_2D", "conv", macs=9 * 16 * 16 * 64, columns=16, depth=144, activation_bytes=8192,
    weight_bytes=9280, gathered_bytes=36864, input_elements=1024, output_elements=1024,
)  # fmt: skip


def test_an_estimate_lies_in_its_interval(stored):
    for device in devices.known():
        estimate = tfedge.predict_latency(stored("image_int8"), device=device, threads=1)
        assert 0 < estimate.low < estimate.value < estimate.high
        assert (estimate.device, estimate.threads) == (device, 1)


def test_operators_are_counted(stored):
    works = {w.kind: w for w in work.of(tflite.read(stored("image_int8")))}
    conv, depthwise = works["CONV_2D"], works["DEPTHWISE_CONV_2D"]
    assert (conv.family, conv.columns, conv.depth, conv.macs) == ("conv", 4, 9, 16 * 4 * 9)
    assert (conv.activation_bytes, conv.gathered_bytes) == (64 + 64, 16 * 9)
    assert (depthwise.family, depthwise.depth, depthwise.integer) == ("depthwise", 9, True)
    assert works["SOFTMAX"].passes == 8 * works["SOFTMAX"].output_elements


def test_an_unknown_device_is_refused_with_the_nearest(stored):
    with pytest.raises(tfedge.BadInput, match="Did you mean 'pixel4'"):
        tfedge.predict_latency(stored("image_int8"), device="pixel 4a")
    with pytest.raises(tfedge.BadInput, match="no number of threads"):
        tfedge.predict_latency(stored("image_int8"), threads=0)


def test_extrapolated_threads_are_said_and_less_sure(stored):
    def width(threads):
        estimate = tfedge.predict_latency(stored("image_float"), "pixel4", threads)
        return estimate.high / estimate.low, estimate.notes

    (sure, nothing), (unsure, notes) = width(4), width(8)
    assert unsure > sure * 1.1 and nothing == ()
    assert "not 8" in notes[0] and "4 fast cores for 8 threads" in notes[1]


def test_operators_that_are_not_known_are_named(stored, edited):
    def change(model):
        for code in model.operatorCodes:
            code.builtinCode, code.customCode = 32, b"Mystery"

    estimate = tfedge.predict_latency(edited(stored("image_float"), change), "pixel3", 4)
    assert estimate.value > 0
    assert "memory traffic of Mystery" in estimate.notes[-1]


def test_matrices_stored_as_float16_are_counted(stored):
    half, full = (
        sum(w.macs for w in work.of(tflite.read(stored(name))))
        for name in ("sequence_float16", "sequence_float")
    )
    assert half == full > 5 * 4 * 4 * (3 + 4)


def test_the_body_of_a_loop_runs_as_often_as_the_loop_turns(stored):
    file = tflite.read(stored("loop_float"))
    inside = [w for w in work.of(file) if w.turns == 6]
    assert {"FULLY_CONNECTED", "TANH"} <= {w.kind for w in inside}
    assert all(w.known for w in work.of(file))
    # Gates of both matrices, once a step.
    assert 6 * sum(w.macs for w in inside) == 6 * 3 * 4 * (3 + 4)
    estimate = tfedge.predict_latency(stored("loop_float"), "pixel3", 1)
    assert estimate.value == pytest.approx(operators.milliseconds(file, "pixel3", 1).sum())


def test_sixteen_bit_activations_are_slow_on_one_thread_and_a_guess():
    narrow = dataclasses.replace(CONV, integer=True, macs=100 * CONV.macs)
    phone, wide = devices.find("pixel4"), dataclasses.replace(narrow, plain=True)
    one, four = (operators.on_phone((wide,), phone, threads).sum() for threads in (1, 4))
    assert one > 3 * operators.on_phone((narrow,), phone, 1).sum()
    assert four == pytest.approx(one, rel=0.2)


def test_a_network_too_small_to_share_is_not_slower_on_more_threads():
    tiny = work.Work("FULLY_CONNECTED", "dense", macs=96, columns=16, depth=6, weight_bytes=384)
    for name in devices.known():
        one, four = (operators.on_phone((tiny,), devices.find(name), n).sum() for n in (1, 4))
        assert four <= one


def test_operators_that_no_published_network_has_are_less_sure(stored):
    sure, unsure = (
        tfedge.predict_latency(stored(name), "pixel4", 4)
        for name in ("image_float", "sequence_float")
    )
    assert unsure.high / unsure.low > 1.1 * sure.high / sure.low
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" in unsure.notes[0] and sure.notes == ()


def test_a_damaged_file_is_refused(stored, edited):
    def change(model):
        for tensor in model.subgraphs[0].tensors:
            tensor.shape = []

    with pytest.raises(tfedge.BadInput, match="damaged"):
        tfedge.predict_latency(edited(stored("image_float"), change), "pixel3", 4)


def test_a_device_goes_by_its_profiles_name_too():
    for name in ("raspberry_pi_2", "raspberry_pi_3", "raspberry_pi_4", "pixel3a"):
        assert devices.find(name).name == profiles.load(name).latency_device


def test_more_of_anything_takes_longer():
    fit, phone = fitted.load(), devices.find("pixel3")

    def ms(**more):
        parts = network.loads((dataclasses.replace(CONV, **more),))
        return network.log_ms(parts, phone, 4, fit.names, fit.values)

    assert ms(macs=2 * CONV.macs) > ms()
    assert ms(weight_bytes=10**6) > ms()
    assert ms(gathered_bytes=10**6) > ms()


def test_the_slope_is_that_of_the_time():
    fit, phone = fitted.load(), devices.find("pixel2")
    parts = network.loads((CONV, dataclasses.replace(CONV, integer=True)))
    at, slope = network.slope(parts, phone, 2, fit.names, fit.values)
    step = 1e-3 * np.eye(len(fit.names))[fit.names.index("compute")]
    moved = network.log_ms(parts, phone, 2, fit.names, fit.values + step)
    assert (moved - at) / 1e-3 == pytest.approx(slope @ step / 1e-3, abs=1e-3)


def test_xnnpack_neither_gathers_nor_pads():
    pad = work.Work("PAD", "copy", activation_bytes=10**6)
    load, rates = formula.Load.of((CONV, pad)), np.zeros(len(formula.RATES))
    keeps_all = 1e9
    builtin = formula.operator_ms(load, rates, "builtin", keeps_all)
    xnnpack = formula.operator_ms(load, rates, "xnnpack", keeps_all)
    assert xnnpack[1] == 0 and builtin[1] > 0.9
    assert builtin[0] - xnnpack[0] == pytest.approx(CONV.gathered_bytes / 1e6)


def test_xnnpack_reads_weights_that_no_cache_keeps_again_for_every_four_pixels():
    """64 pixels are 16 readings, of which one is counted anyway."""
    depthwise = dataclasses.replace(CONV, family="depthwise")
    load = formula.Load.of((CONV, dataclasses.replace(CONV, output_elements=16), depthwise))
    rates = np.log(np.where(np.array(formula.RATES) == "restream", 2.0, 1.0))
    kept, half, lost = (
        formula.operator_ms(load, rates, "xnnpack", cache_mb)
        for cache_mb in (1e9, 4 * CONV.weight_bytes / 1e6, 1e-9)
    )
    again = 15 * CONV.weight_bytes / 1e6 / 2
    assert lost - kept == pytest.approx([again, 0, 0], abs=2e-6)
    assert half - kept == pytest.approx([again / 2, 0, 0], abs=2e-6)
    builtin = [formula.operator_ms(load, rates, "builtin", mb) for mb in (1e9, 1e-9)]
    assert builtin[0] == pytest.approx(builtin[1])


def test_prediction_loads_no_tensorflow():
    code = "import sys, tfedge; tfedge.predict_latency; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_estimate_shows_itself_in_a_line_and_its_notes():
    known = tfedge.Estimate(3.14159, 1.0, 9.87654, "pixel4", 4, "a runtime", ("Few have it.",))
    assert repr(known).splitlines() == [
        "Estimate: 3.14 ms (1 to 9.88) on pixel4, 4 threads",
        "  note  Few have it.",
    ]
    assert (
        repr(tfedge.Estimate(0.5, 0.25, 1, "host"))
        == "Estimate: 0.5 ms (0.25 to 1) on host, 1 thread"
    )
    assert repr(tfedge.Estimate(0.5, 0.25, 1)) == "Estimate: 0.5 ms (0.25 to 1)"


def _work(kind, plain=False, known=True):
    return dataclasses.replace(CONV, kind=kind, plain=plain, known=known)


@pytest.mark.parametrize(("share", "said"), [(0.049, False), (0.051, True)])
def test_what_takes_a_twentieth_of_the_time_is_named(share, said):
    times = np.array([1 - share, share]) * 7
    unsure, notes = predict._strange((_work("CONV_2D"), _work("CUMSUM")), times)
    assert unsure == pytest.approx(0.5 * share)
    told = ("No published network has CUMSUM: a guess by their work.",) if said else ()
    assert notes == told
    unsure, notes = predict._strange((_work("CONV_2D"), _work("CUMSUM", plain=True)), times)
    assert unsure == pytest.approx(0.9 * share) and bool(notes) is said
    unsure, notes = predict._strange((_work("CONV_2D"), _work("CUMSUM", known=False)), times)
    assert unsure == pytest.approx(0.5 * share) and notes == ()  # said elsewhere


def test_an_interval_is_even_in_the_logarithm():
    assert predict._interval(np.log(4.0), np.log(2.0)) == pytest.approx([2, 4, 8])


def test_most_of_the_work_decides_what_is_an_integer_network():
    heavy, light = CONV, dataclasses.replace(CONV, macs=CONV.macs // 2, integer=False)
    heavy = dataclasses.replace(heavy, integer=True)
    assert predict._is_integer((heavy, light))
    assert not predict._is_integer((heavy, light, light))  # as much of both
    assert predict._is_integer((heavy, light, dataclasses.replace(heavy, macs=0)))
    none = [dataclasses.replace(each, macs=0) for each in (heavy, light, heavy)]
    assert predict._is_integer(tuple(none))
    assert not predict._is_integer(tuple(none[:2]))


@pytest.mark.parametrize("integer", [False, True])
def test_what_the_time_of_a_convolution_on_this_host_may_grow_with(integer):
    """6 output pixels of 10 columns, which fill whole lanes; integers whole steps of channels."""
    done = work.Work(
        "CONV_2D", "conv", macs=60 * 18, columns=10, depth=18, window=2, passes=7.0,
        input_elements=50, output_elements=60, activation_bytes=110, weight_bytes=40,
        integer=integer,
    )  # fmt: skip
    lanes = -(-10 // host.LANES) * host.LANES
    step = host._STEP if integer else 1
    multiplied = 6 * lanes * 2 * (-(-9 // step) * step)
    expected = [1, *(np.array([multiplied, 100, 60, 150, 7]) / 1e6)]
    np.testing.assert_allclose(host.counts(done), expected)
    sizes = [np.log(6), np.log(10), np.log(9), np.log(2), np.log(50 / 60)]
    wasted, unread = lanes / 10 - 1, -(-9 // host._STEP) * host._STEP / 9 - 1
    np.testing.assert_allclose(host.place(done), [*sizes, min(1, wasted), min(1, unread)])
    depthwise = dataclasses.replace(done, family="depthwise")
    assert host.counts(depthwise)[1:3].tolist() == [1080 / 1e6, 0]
    adding = dataclasses.replace(done, family="elementwise", macs=0)
    assert host.counts(adding)[1:3].tolist() == [0, 0]
    pointwise = dataclasses.replace(done, family="pointwise", window=1)
    assert host.counts(pointwise)[2] == 50 / 1e6


def test_keys_of_what_was_measured():
    assert host.key(True, 2, "conv") == "int8/2/conv" and host.key(False, 1) == "float32/1"
    adding = dataclasses.replace(CONV, kind="ADD", family="elementwise")
    assert (host.family(CONV), host.family(adding)) == ("conv", "ADD")
    assert host.family(dataclasses.replace(CONV, kind="PAD", family="copy")) == "PAD"


@pytest.mark.parametrize(
    ("threads", "deviation", "said"),
    [
        (1, 0.0, []),
        (4, 0.0, []),
        (2, 0.0, ["was measured with 1, 4 threads, not 2"]),
        (8, np.hypot(0.1, 0.25), ["not 8", "has 4 fast cores for 8 threads"]),
        (16, np.hypot(0.2, 0.5), ["not 16", "has 4 fast cores for 16 threads"]),
    ],
)
def test_each_doubling_of_threads_is_less_sure(threads, deviation, said):
    """By .1 beyond what was measured, by .25 beyond the fast cores."""
    phone = dataclasses.replace(devices.find("pixel4"), fast_cores=4)
    fit = dataclasses.replace(
        fitted.load(),
        measured=tuple((phone.name, n, kind) for n in (1, 4) for kind in (True, False)),
    )
    found, notes = predict._extrapolation(fit, phone, threads, True)
    assert found == pytest.approx(deviation) and len(notes) == len(said)
    assert all(words in note for words, note in zip(said, notes, strict=True))
    others = dataclasses.replace(fit, measured=((phone.name, 1, False), (phone.name, 4, False)))
    _, notes = predict._extrapolation(others, phone, 4, True)
    assert notes == (f"No int8 network was published for {phone.label}: others stand in.",)

import dataclasses
import lzma
import pathlib

import numpy as np
import pytest

import tfedge
from tfedge import errors
from tfedge.device import delegate_rules
from tfedge.device.file import tflite
from tfedge.device.prediction import work
from tfedge.device.prediction.accelerators import devices, estimating, fitted, formula
from tfedge.device.prediction.work import Work

_NETWORKS = pathlib.Path(__file__).parent / "networks"
_CONV = Work(
    "CONV_2D",
    "conv",
    macs=49 * 64 * 576,
    columns=64,
    depth=576,
    window=9,
    weight_bytes=4 * (576 * 64 + 64),
    input_elements=49 * 64,
    output_elements=49 * 64,
)


def network(name):
    return lzma.decompress((_NETWORKS / f"{name}.tflite.xz").read_bytes())


def predicted(name, device="galaxy_s25"):
    return tfedge.predict_latency(network(name), device=device, accelerator="npu")


def asked(each, integer=False):
    return dict(zip(formula.RATES, formula.amounts((each,), integer)[0], strict=True))


def test_what_a_convolution_asks_for():
    found = asked(_CONV)
    assert found["matrix"] == pytest.approx(_CONV.macs * (1 + 40 / 49) / 1e9)
    assert found["weights"] == pytest.approx(2 * 576 * 64 / 1e6)
    assert (found["kernels"], found["others"], found["far"]) == (1, 0, 0)
    size = 4 * 49 * 64 / 1e6
    assert found["strips"] == pytest.approx(size * size / (size + 8))


@pytest.mark.parametrize(
    ("columns", "channels", "groups", "factor"),
    [(64, 64, 1, 1), (33, 64, 1, 64 / 33), (64, 24, 1, 32 / 24), (64, 64, 16, 8), (64, 64, 2, 1)],
)
def test_tiles_are_filled_up(columns, channels, groups, factor):
    depth = channels // groups
    work = Work("CONV_2D", "conv", macs=4000 * columns * depth, columns=columns, depth=depth)
    found = asked(dataclasses.replace(work, groups=groups))["matrix"]
    assert found * 1e9 == pytest.approx(work.macs * factor * (1 + 40 / 4000))


def test_an_image_is_laid_out_by_windows():
    work = Work("CONV_2D", "conv", macs=4000 * 32 * 27, columns=32, depth=27, window=9)
    assert asked(work)["matrix"] * 1e9 == pytest.approx(work.macs * 32 / 27 * 1.01)


def test_what_stays_in_place_or_is_clipped_is_not_sent_away():
    big = {"input_elements": 10**8, "output_elements": 10**8}
    assert asked(Work("CONCATENATION", "copy", **big))["moved"] == 0
    assert asked(Work("RELU6", "elementwise", passes=1e8, **big))["far"] == 0
    assert asked(Work("ADD", "elementwise", passes=1e8, **big))["far"] > 190
    assert asked(Work("TRANSPOSE", "copy", **big))["moved"] == 200
    assert asked(Work("GELU", "elementwise", passes=8e8, **big))["curves"] == 800
    assert not any(asked(Work("RESHAPE", "free")).values())


def test_the_larger_of_computing_and_fetching_is_waited_for():
    times = np.zeros(14)
    times[[0, 9, 11]] = 3.0, 4.0, 0.5
    assert formula.parts(times).sum() == pytest.approx(5.5)
    step = np.zeros(14)
    step[9] = 1e-6
    slope = (formula.parts(times + step).sum() - formula.parts(times).sum()) / 1e-6
    assert slope == pytest.approx(formula.slopes(times)[9], rel=1e-4)


def test_an_estimate_of_a_file():
    found = predicted("mobilenet_v2_int8")
    assert found.accelerator == "npu"
    assert found.device == "galaxy_s25"
    assert found.runtime == devices.runtime()
    assert 0.3 < found.low / found.value < 0.75
    assert found.high / found.value == pytest.approx(found.value / found.low)
    assert predicted("mobilenet_v2_int8", "Samsung Galaxy S25").value == found.value
    assert predicted("mobilenet_v2_int8", "qcm6690").value > 3 * found.value
    assert "on galaxy_s25, NPU" in repr(found)


def test_the_published_network_is_met():
    """MobileNet's blocks on 96 wide images are quicker than the 0.214 ms of 224 wide ones."""
    assert 0.04 < predicted("mobilenet_v2_int8").value < 0.214


def test_as_another_type():
    file = tflite.read(network("mobilenet_v2_int8"))
    other = estimating.as_other_type(file, "galaxy_s25")
    assert other is not None
    assert other.type == fitted.FLOAT16
    assert estimating.of(file, "galaxy_s25").type == fitted.INT8
    assert estimating.as_other_type(file, "qcs6490") is None
    conv = next(w for w in work.of(file) if w.macs)
    turned = estimating._retyped(conv, False)
    biases = 4 * conv.columns
    assert turned.weight_bytes - biases == 4 * (conv.weight_bytes - biases)
    assert estimating._retyped(turned, True) == conv


def test_operators_share_the_time():
    file = tflite.read(network("mobilenet_v2_int8"))
    found = estimating.shares(file, "galaxy_s25")
    assert len(found) == len(file.operators)
    assert 0 < found.sum() < estimating.of(file, "galaxy_s25").value
    ends = formula.ends(estimating._ends(file)) / np.exp(
        fitted.load().rates["galaxy_s25", "int8"].values
    )
    assert found.sum() + ends.sum() == pytest.approx(estimating.of(file, "galaxy_s25").value)


def test_operators_outside_of_the_rules_are_left_out_and_said():
    found = predicted("rnn_float")
    assert "2 operators fall back to the CPU (UNIDIRECTIONAL_SEQUENCE_LSTM)" in found.notes[0]
    assert any("has STRIDED_SLICE: a guess" in note for note in found.notes)
    assert (
        found.high / found.value
        > predicted("ds_cnn_float16").high / predicted("ds_cnn_float16").value
    )
    file = tflite.read(network("rnn_float"))
    taken = delegate_rules.taken(file, "qualcomm_npu")
    assert [o.kind for o, t in zip(file.operators, taken, strict=True) if not t] == [
        "UNIDIRECTIONAL_SEQUENCE_LSTM"
    ] * 2


@pytest.mark.parametrize(
    ("name", "device", "words"),
    [
        ("resnet8_dynamic", "galaxy_s25", "dynamic range"),
        ("lenet5_int16x8", "galaxy_s25", "16-bit activations"),
        ("mobilenet_float", "qcs6490", "no latency of floats on the NPU of qcs6490"),
        ("mobilenet_float", "pixel4", "no latencies of its NPU were published"),
    ],
)
def test_what_no_npu_was_published_for(name, device, words):
    with pytest.raises(errors.BadInput, match=words) as refused:
        predicted(name, device)
    assert "\n" not in str(refused.value)


def test_unknown_pairs_of_device_and_accelerator():
    content = network("mobilenet_v2_int8")
    with pytest.raises(errors.BadInput, match="only of its NPU"):
        tfedge.predict_latency(content, device="galaxy_s24")
    with pytest.raises(errors.BadInput, match="'gpu'"):
        tfedge.predict_latency(content, device="galaxy_s24", accelerator="gpu")


def test_a_dynamic_shape_is_refused():
    file = tflite.read(network("mobilenet_v2_int8"))
    loose = dataclasses.replace(file.inputs[0], shape_signature=(-1, 96, 96, 3))
    with pytest.raises(errors.BadInput, match=r"its shape \(\?, 96, 96, 3\) is dynamic"):
        estimating.of(dataclasses.replace(file, inputs=(loose,)), "galaxy_s25")

"""INT4 files compute what the same codes in INT8 compute, wherever LiteRT can read them."""

import functools

import numpy as np
import pytest
import running

from tfedge.compress import keras as k
from tfedge.data.task import ArraySplit, Task
from tfedge.device.file import tflite
from tfedge.export import from_model, options
from tfedge.export.edits import few_bit_versions, int4_kernels
from tfedge.export.tree import flatbuffer, operators

layers = k.tf_keras.layers
LAYERS = {
    "conv_odd": (layers.Conv2D, (5, 3), {"activation": "relu"}, (7, 7, 3)),
    "conv_one_weight": (layers.Conv2D, (1, 1), {}, (3, 3, 1)),
    "conv_stride": (layers.Conv2D, (16, 3), {"strides": 2, "padding": "same"}, (9, 9, 16)),
    "conv_dilated": (layers.Conv2D, (4, 3), {"dilation_rate": 2}, (9, 9, 5)),
    "conv_groups": (layers.Conv2D, (9, 3), {"groups": 3}, (7, 7, 9)),
    "conv_1d": (layers.Conv1D, (4, 3), {}, (9, 5)),
    "depthwise": (layers.DepthwiseConv2D, (3,), {"depth_multiplier": 2}, (7, 7, 5)),
    "dense_odd": (layers.Dense, (3,), {"activation": "relu"}, (33,)),
    "dense_no_bias": (layers.Dense, (16,), {"use_bias": False}, (32,)),
    "dense_3d": (layers.Dense, (6,), {}, (5, 9)),
    "transposed": (layers.Conv2DTranspose, (4, 3), {"strides": 2}, (4, 4, 3)),
}


@functools.cache
def _made(name):
    """(file with INT8 kernels of -7..7, examples)."""
    kind, places, settings, shape = LAYERS[name]
    x = np.random.default_rng(0).random((24, *shape), np.float32)
    given = layers.Input(shape)
    model = k.tf_keras.Model(given, kind(*places, **settings)(given))
    for weight in model.weights:
        weight.assign(np.random.default_rng(1).normal(size=weight.shape) * 0.1)
    split = ArraySplit(x, np.zeros(24, np.float32))
    task = Task("random", "regression", split, split, split)
    edited = from_model.convert(model, None, options.Export("int8", output="int8"), task)
    for operator in operators.weighted(edited):
        tensor = operator.graph.tensors[operator.kernel]
        tensor.name = name.encode()
        codes = operators.values(edited, tensor)
        operators.set_values(edited, tensor, np.round(codes * (7 / 127)))
    return flatbuffer.pack(edited), x


def _packed(data):
    def change(tree):
        int4_kernels.pack(tree)
        few_bit_versions.state(tree)

    return running.edited(data, change)


@pytest.mark.parametrize("name", LAYERS)
def test_outputs_are_those_of_the_same_codes_in_int8(name):
    as_int8, x = _made(name)
    as_int4 = _packed(as_int8)
    expected = running.images(as_int8, x[:5], running.WITHOUT_XNNPACK)
    found = running.images(as_int4, x[:5], running.WITHOUT_XNNPACK)
    assert np.array_equal(found, expected)
    # XNNPACK rounds halves of a step another way, with INT8 kernels as well.
    found = running.images(as_int4, x[:5], running.WITH_XNNPACK)
    step = tflite.read(as_int4).outputs[0].scales[0]
    assert np.abs(found - expected).max() < 1.5 * step


@pytest.mark.parametrize("name", LAYERS)
def test_the_kernel_takes_half_a_byte_a_weight_and_reads_back(name):
    as_int8, _ = _made(name)
    before = tflite.read(as_int8).kernels()[0].tensor
    file = tflite.read(_packed(as_int8))
    kernel = file.kernels()[0]
    assert np.array_equal(kernel.tensor.values(), before.values())
    assert np.array_equal(kernel.tensor.scales, before.scales)
    if kernel.operator.kind == "TRANSPOSE_CONV":
        assert (kernel.tensor.dtype, kernel.tensor.bits) == ("INT8", 8)
        return
    assert (kernel.tensor.dtype, kernel.tensor.bits) == ("INT4", 4)
    assert file.weight_bytes == kernel.tensor.buffer_bytes == (before.values().size + 1) // 2
    versions = {"CONV_2D": 7, "DEPTHWISE_CONV_2D": 7, "FULLY_CONNECTED": 10}  # LiteRT's own
    assert kernel.operator.version == versions[kernel.operator.kind]


def test_what_stays_int8_is_logged_with_the_reason(caplog):
    _packed(_made("transposed")[0])
    reason = "LiteRT has no TRANSPOSE_CONV of INT4 kernels"
    assert f"stay INT8 though they have 4 bits: {reason}: transposed" in caplog.text


@pytest.mark.parametrize(
    ("largest", "dtype"), [(7, "INT4"), (-7, "INT4"), (8, "INT8"), (-8, "INT8")]
)
def test_integers_beyond_seven_stay_int8(largest, dtype, caplog):
    def change(tree):
        (operator,) = operators.weighted(tree)
        tensor = operator.graph.tensors[operator.kernel]
        codes = operators.values(tree, tensor).copy()
        codes.reshape(-1)[0] = largest
        operators.set_values(tree, tensor, codes)
        int4_kernels.pack(tree)

    with caplog.at_level("INFO", logger="absl"):
        data = running.edited(_made("dense_odd")[0], change)
    assert tflite.read(data).kernels()[0].tensor.dtype == dtype
    assert ("their integers reach beyond 7: dense_odd" in caplog.text) is (dtype == "INT8")

import json
import pathlib

import numpy as np
import pytest

from tfedge import errors
from tfedge.device.file import tflite


def test_kernels_of_an_int8_file(stored):
    kernels = tflite.read(stored("image_int8")).kernels()
    conv, depthwise, dense = kernels
    assert [k.operator.kind for k in kernels] == [
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
    ]
    assert [k.tensor.name for k in kernels] == ["conv", "depthwise", "dense"]
    assert [k.channel_axis for k in kernels] == [0, 3, 0]
    assert (conv.tensor.shape, conv.tensor.dtype, conv.tensor.bits) == ((4, 3, 3, 1), "INT8", 8)
    assert depthwise.tensor.values().shape == (1, 3, 3, 4)
    assert len(depthwise.tensor.scales) == 4
    assert conv.tensor.distinct_per_channel == 7 < conv.tensor.distinct == 12
    assert dense.tensor.sparsity == np.mean(dense.tensor.values() == 0)


def test_same_zeros_in_float_and_int8(stored):
    for ours, theirs in zip(
        tflite.read(stored("image_float")).kernels(),
        tflite.read(stored("image_int8")).kernels(),
        strict=True,
    ):
        assert ours.tensor.sparsity == theirs.tensor.sparsity > 0.3


def test_sparsely_stored_kernel_is_read_dense(stored):
    (kernel,) = tflite.read(stored("block_sparse")).kernels()
    expected = np.zeros((4, 16), np.float32)
    expected[0, 0:4], expected[2, 8:12] = 1.5, -0.5
    np.testing.assert_array_equal(kernel.tensor.values(), expected)
    assert kernel.tensor.buffer_bytes == 32
    assert kernel.tensor.sparsity == 56 / 64


def test_names_of_the_signature(stored):
    file = tflite.read(stored("sequence_float"))
    assert {name: t.shape for name, t in file.named_inputs.items()} == {
        "steps": (1, 5, 3),
        "extra": (1, 2),
    }
    assert set(file.named_outputs) == {"group", "score"}
    assert file.operator_counts["FULLY_CONNECTED"] == 2
    assert len([k for k in file.kernels() if "LSTM" in k.operator.kind]) == 8


def test_names_without_a_signature(stored, edited):
    bare = edited(stored("image_float"), lambda model: setattr(model, "signatureDefs", None))
    file = tflite.read(bare)
    assert file.signature is None
    assert set(file.named_inputs) == {"image"}


def test_float16_kernels_are_found_behind_dequantize(stored):
    file = tflite.read(stored("image_float16"))
    assert file.operator_counts["DEQUANTIZE"] > 2
    assert [(k.tensor.name, k.tensor.bits, k.channel_axis) for k in file.kernels()] == [
        ("conv", 16, 0),
        ("depthwise", 16, 3),
        ("dense", 16, 0),
    ]


def test_sizes(stored):
    content = stored("image_int8")
    file = tflite.read(content)
    assert file.file_bytes == len(content)
    assert file.weight_bytes == 36 + 36 + 256
    assert file.overhead_bytes == len(content) - 328
    assert 328 < file.download_bytes < len(content)


def test_metadata_says_whether_raw_input_is_taken(stored, edited):
    assert not tflite.read(stored("image_int8")).takes_raw_input
    assert tflite.read(stored("image_uint8_raw")).takes_raw_input

    def spoil(model):
        model.buffers[model.metadata[-1].buffer].data = list(b"{raw")

    with pytest.raises(errors.BadInput, match=r"tfedge\.input"):
        _ = tflite.read(edited(stored("image_uint8_raw"), spoil)).takes_raw_input


def test_flex_operators(stored, edited):
    def flexed(model):
        code = model.operatorCodes[model.subgraphs[0].operators[-1].opcodeIndex]
        code.builtinCode = code.deprecatedBuiltinCode = 32
        code.customCode = b"FlexFFT"

    assert tflite.read(edited(stored("image_float"), flexed)).flex_operators == ("FlexFFT",)
    assert tflite.read(stored("image_float")).flex_operators == ()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x1c\0\0\0TFL4" + bytes(64)])
def test_not_a_tflite(content):
    with pytest.raises(errors.BadInput, match=r"not a \.tflite"):
        tflite.read(content)


def test_truncated_anywhere_is_said_so(stored):
    content = stored("image_int8")
    for length in range(8, len(content) - 64, 97):
        with pytest.raises(errors.BadInput, match=r"a\.tflite: truncated or damaged"):
            tflite.read(content[:length], "a.tflite")


def test_overwritten_bytes_raise_nothing_else(stored):
    content = stored("sequence_float")
    random = np.random.default_rng(0)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(400):
        spoilt = bytearray(content)
        at = random.integers(8, len(content) - 4)
        spoilt[at : at + 4] = random.bytes(4)
        try:
            for kernel in tflite.read(bytes(spoilt)).kernels():
                _ = kernel.tensor.distinct_per_channel
            outcomes["read"] += 1
        except errors.BadInput:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 50, json.dumps(outcomes)


def test_one_table_named_a_million_times_is_refused(stored, edited):
    """The same tensor under every offset of a long vector costs nothing to write."""
    content = bytearray(edited(stored("image_float"), lambda model: None))
    from ai_edge_litert import schema_py_generated as schema

    graph = schema.Model.GetRootAs(content, 0).Subgraphs(0)
    vector = graph._tab.Vector(graph._tab.Offset(4))
    content[vector - 4 : vector] = (len(content) // 4).to_bytes(4, "little")
    with pytest.raises(errors.BadInput, match=r"do not fit|damaged"):
        tflite.read(bytes(content))


def test_a_path_instead_of_bytes_is_told_so():
    for wrong in ("model.tflite", None, pathlib.Path("model.tflite")):
        with pytest.raises(errors.BadInput, match=r"got (str|NoneType|PosixPath).*read_bytes"):
            tflite.read(wrong)


def test_attributes_of_newer_operators_are_read(stored, edited):
    """StableHLO's stand in a second table of options."""
    from ai_edge_litert import schema_py_generated as schema

    def renewed(model):
        operator = model.subgraphs[0].operators[-1]
        operator.builtinOptionsType, operator.builtinOptions = 0, None
        operator.builtinOptions2Type = schema.BuiltinOptions2.StablehloConcatenateOptions
        operator.builtinOptions2 = schema.StablehloConcatenateOptionsT(dimension=3)

    file = tflite.read(edited(stored("image_float"), renewed))
    assert file.operators[-1].options == {"dimension": 3}


def test_codes_of_a_file_mean_what_its_float_twin_says(stored):
    stored_as = {
        name: tflite.read(stored(name)).kernels() for name in ("image_float", "image_int8")
    }
    for exact, coded in zip(*stored_as.values(), strict=True):
        wanted = exact.tensor.real(exact.tensor.values())
        np.testing.assert_array_equal(wanted, exact.tensor.values())
        real = coded.tensor.real(coded.tensor.values())
        assert real.dtype == np.float32 and real.shape == wanted.shape
        assert np.abs(real - wanted).max() <= 0.51 * coded.tensor.scales.max()
    (logits,) = tflite.read(stored("image_int8")).outputs
    real = logits.real(np.array([[-128, 127, 0, 1]], np.int8))
    assert np.ptp(real) == pytest.approx(255 * logits.scales[0])

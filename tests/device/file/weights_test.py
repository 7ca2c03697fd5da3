import numpy as np
import pytest

from tfedge.device.file import weights


def _bytes(*values):
    return np.array(values, np.uint8)


def test_int4_is_packed_low_nibble_first():
    values = weights.decode(_bytes(0xF1, 0x08), "INT4", (3,), None)
    assert values.tolist() == [1, -1, -8]
    assert values.dtype == np.int8


def test_int2_and_uint4():
    assert weights.decode(_bytes(0b11_10_01_00), "INT2", (4,), None).tolist() == [0, 1, -2, -1]
    assert weights.decode(_bytes(0xF1), "UINT4", (2,), None).tolist() == [1, 15]


def test_half_floats():
    half = np.array([0.5, -2], np.float16).view(np.uint8)
    assert weights.decode(half, "FLOAT16", (2,), None).tolist() == [0.5, -2]
    assert weights.decode(_bytes(0x80, 0x3F), "BFLOAT16", (1,), None).tolist() == [1.0]


def test_scalar_has_one_element():
    assert weights.decode(_bytes(7, 0, 0, 0), "INT32", (), None).tolist() == 7


def test_too_few_bytes():
    with pytest.raises(ValueError, match="8 bytes of FLOAT32 expected, 4 found"):
        weights.decode(_bytes(0, 0, 0, 0), "FLOAT32", (2,), None)


def test_distinct_values_are_counted_per_channel():
    values = np.array([[1, 1, 2, 0], [3, 3, 3, 3], [4, 5, 6, 7]])
    assert weights.count_distinct(values) == 8
    assert weights.most_distinct_in_a_channel(values, 0) == 4
    assert weights.most_distinct_in_a_channel(values, 1) == 3


def test_zeros_are_the_zero_point():
    values = np.array([[0, 5], [3, 3]])
    assert weights.zero_share(values, np.array([]), None) == 0.25
    assert weights.zero_share(values, np.array([5, 3]), 0) == 0.75


def test_entropy():
    assert weights.entropy_bits(np.array([0, 0, 1, 1])) == 1.0
    assert weights.entropy_bits(np.array([5, 5, 5])) == 0.0


def test_codes_become_real_values():
    real = weights.dequantize(np.array([-2, 0, 3], np.int8), 0.5, -2)
    assert (real.dtype, real.tolist()) == (np.float32, [0.0, 1.0, 2.5])
    assert weights.dequantize(np.array([3], np.uint8), [2.0], []).tolist() == [6.0]


def test_each_channel_has_its_scale_and_zero_point():
    codes = np.array([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], np.int8)
    real = weights.dequantize(codes, np.array([1, 10]), np.array([1, 2]), axis=1)
    assert real.tolist() == [[[0, 1], [10, 20]], [[4, 5], [50, 60]]]


def test_long_codes_keep_their_digits_in_float64():
    code = np.array([2**31 - 1], np.int64)
    assert weights.dequantize(code, 1.0, 0, dtype=np.float64).tolist() == [2**31 - 1]
    assert weights.dequantize(code, 1.0, 0).tolist() == [2**31]


@pytest.mark.parametrize("dtype", ["FLOAT64", "FLOAT32", "FLOAT16", "INT64", "INT32", "INT16",
                                   "INT8", "UINT64", "UINT32", "UINT16", "UINT8", "COMPLEX64",
                                   "COMPLEX128"])  # fmt: skip
def test_elements_that_numpy_has_take_as_many_bytes(dtype):
    assert weights.stored_bytes(dtype, 3) == 3 * np.dtype(dtype.lower()).itemsize


@pytest.mark.parametrize(
    ("dtype", "size"),
    [
        *(("BFLOAT16", 10), ("FLOAT8_E4M3FN", 5), ("FLOAT8_E5M2", 5), ("BOOL", 5)),
        *(("INT4", 3), ("UINT4", 3), ("INT2", 2), ("STRING", 0), ("RESOURCE", 0)),
    ],
)
def test_what_five_others_take(dtype, size):
    assert weights.stored_bytes(dtype, 5) == size and weights.stored_bytes(dtype, 0) == 0


@pytest.mark.parametrize(
    ("values", "axis", "most"),
    [
        ([[1, 1], [1, 2]], 0, 2),
        ([[1, 1], [2, 2]], 0, 1),
        ([[1, 1], [2, 2]], 1, 2),
        ([[3, 1, 3, 2], [5, 5, 5, 5]], 0, 3),
        ([[4], [7]], 0, 1),
        (np.zeros((2, 0)), 0, 0),
    ],
)
def test_most_values_of_a_channel(values, axis, most):
    assert weights.most_distinct_in_a_channel(np.array(values), axis) == most

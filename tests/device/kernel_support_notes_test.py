import dataclasses
import lzma
import pathlib

import numpy as np

from tfedge.device import kernel_support_notes
from tfedge.device.file import tflite


def _file(*kernels, kinds=("CONV_2D",)):
    """A file of kernels made by hand: (dtype, values, operator)."""

    class File:
        operators = ()

        def kernels(self):
            return tuple(_kernel(n, *each) for n, each in enumerate(kernels))

    return File()


@dataclasses.dataclass
class _Tensor:
    index: int
    dtype: str
    stored: np.ndarray
    sparse_encoding: object = None

    @property
    def shape(self):
        return self.stored.shape

    @property
    def sparsity(self):
        return float(np.mean(self.stored == 0))

    def values(self):
        return self.stored


@dataclasses.dataclass
class _Kernel:
    tensor: _Tensor
    operator: object


def _kernel(index, dtype, values, kind):
    operator = type("Operator", (), {"kind": kind})()
    return _Kernel(_Tensor(index, dtype, np.asarray(values)), operator)


def test_a_dense_eight_bit_file_needs_no_words(stored):
    assert kernel_support_notes.of(_file(("INT8", np.ones((4, 2)), "CONV_2D"))) == ()


def test_four_bits_speed_up_dense_layers_only():
    ones = np.ones((4, 2))
    said = kernel_support_notes.of(
        _file(("INT4", ones, "FULLY_CONNECTED"), ("INT4", ones, "CONV_2D"))
    )
    assert said[0].startswith("1 of 2 INT4 kernels are of FULLY_CONNECTED")
    assert said[1] == (
        "1 of 2 INT4 kernels are unpacked to 8 bits before use: smaller, not faster."
    )


def test_zeros_in_dense_kernels_save_bytes_only():
    kernel = np.array([[0, 0, 0, 5], [0, 0, 1, 2]])
    (said,) = kernel_support_notes.of(_file(("INT8", kernel, "CONV_2D")))
    assert said.startswith("62% of the weights are zeros")
    assert "the time does not" in said


def test_half_floats(stored):
    (said,) = kernel_support_notes.of(tflite.read(stored("image_float16")))[:1]
    assert "not faster on the CPU" in said


def test_blocks_that_are_skipped(stored):
    (said,) = kernel_support_notes.of(tflite.read(stored("block_sparse")))
    assert said.endswith("smaller and faster.")


def test_sixteen_bit_activations_buy_no_time():
    path = pathlib.Path(__file__).parent / "networks" / "lenet5_int16x8.tflite.xz"
    note, *_ = kernel_support_notes.of(tflite.read(lzma.decompress(path.read_bytes())))
    assert "16-bit activations" in note and "many times slower than on 8 bits" in note

"""What each kernel asks for beside its tensors, in bytes counted by hand."""

import types

import numpy as np
import pytest

from tfedge.device.footprint import scratch


def _tensor(shape, dtype="INT8", scales=1, constant=False):
    return types.SimpleNamespace(
        shape=shape, dtype=dtype, scales=np.ones(scales), is_constant=constant
    )


def _of(kind, output, *operands, inputs=None, **options):
    """Of an operator that reads these, `inputs` saying where each stands, -1 for none."""
    places = list(range(len(operands))) if inputs is None else inputs
    file = types.SimpleNamespace(tensors=[*operands, output])
    operator = types.SimpleNamespace(
        kind=kind, inputs=places, outputs=(len(operands),), options=options
    )
    return scratch.of(operator, file)


IMAGE, KERNEL, MADE = _tensor((2, 5, 4, 3)), _tensor((7, 3, 2, 3)), _tensor((2, 3, 3, 7))
POINT = _tensor((7, 1, 1, 3))
FLOAT = _tensor((2, 5, 4, 3), "FLOAT32")


def test_a_convolution_lays_out_its_patches():
    assert _of("CONV_2D", MADE, IMAGE, KERNEL).running == (2 * 3 * 3 * 18,)
    in_float = _of("CONV_2D", MADE, FLOAT, _tensor((7, 3, 2, 3), "FLOAT32"))
    assert in_float.running == (4 * 2 * 3 * 3 * 18,)
    assert _of("CONV_2D", MADE, IMAGE, POINT) == scratch.Scratch()
    assert _of("CONV_2D", MADE, IMAGE, _tensor((7, 1, 3, 3))).running == (18 * 9,)
    unknown = _tensor((-1, 3, 3, 7))
    assert _of("CONV_2D", unknown, IMAGE, KERNEL).running == (9 * 18,)


@pytest.mark.parametrize("name", ["strideH", "strideW", "dilationHFactor", "dilationWFactor"])
def test_a_convolution_of_one_pixel_that_skips_some_lays_them_out(name):
    assert _of("CONV_2D", MADE, IMAGE, POINT, **{name: 2}).running == (18 * 3,)


@pytest.mark.parametrize("dtype", ["INT8", "UINT8", "INT4"])
def test_integers_that_meet_a_float_image_quantize_it_first(dtype):
    patches, image, pixels, sums = 18 * 18, 120, 4 * 40, 4 * 126
    found = _of("CONV_2D", MADE, FLOAT, _tensor((7, 3, 2, 3), dtype))
    assert found == scratch.Scratch((patches, image, pixels, sums))
    found = _of("CONV_2D", MADE, FLOAT, _tensor((7, 3, 2, 3), dtype, scales=2))
    assert found == scratch.Scratch((patches, image, pixels, sums, pixels), (4 * 7,))
    found = _of("CONV_2D", MADE, FLOAT, _tensor((7, 1, 1, 3), dtype))
    assert found == scratch.Scratch((image, pixels, sums))


def test_a_convolution_of_volumes():
    image, kernel = _tensor((1, 4, 4, 4, 2), "FLOAT32"), _tensor((2, 3, 1, 2, 5))
    output = _tensor((1, 3, 2, 4, 5))
    assert _of("CONV_3D", output, image, kernel).running == (4 * 24 * 12,)
    point = _tensor((1, 1, 1, 2, 5))
    assert _of("CONV_3D", output, image, point) == scratch.Scratch()
    assert _of("CONV_3D", output, image, point, dilationDFactor=2).running == (4 * 24 * 2,)
    assert _of("CONV_3D", output, image, point, strideW=2).running == (4 * 24 * 2,)


def test_a_dense_layer():
    x, kernel, made = _tensor((3, 6), "FLOAT32"), _tensor((5, 6)), _tensor((3, 5))
    assert _of("FULLY_CONNECTED", made, x, kernel) == scratch.Scratch((18, 12, 60, 12), (20,))
    assert _of("FULLY_CONNECTED", made, _tensor((3, 6)), kernel) == scratch.Scratch()
    assert _of("FULLY_CONNECTED", made, x, _tensor((5, 6), "FLOAT32")) == scratch.Scratch()


def test_a_product_of_matrices_keeps_a_constant_side():
    left, right = _tensor((2, 3), "FLOAT32"), _tensor((3, 4))
    assert _of("BATCH_MATMUL", MADE, left, right) == scratch.Scratch((24, 12))
    constant = _tensor((3, 4), constant=True)
    assert _of("BATCH_MATMUL", MADE, left, constant) == scratch.Scratch((24,), (12,))


def test_a_reduction():
    found = _of("MEAN", _tensor((2, 3)), _tensor((2, 5, 5, 3)), _tensor((2,), "INT32"))
    assert found == scratch.Scratch((4 * 4, 4 * 2, 4 * 6))


def test_a_recurrent_layer():
    cells = _tensor((6, 3))
    batch, late = _tensor((2, 9, 3), "FLOAT32"), _tensor((9, 2, 3), "FLOAT32")
    gates = (batch, cells, cells)
    assert _of("UNIDIRECTIONAL_SEQUENCE_LSTM", MADE, *gates).running == (4 * 2 * (6 * 5 + 16),)
    late_first = _of("UNIDIRECTIONAL_SEQUENCE_LSTM", MADE, late, cells, cells, timeMajor=True)
    assert late_first.running == (4 * 2 * (6 * 5 + 16),)
    coupled = _of(
        "UNIDIRECTIONAL_SEQUENCE_LSTM", MADE, batch, cells, cells, cells, inputs=[0, -1, 1, 2, 3]
    )
    assert coupled.running == (4 * 2 * (6 * 4 + 16),)
    integers = _of("UNIDIRECTIONAL_SEQUENCE_LSTM", MADE, _tensor((2, 9, 3)), cells, cells)
    assert integers.running == (24, 24, 24, 24, 12, 48)


def test_others_ask_for_nothing():
    assert _of("ADD", MADE, IMAGE, IMAGE) == scratch.Scratch()
    assert _of("CONV_2D", MADE, IMAGE, inputs=[0, -1]) == scratch.Scratch()

"""What each kind of operator asks for, counted by hand from the shapes of its tensors."""

import dataclasses
import types

import numpy as np
import pytest

from tfedge.device.prediction import work


def _tensor(shape, dtype="INT8", constant=False, variable=False):
    return types.SimpleNamespace(
        shape=shape, dtype=dtype, is_constant=constant, is_variable=variable, data=None
    )


def _stored(*shape, dtype="INT8", variable=False):
    return _tensor(shape, dtype, constant=True, variable=variable)


def _works(*operators, **options):
    """Of operators (kind, what they read, what they make), in a file of these tensors."""
    tensors = []
    for _, read, made in operators:
        tensors += [each for each in (*read, *made) if not any(each is t for t in tensors)]
    for index, tensor in enumerate(tensors):
        tensor.index = index
    file = types.SimpleNamespace(tensors=tensors, subgraphs=(), named_inputs={})
    file.operators = [
        types.SimpleNamespace(
            kind=kind,
            subgraph=0,
            is_custom=options.get("is_custom", False),
            options=options,
            inputs=tuple(each.index for each in read),
            outputs=tuple(each.index for each in made),
        )
        for kind, read, made in operators
    ]
    constants = work._constants(file)
    return [work._of(file, each, constants) for each in file.operators]


def _work(kind, read, made, **options):
    return _works((kind, read, [made]), **options)[0]


IMAGE, OUT = _tensor((1, 8, 6, 3)), _tensor((1, 4, 3, 5))


def test_a_convolution():
    found = _work("CONV_2D", [IMAGE, _stored(5, 3, 2, 3), _stored(5, dtype="INT32")], OUT)
    assert found == work.Work(
        *("CONV_2D", "conv", 60 * 18, 5, 18, 6, 0.0),
        activation_bytes=144 + 60,
        weight_bytes=90 + 20,
        gathered_bytes=12 * 18,
        input_elements=144,
        output_elements=60,
        integer=True,
    )
    in_float = _tensor((1, 8, 6, 3), "FLOAT32")
    found = _work(
        "CONV_2D",
        [in_float, _stored(5, 3, 2, 3, dtype="FLOAT32")],
        _tensor((1, 4, 3, 5), "FLOAT32"),
    )
    assert (found.gathered_bytes, found.activation_bytes) == (4 * 216, 4 * 204)
    assert not found.integer and not found.plain and found.weight_bytes == 360


def test_a_convolution_of_one_pixel_only_multiplies():
    image, kernel = _tensor((1, 4, 3, 2)), _stored(5, 1, 1, 2)
    found = _work("CONV_2D", [image, kernel], OUT)
    assert (found.family, found.macs, found.depth, found.gathered_bytes) == ("pointwise", 120, 2, 0)
    strided = _work("CONV_2D", [_tensor((1, 8, 6, 2)), kernel], OUT)
    assert (strided.family, strided.window, strided.gathered_bytes) == ("conv", 1, 24)


def test_kernels_of_integers_on_floats_compute_on_integers():
    image, out = _tensor((1, 4), "FLOAT32"), _tensor((1, 3), "FLOAT32")
    assert _work("FULLY_CONNECTED", [image, _stored(3, 4)], out).integer
    assert not _work("FULLY_CONNECTED", [image, _stored(3, 4, dtype="FLOAT16")], out).integer
    assert not _work("FULLY_CONNECTED", [image, _stored(4)], out).integer  # no kernel
    assert not _work("MUL", [image, _stored(3, 4)], out).integer
    assert _work("MUL", [image, image], _tensor((1, 4), "INT16")).plain


def test_other_layers_that_multiply():
    found = _work("DEPTHWISE_CONV_2D", [IMAGE, _stored(1, 3, 2, 5)], OUT)
    assert (found.family, found.macs, found.window, found.depth) == ("depthwise", 360, 6, 6)
    assert found.columns == 5
    found = _work("FULLY_CONNECTED", [_tensor((1, 4)), _stored(3, 4)], _tensor((1, 3)))
    assert (found.family, found.macs, found.columns, found.depth) == ("dense", 12, 3, 4)
    found = _work("FULLY_CONNECTED", [_tensor((2, 4)), _stored(3, 4)], _tensor((2, 3)))
    assert (found.family, found.macs) == ("pointwise", 24)
    shape = _stored(4, dtype="INT32")
    found = _work(
        "TRANSPOSE_CONV", [shape, _stored(7, 2, 3, 5), _tensor((1, 4, 4, 5))], _tensor((1, 8, 8, 7))
    )
    assert (found.family, found.macs, found.columns, found.depth) == ("conv", 16 * 42 * 5, 7, 5)
    assert found.gathered_bytes == 16 * 42
    found = _work("CONV_3D", [_tensor((1, 4, 4, 4, 2)), _stored(2, 3, 1, 2, 6)], OUT)
    assert (found.family, found.macs, found.columns, found.depth) == ("conv", 60 * 12, 6, 12)


@pytest.mark.parametrize(("options", "depth"), [({}, 6), ({"adjX": True}, 2)])
def test_a_product_of_matrices(options, depth):
    left, right = _tensor((3, 2, 6)), _tensor((3, 6, 5))
    found = _work("BATCH_MATMUL", [left, right], _tensor((3, 2, 5)), **options)
    assert (found.family, found.macs, found.columns) == ("pointwise", 30 * depth, 5)
    assert found.weight_bytes == 0 and found.input_elements == 36 + 90


def test_a_recurrent_layer_multiplies_at_each_step():
    state = _stored(1, 4, variable=True)
    read = [_tensor((1, 7, 3)), _stored(4, 3), _stored(4, 4), _stored(4), state]
    found = _work("UNIDIRECTIONAL_SEQUENCE_LSTM", read, _tensor((1, 7, 4)))
    assert (found.family, found.macs, found.depth) == ("dense", 7 * 28, 4)
    assert found.columns == 4 and found.input_elements == 21 + 4  # the state moves
    assert found.weight_bytes == 12 + 16 + 4


@pytest.mark.parametrize(
    ("kind", "each"),
    [
        *((kind, 1) for kind in ("ADD", "PRELU", "FLOOR", "CAST", "EQUAL", "SIGN")),
        *(("HARD_SWISH", 2), ("CUMSUM", 2), ("RESIZE_BILINEAR", 6), ("EXP", 8), ("SOFTMAX", 8)),
    ],
)
def test_passes_over_elements(kind, each):
    found = _work(kind, [_tensor((2, 3))], _tensor((2, 3)))
    assert (found.family, found.passes, found.columns) == ("elementwise", 6 * each, 3)
    assert found.known and found.macs == 0


def test_pools_and_reductions():
    options = {"filterHeight": 3, "filterWidth": 2}
    found = _work("MAX_POOL_2D", [IMAGE], OUT, **options)
    assert (found.family, found.passes, found.window) == ("elementwise", 6 * 60, 6)
    whole = _work("MAX_POOL_2D", [_tensor((1, 1, 2, 2))], OUT, **options)  # no larger than it
    assert whole.passes == 4 * 60
    found = _work("MEAN", [IMAGE, _stored(2, dtype="INT32")], _tensor((1, 3)))
    assert (found.family, found.passes, found.input_elements) == ("elementwise", 144, 144)
    scalar = _work("MEAN", [IMAGE, _stored(2, dtype="INT32")], _tensor(()))
    assert (scalar.columns, scalar.output_elements) == (1, 1)


def test_what_only_copies_or_is_unknown():
    found = _work("PAD", [IMAGE, _stored(4, 2, dtype="INT32")], OUT)
    assert (found.family, found.known, found.activation_bytes) == ("copy", True, 204)
    assert not _work("MYSTERY", [IMAGE], OUT).known
    assert not _work("PAD", [IMAGE], OUT, is_custom=True).known


def test_what_costs_nothing():
    free = work.Work("RESHAPE", "free")
    assert dataclasses.astuple(free)[2:] == (0, 1, 1, 1, *[0] * 6, False, True, 1, False, 1)
    assert _work("RESHAPE", [IMAGE], OUT) == free
    first, second = _works(
        ("DEQUANTIZE", [_stored(3)], [weights := _tensor((3,), "FLOAT32")]),
        ("ADD", [_tensor((3,), "FLOAT32"), weights], [_tensor((3,), "FLOAT32")]),
    )
    assert first == work.Work("DEQUANTIZE", "free")  # once, before the first run
    assert (second.input_elements, second.weight_bytes) == (3, 12)
    assert _works(("ADD", [_tensor((3,))], []))[0].family == "free"
    assert _work("RANDOM_UNIFORM", [], _tensor((3,))).family == "copy"  # reads nothing


def test_dimensions_that_are_not_known_count_for_nothing():
    assert _work("ADD", [_tensor((-1, 3))], _tensor((-1, 3))).output_elements == 0
    np.testing.assert_equal(work._product(0, 0, 0), {"macs": 0, "depth": 1, "columns": 1})

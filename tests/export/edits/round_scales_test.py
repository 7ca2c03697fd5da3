import copy
import zlib

import numpy as np
import pytest
import running
from ai_edge_litert import schema_py_generated as schema

from tfedge.export.edits import biases, round_scales, slimming
from tfedge.export.tree import flatbuffer, operators


def _few_bits(data, **choices):
    return flatbuffer.pack(round_scales.few_bits(flatbuffer.unpack(data), **choices))


def _slim(data):
    return running.edited(data, slimming.slim)


def test_significant_bits():
    assert round_scales.significant(np.array([0.3, 1.0, 255.0]), 3).tolist() == [0.3125, 1.0, 256.0]
    assert round_scales.significant(np.array([0.3, 1.0, 1.1]), 3, np.ceil).tolist() == [
        0.3125,
        1,
        1.25,
    ]


def test_codes_stay_and_scales_of_biases_are_products(converted):
    before = flatbuffer.unpack(converted["int8"])
    after = round_scales.few_bits(before)
    assert flatbuffer.pack(before) == flatbuffer.pack(flatbuffer.unpack(converted["int8"]))
    for old, new in zip(operators.weighted(before), operators.weighted(after), strict=True):
        tensors = new.graph.tensors
        kernel = tensors[new.kernel]
        codes = operators.values(before, old.graph.tensors[old.kernel])
        assert np.array_equal(codes, operators.values(after, kernel))
        ratio = kernel.quantization.scale / old.graph.tensors[old.kernel].quantization.scale
        assert np.all(np.abs(ratio - 1) < 2.0**-round_scales.KERNEL_BITS)
        product = tensors[new.input].quantization.scale * kernel.quantization.scale
        if new.bias >= 0:
            assert np.array_equal(tensors[new.bias].quantization.scale, product)


def test_scales_that_are_few_already_are_left_alone(converted):
    """As clustering leaves them: rounding would save nothing, and move the outputs."""
    model = flatbuffer.unpack(converted["int8"])
    before = biases.take(model)
    round_scales._round_kernels(model)
    round_scales._round_activations(model)
    biases.requantize_biases(model, before)
    data = flatbuffer.pack(model)
    assert _slim(_few_bits(data, round_biases=False)) == _slim(data)


def test_outputs_move_little_and_the_download_shrinks(converted, task):
    x = task.normalization(task.train.x[:60])
    small = _few_bits(converted["int8"])
    exact = running.images(converted["int8"], x)
    assert np.abs(running.images(small, x) - exact).max() < 0.03
    sizes = [len(zlib.compress(_slim(data), 9)) for data in (converted["int8"], small)]
    assert sizes[1] < 0.97 * sizes[0]


def test_rounded_biases_are_seen_in_one_step_rarely(converted, task):
    x = task.normalization(task.train.x)
    exact = _few_bits(converted["int8"], scales=False, round_biases=False)
    rounded = _few_bits(converted["int8"], scales=False, round_biases=True)
    steps = 256 * (running.images(rounded, x) - running.images(exact, x))
    assert np.abs(steps).max() <= 1
    assert np.mean(steps != 0) < 0.2


def test_biases_requantized_for_the_same_scales_are_the_same(converted):
    model = flatbuffer.unpack(converted["int8"])
    taken = biases.take(model)
    before = [operators.values(model, b.operator.graph.tensors[b.operator.bias]) for b in taken]
    biases.requantize_biases(model, taken)
    after = [operators.values(model, b.operator.graph.tensors[b.operator.bias]) for b in taken]
    for old, new in zip(before, after, strict=True):
        assert np.abs(old - new).max() <= 1


def test_a_bias_that_two_scales_read_becomes_two(converted):
    model = flatbuffer.unpack(converted["int8"])
    first, _, third, _ = operators.weighted(model)
    graph = first.graph
    third.operator.inputs = third.operator.inputs.copy()
    third.operator.inputs[2] = first.bias
    third.operator.inputs[1] = first.kernel  # as a layer used twice: one kernel, two inputs
    count = len(graph.tensors)
    biases.requantize_biases(model, biases.take(model))
    assert len(graph.tensors) == count + 1
    assert int(third.operator.inputs[2]) == count


def test_an_input_that_is_left_out_keeps_no_scale(converted):
    """Of an operator that reads a constant all scales stay; index -1 is no tensor, not the last."""
    model = flatbuffer.unpack(converted["int8"])
    graph = model.subgraphs[0]
    last = graph.tensors[-1]
    last.quantization.scale = np.float32([0.123])
    constant = next(t for t in graph.tensors if operators.is_constant(model, t) and t.type == 9)
    extra = copy.copy(constant)
    extra.quantization = schema.QuantizationParametersT(scale=np.float32([0.5]), zeroPoint=[0])
    graph.tensors.insert(len(graph.tensors) - 1, extra)
    graph.operators.append(
        schema.OperatorT(inputs=np.int32([len(graph.tensors) - 2, -1]), outputs=np.int32([]))
    )
    kept = round_scales._scales_to_keep(model)
    assert np.float32(0.5) in kept and np.float32(0.123) not in kept


def _scaled(scale, buffer=0):
    quantization = schema.QuantizationParametersT(
        scale=np.array([scale], np.float32), zeroPoint=[0]
    )
    shape = np.array([4], np.int32)
    return schema.TensorT(shape=shape, type=9, buffer=buffer, quantization=quantization)


def _tree(*calls, constants=(), scales=(1.0, 2.0, 4.0, 8.0, 16.0)):
    """Of operators (kind, inputs, outputs) on tensors of these scales; the graph takes tensor 1."""
    kinds = sorted({kind for kind, _, _ in calls})
    codes = [getattr(schema.BuiltinOperator, kind) for kind in kinds]
    data = np.ones(4, np.int8).view(np.uint8)
    return schema.ModelT(
        buffers=[schema.BufferT(), schema.BufferT(data=data)],
        operatorCodes=[
            schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=code) for code in codes
        ],
        subgraphs=[
            schema.SubGraphT(
                tensors=[_scaled(s, int(n in constants)) for n, s in enumerate(scales)],
                inputs=np.array([1], np.int32),
                outputs=np.array([4], np.int32),
                operators=[
                    schema.OperatorT(
                        opcodeIndex=kinds.index(kind),
                        inputs=np.array(read, np.int32),
                        outputs=np.array(made, np.int32),
                    )
                    for kind, read, made in calls
                ],
            )
        ],
    )


@pytest.mark.parametrize(
    ("tree", "kept"),
    [
        (_tree(("ADD", [2, 3], [4])), {2.0}),
        (_tree(("ADD", [0, 2], [4]), constants=(0,)), {2.0, 1.0, 4.0, 16.0}),
        (_tree(("ADD", [-1, 2], [4]), constants=(0,)), {2.0}),
        (_tree(("QUANTIZE", [1], [3]), ("ADD", [3, 2], [4])), {2.0, 8.0}),
        (_tree(("QUANTIZE", [2], [3]), ("ADD", [3, 2], [4])), {2.0}),
    ],
)
def test_scales_of_inputs_and_beside_constants_are_kept(tree, kept):
    assert round_scales._scales_to_keep(tree) == kept

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tfedge.errors import BadInput
from tfedge.export import checks, options, routes
from tfedge.export.tree import flatbuffer


@pytest.mark.parametrize("route", [route for route in routes.names() if route != "int4"])
def test_what_was_asked_for_passes(converted, route):
    checks.check(converted[route], options.Export(route), {})


def test_int4_without_a_kernel_of_4_bits_is_refused(converted):
    with pytest.raises(BadInput, match="no kernel came out as INT4"):
        checks.check(converted["int4"], options.Export("int4"), {})


@pytest.mark.parametrize(("asked", "came"), [("int8", "float32"), ("float16", "float32")])
def test_kernels_of_another_type_are_refused(converted, asked, came):
    with pytest.raises(BadInput, match=r"the kernel 'stem' of CONV_2D came out as FLOAT32"):
        checks.check(converted[came], options.Export(asked), {})


def test_layers_that_were_to_stay_float_may(converted):
    layers = dict.fromkeys(("stem", "depthwise", "pointwise", "head"), "a reason")
    checks.check(converted["float32"], options.Export("int8"), layers)
    del layers["head"]
    with pytest.raises(BadInput, match="'head'"):
        checks.check(converted["float32"], options.Export("int8"), layers)


def test_inputs_and_outputs_of_another_type_are_refused(converted):
    with pytest.raises(BadInput, match="'image' came out as FLOAT32, not uint8"):
        checks.check(converted["int8"], options.Export("int8", input="uint8"), {})
    with pytest.raises(BadInput, match="'probabilities' came out as FLOAT32, not int8"):
        checks.check(converted["int8"], options.Export("int8", output="int8"), {})


def test_open_shapes_are_refused(converted):
    model = flatbuffer.unpack(converted["float32"])
    model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].shapeSignature = np.array(
        [1, -1, -1, 1], np.int32
    )
    with pytest.raises(BadInput, match=r"--input_shape"):
        checks.check(flatbuffer.pack(model), options.Export(), {})


@pytest.mark.parametrize(("name", "allowed"), [("FlexErf", True), ("MyOperator", False)])
def test_custom_operators_are_refused_by_name(converted, name, allowed):
    model = flatbuffer.unpack(converted["float32"])
    model.operatorCodes[0].builtinCode = 32  # CUSTOM
    model.operatorCodes[0].deprecatedBuiltinCode = 32
    model.operatorCodes[0].customCode = name.encode()
    data = flatbuffer.pack(model)
    with pytest.raises(BadInput, match=name):
        checks.check(data, options.Export(), {})
    if allowed:
        checks.check(data, options.Export(allow_flex=True), {})


def test_float_operators_of_an_integer_file_are_named(converted, caplog):
    checks.warn_of_float(flatbuffer.unpack(converted["int8"]), options.Export("int8"))
    assert caplog.text == ""
    checks.warn_of_float(flatbuffer.unpack(converted["float32"]), options.Export("int8"))
    assert "CONV_2D" in caplog.text


def test_small_kernels_that_dynamic_leaves_in_float_are_named(converted, caplog):
    checks.check(converted["dynamic"], options.Export("dynamic"), {})
    assert "fewer than 1024 weights stay float: stem, depthwise, pointwise, head" in caplog.text


def test_kernels_without_a_name_are_told_by_their_operator(converted, caplog):
    model = flatbuffer.unpack(converted["dynamic"])
    for tensor in model.subgraphs[0].tensors:
        tensor.name = b"" if tensor.name == b"stem" else tensor.name
    checks.check(flatbuffer.pack(model), options.Export("dynamic"), {})
    assert "stay float: one of CONV_2D, depthwise" in caplog.text


def test_an_operator_with_one_float_output_of_two_is_named(converted, caplog):
    model = flatbuffer.unpack(converted["int8"])
    graph = model.subgraphs[0]
    model.operatorCodes.append(schema.OperatorCodeT(builtinCode=schema.BuiltinOperator.TOPK_V2))
    codes, values = (
        schema.TensorT(shape=[1, 1], type=kind, buffer=0)
        for kind in (schema.TensorType.INT8, schema.TensorType.FLOAT32)
    )
    graph.tensors += [codes, values]
    last = len(graph.tensors)
    graph.operators.append(
        schema.OperatorT(
            opcodeIndex=len(model.operatorCodes) - 1,
            inputs=np.array([graph.outputs[0]], np.int32),
            outputs=np.array([last - 2, last - 1], np.int32),
        )
    )
    checks.warn_of_float(model, options.Export("int8"))
    assert "TOPK_V2" in caplog.text and "CONV_2D" not in caplog.text


def test_metadata_for_mediapipe_on_int8_inputs_are_warned_of(caplog):
    for fine in ("int8(metadata=True)", 'int8(input="uint8", metadata=True)', 'int8(input="int8")'):
        checks.warn_of_mediapipe(options.Export.parse(fine))
    assert not caplog.records
    checks.warn_of_mediapipe(options.Export.parse('int8(input="int8", metadata=True)'))
    (record,) = caplog.records
    assert 'crashes on int8 inputs; write input="uint8"' in record.getMessage()

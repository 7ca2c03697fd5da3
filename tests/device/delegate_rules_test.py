import json
import lzma
import pathlib
import types

import pytest

from tfedge.device import delegate_rules
from tfedge.device.file import flatbuffer, tflite

NETWORKS = pathlib.Path(__file__).parent / "networks"


@pytest.fixture
def network():
    return lambda name: tflite.read(lzma.decompress((NETWORKS / f"{name}.tflite.xz").read_bytes()))


def test_there_are_rules_for_gpu_npus_and_core_ml():
    assert delegate_rules.names() == ("core_ml", "litert_gpu", "mediatek_npu", "qualcomm_npu")
    for name in delegate_rules.names():
        stated = delegate_rules.rules(name)
        assert "google-ai-edge/LiteRT" in stated.source
        assert stated.date and stated.note and "CONV_2D" in stated.operators


@pytest.mark.parametrize("name", delegate_rules.names())
def test_a_rule_set_speaks_of_operators_and_types_there_are(name):
    stated = delegate_rules.rules(name)
    assert stated.operators.keys() <= set(flatbuffer.BUILTIN_NAMES.values())
    own = {key: value for rule in stated.operators.values() for key, value in rule.items()}
    assert own.keys() <= {
        *("largest_version", "activation_types", "weight_types", "input_types"),
        *("ranks", "constant_inputs", "options"),
    }
    types = {*stated.activation_types, *stated.weight_types}
    types |= {each for key, value in own.items() if key.endswith("_types") for each in value}
    assert types <= set(flatbuffer.TYPE_NAMES.values())


def test_a_rule_set_is_one_file(network, tmp_path, monkeypatch):
    stated = json.loads((delegate_rules._FOLDER / "core_ml.json").read_text())
    (tmp_path / "dsp.json").write_text(json.dumps({**stated, "operators": {"CONV_2D": {}}}))
    monkeypatch.setattr(delegate_rules, "_FOLDER", tmp_path)
    assert delegate_rules.names() == ("dsp",)
    found = delegate_rules.coverage(network("mobilenet_v3s_float"), "dsp")
    assert 0 < found.fraction < 1 and found.delegate == "dsp"


def test_a_float_network_is_taken_as_a_whole(network):
    file = network("mobilenet_v3s_float")
    for name in delegate_rules.names():
        found = delegate_rules.coverage(file, name)
        assert (found.fraction, found.parts, found.falls_back) == (1.0, 1, ())
        assert not found.executed


def test_core_ml_takes_no_integers(network):
    found = delegate_rules.coverage(network("efficientnet_int8"), "core_ml")
    assert found.fraction == 0
    assert "activations of INT8" in {f.reason for f in found.falls_back}
    assert sum(f.count for f in found.falls_back) == 239


def test_sixteen_bit_activations_are_for_npus_only(network):
    file = network("lenet5_int16x8")
    assert delegate_rules.coverage(file, "qualcomm_npu").fraction == 1
    gpu = delegate_rules.coverage(file, "litert_gpu")
    assert gpu.fraction == 0
    assert {f.reason for f in gpu.falls_back} == {"activations of INT16"}


def test_a_recurrent_layer_stays_on_the_cpu_and_says_where(stored):
    found = delegate_rules.coverage(tflite.read(stored("sequence_float")), "mediatek_npu")
    (lstm,) = found.falls_back
    assert (lstm.operator, lstm.count) == ("UNIDIRECTIONAL_SEQUENCE_LSTM", 1)
    assert "sequential" in lstm.layer or "lstm" in lstm.layer
    assert found.fraction == 5 / 6


def test_weights_types_options_versions_and_shapes(stored, edited):
    from ai_edge_litert import schema_py_generated as schema

    def packed(model):
        kernel = model.subgraphs[0].tensors[model.subgraphs[0].operators[0].inputs[1]]
        kernel.type = schema.TensorType.INT4

    def signed(model):
        model.subgraphs[0].operators[0].builtinOptions.fusedActivationFunction = 5

    def dynamic(model):
        model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].shapeSignature = [-1, 8, 8, 1]

    def newer(model):
        model.operatorCodes[model.subgraphs[0].operators[0].opcodeIndex].version = 4

    content, said = stored("image_float"), []
    for change, delegate in (
        (packed, "litert_gpu"),
        (signed, "litert_gpu"),
        (dynamic, "qualcomm_npu"),
        (newer, "core_ml"),
    ):
        found = delegate_rules.coverage(tflite.read(edited(content, change)), delegate)
        said.append(found.falls_back[0].reason)
    assert said == [
        "weights of INT4",
        "fusedActivationFunction is SIGN_BIT",
        "a dynamic shape",
        "version 4, up to 1 is taken",
    ]


def test_the_gpu_runs_the_largest_part_only(stored, edited):
    def interrupt(model):
        model.subgraphs[0].operators[1].builtinOptions.fusedActivationFunction = 5

    found = delegate_rules.coverage(
        tflite.read(edited(stored("image_float"), interrupt)), "litert_gpu"
    )
    assert (found.parts, found.fraction) == (2, 3 / 5)


def _operator(*inputs, **options):
    return types.SimpleNamespace(inputs=inputs, options=options, kind="ADD")


def _file(*tensors):
    made = [
        types.SimpleNamespace(dtype=dtype, shape=(1,) * rank, is_constant=constant, index=index)
        for index, (dtype, rank, constant) in enumerate(tensors)
    ]
    return types.SimpleNamespace(tensors=made, producers={})


def test_the_first_input_decides_by_type_and_rank():
    file = _file(("INT8", 4, False), ("FLOAT32", 2, False))
    reason = delegate_rules._input_reason
    assert reason(_operator(0, 1), file, {}) is None
    assert reason(_operator(0, 1), file, {"input_types": ("INT8",), "ranks": (4, 5)}) is None
    assert reason(_operator(0), file, {"input_types": ("FLOAT32",)}) == "an input of INT8"
    assert reason(_operator(1), file, {"ranks": (3, 4)}) == "2 dimensions, 3 or 4 are taken"
    for none in (_operator(), _operator(-1, 0)):
        assert reason(none, file, {"input_types": ("FLOAT32",), "ranks": (9,)}) is None


def test_inputs_that_must_be_constant():
    file = _file(("INT8", 4, False), ("INT8", 2, True), ("INT8", 1, False))
    reason, own = delegate_rules._input_reason, {"constant_inputs": (1, 2)}
    assert reason(_operator(0, 1), file, own) is None
    assert reason(_operator(0, 1, -1), file, own) is None
    assert reason(_operator(1, 0), file, own) == "input 1 is computed, a constant is wanted"
    assert reason(_operator(0, 1, 2), file, own) == "input 2 is computed, a constant is wanted"


def test_options_that_are_not_taken_are_named():
    reason = delegate_rules._option_reason
    own = {"options": {"fusedActivationFunction": (0, 1), "stride": (1,)}}
    assert reason(_operator(), own) is None and reason(_operator(stride=2), {}) is None
    assert reason(_operator(stride=2), own) == "stride is 2"
    names = ("RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")
    for number, name in enumerate(names, 2):
        said = reason(_operator(fusedActivationFunction=number), own)
        assert said == f"fusedActivationFunction is {name}"

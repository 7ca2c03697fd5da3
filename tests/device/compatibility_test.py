import dataclasses
import json

from tfedge.device import compatibility, profiles
from tfedge.device.file import tflite

PHONE = profiles.Profile(name="phone", runtime_version="2.10.0")


def _check(content, profile=PHONE):
    return [str(found) for found in compatibility.check(tflite.read(content), profile)]


def _retyped(code, number, custom=None):
    def change(model):
        own = model.operatorCodes[model.subgraphs[0].operators[code].opcodeIndex]
        own.builtinCode = own.deprecatedBuiltinCode = number
        own.customCode = custom

    return change


def test_an_ordinary_file_fits_every_phone_class(stored):
    for name in profiles.names():
        assert _check(stored("image_int8"), profiles.load(name)) == []


def test_an_operator_of_a_newer_runtime_is_named_with_its_layer(stored, edited):
    def renew(model):
        model.operatorCodes[model.subgraphs[0].operators[0].opcodeIndex].version = 7

    (found,) = _check(edited(stored("image_float"), renew))
    assert found.startswith("CONV_2D at ")
    assert "version 7 needs runtime 2.11.0, phone has 2.10.0" in found


def test_what_the_file_asks_for_counts_too(stored, edited):
    def ask(model):
        model.buffers[model.metadata[0].buffer].data = list(b"2.30.0\0\0")

    assert "asks for runtime 2.30.0" in _check(edited(stored("image_float"), ask))[0]


def test_denied_and_not_allowed(stored):
    denying = profiles.Profile(name="phone", denied_operators=("SOFTMAX",))
    assert "phone denies it" in _check(stored("image_float"), denying)[0]
    narrow = profiles.Profile(name="phone", allowed_operators=("CONV_2D", "SOFTMAX", "RESHAPE"))
    assert [text.split(" at ")[0] for text in _check(stored("image_float"), narrow)] == [
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
    ]


def test_flex_and_custom_operators(stored, edited):
    flex = edited(stored("image_float"), _retyped(4, 32, b"FlexFFT"))
    assert "FlexFFT" in _check(flex)[0]
    assert "needs TensorFlow" in _check(flex)[0]
    assert _check(flex, profiles.Profile(name="phone", allow_flex=True)) == []
    custom = edited(stored("image_float"), _retyped(4, 32, b"MyOp"))
    assert "MyOp" in _check(custom)[0]
    assert "custom" in _check(custom)[0]


def test_min_runtime_version(stored, edited):
    assert compatibility.min_runtime_version(tflite.read(stored("image_int8"))) == "1.14.0"
    bare = edited(stored("image_int8"), lambda model: setattr(model, "metadata", None))
    assert compatibility.min_runtime_version(tflite.read(bare)) is None


def test_what_is_known_of_a_file_before_it_gets_to_the_phone(stored, edited):
    def dynamic(model):
        model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].shapeSignature = [-1, 8, 8, 1]

    def renew(model):
        model.operatorCodes[model.subgraphs[0].operators[0].opcodeIndex].version = 7

    content = edited(edited(stored("image_float"), dynamic), renew)
    found = compatibility.examine(tflite.read(content), PHONE)
    assert found.dynamic_inputs == {"image": (-1, 8, 8, 1)}
    assert (found.runtime, found.needs_runtime) == ("2.10.0", "2.11.0")
    assert [each.operator for each in found.lacking] == ["CONV_2D"]
    assert {each.delegate for each in found.delegates} >= {"litert_gpu", "core_ml"}
    assert not any(each.executed for each in found.delegates)
    assert json.loads(json.dumps(dataclasses.asdict(found)))["dynamic_inputs"] == {
        "image": [-1, 8, 8, 1]
    }


def test_custom_operators_are_named(stored, edited):
    custom = edited(stored("image_float"), _retyped(4, 32, b"MyOp"))
    assert compatibility.examine(tflite.read(custom), PHONE).custom_operators == ("MyOp",)

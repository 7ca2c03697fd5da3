"""Two signatures over the same caches and weights give what one call for all steps gives."""

import pathlib

import numpy as np
import pytest
from ai_edge_litert import interpreter as litert

import tfedge
from tfedge import errors
from tfedge.compress.loading import TfliteModel
from tfedge.data.task import ArraySplit, Task
from tfedge.device.file import tflite
from tfedge.export import cached, options
from tfedge.export.edits import slimming
from tfedge.export.tree import flatbuffer, operators

_FILES = pathlib.Path(__file__).parents[2] / "device" / "files"
_STEPS = (_FILES / "steps_float.tflite").read_bytes()
_PADDED = (_FILES / "padded_steps_float.tflite").read_bytes()
_GROUPED = (_FILES / "grouped_steps_float.tflite").read_bytes()
TOKENS = np.array([[4, 1, 7, 2, 10, 3], [1, 1, 5, 9, 8, 6]], np.int32)


def _cached(content, cache=6, prefill=0):
    tree = flatbuffer.unpack(content)
    cached.put(tree, options.Export("float32", cache=cache, prefill=prefill), None)
    slimming.slim(tree)
    return flatbuffer.pack(tree)


def _whole(content, tokens):
    interpreter = litert.Interpreter(model_content=content)
    return interpreter.get_signature_runner("serving_default")(tokens=tokens[None])["scores"][0]


def _by_steps(content, tokens, prompt):
    """The scores behind the prompt and behind each token after it."""
    interpreter = litert.Interpreter(model_content=content)
    prefill, decode = map(interpreter.get_signature_runner, ("prefill", "decode"))
    width = prefill.get_input_details()["tokens"]["shape"][1]
    numbers = np.minimum(np.arange(width), prompt - 1)
    kept = {
        name: np.full(told["shape"], 9, told["dtype"])  # whatever was there before
        for name, told in decode.get_input_details().items()
        if name.startswith("kv_cache")
    }
    found = prefill(tokens=tokens[numbers][None], input_pos=numbers.astype(np.int32), **kept)
    scores = [found.pop("logits")[0, 0]]
    for place in range(prompt, len(tokens)):
        step = {"tokens": tokens[place].reshape(1, 1), "input_pos": np.int32([place])}
        found = decode(**step, **found)
        scores.append(found.pop("logits")[0, 0])
    return np.stack(scores)


@pytest.mark.parametrize("content", [_STEPS, _PADDED, _GROUPED], ids=["plain", "padded", "grouped"])
@pytest.mark.parametrize(
    ("cache", "prefill", "prompt"), [(6, 0, 1), (6, 0, 5), (6, 4, 3), (5, 2, 2)]
)
def test_each_step_is_that_of_the_whole(content, cache, prefill, prompt):
    file = _cached(content, cache, prefill)
    for tokens in TOKENS:
        expected = _whole(content, tokens)
        found = _by_steps(file, tokens[:cache], prompt)
        tolerance = 1e-5 * np.abs(expected).max()
        np.testing.assert_allclose(found, expected[prompt - 1 : cache], atol=tolerance)


def test_names_and_shapes_are_those_of_the_field():
    file = tflite.read(_cached(_STEPS, 5, 2))
    decode, prefill = file.signatures["decode"], file.signatures["prefill"]
    assert file.signature is decode
    kept = [f"kv_cache_{role}_{block}" for block in range(2) for role in "kv"]
    assert list(decode.inputs) == list(prefill.inputs) == ["tokens", "input_pos", *kept]
    assert list(decode.outputs) == list(prefill.outputs) == ["logits", *kept]
    shapes = {name: tensor.shape for name, tensor in prefill.inputs.items()}
    assert (shapes["tokens"], shapes["input_pos"]) == ((1, 2), (2,))
    assert shapes["kv_cache_k_0"] == shapes["kv_cache_v_1"] == (1, 2, 5, 4)
    assert prefill.outputs["logits"].shape == decode.outputs["logits"].shape == (1, 1, 11)
    assert decode.inputs["tokens"].shape == (1, 1)


def test_a_padding_mask_is_kept_with_keys_and_values():
    names = list(tflite.read(_cached(_PADDED)).named_inputs)
    assert names[2] == "kv_cache_mask_0"


def test_weights_are_stored_once():
    whole, both = tflite.read(_STEPS), tflite.read(_cached(_STEPS))
    dense = [
        [k.tensor.buffer for k in file.kernels() if k.operator.kind == "FULLY_CONNECTED"]
        for file in (whole, both)
    ]
    assert [len(each) for each in dense] == [len(set(each)) for each in dense] == [9, 9]
    assert both.file_bytes - whole.file_bytes < 6000  # of operators and tensors


def test_prefill_computes_no_scores_but_the_last():
    file = tflite.read(_cached(_STEPS))
    tall = [
        operator.kind
        for operator in file.subgraphs[1].operators
        if operator.kind == "FULLY_CONNECTED" and 6 in file.tensors[operator.outputs[0]].shape
    ]
    # Queries, keys, values and what is behind attention of the first block; keys and values of the
    # last one, whose other parts are of the last token alone.
    assert len(tall) == 4 + 2


def _with(kind, change):
    tree = flatbuffer.unpack(_STEPS)
    operator = next(o for o in tree.subgraphs[0].operators if operators.kind(tree, o) == kind)
    change(tree, operator)
    return flatbuffer.pack(tree)


def _over_steps(tree, operator):
    axes = tree.subgraphs[0].tensors[operator.inputs[1]]
    operators.set_values(tree, axes, np.array([3, 2, 1]))


def _unknown(tree, operator):
    code = tree.operatorCodes[operator.opcodeIndex]
    code.deprecatedBuiltinCode = code.builtinCode = 8  # FLOOR


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (_with("MEAN", _over_steps), "no caches are possible: MEAN brings steps together"),
        (_with("SOFTMAX", _unknown), "FLOOR is not known to work on each step alone"),
        ((_FILES / "image_float.tflite").read_bytes(), "other inputs than token numbers alone"),
    ],
)
def test_networks_that_are_refused(content, words):
    with pytest.raises(errors.BadInput, match=words):
        _cached(content)


def test_more_room_than_places_is_refused():
    with pytest.raises(errors.BadInput, match=r"made for 6 steps\. Write cache=6 or fewer\."):
        _cached(_STEPS, cache=7)


def _model(content, tmp_path):
    return TfliteModel(tmp_path / "steps.tflite", content)


def test_a_float_file_gets_caches_by_an_export(tmp_path):
    data = tfedge.to_tflite(_model(_STEPS, tmp_path), "float32(cache=6, prefill=3)")
    assert set(tflite.read(data).signatures) == {"decode", "prefill"}


def test_a_network_that_looks_ahead_is_refused(tmp_path):
    tree = flatbuffer.unpack(_STEPS)
    for tensor in tree.subgraphs[0].tensors:
        if (
            operators.is_constant(tree, tensor)
            and tensor.shape is not None
            and list(tensor.shape) == [1, 1, 6, 6]
        ):
            operators.set_values(tree, tensor, np.zeros(tensor.shape))
    with pytest.raises(errors.BadInput, match="answers hang on tokens that come later"):
        tfedge.to_tflite(_model(flatbuffer.pack(tree), tmp_path), "float32(cache=6)")


def _task():
    split = ArraySplit(TOKENS, np.roll(TOKENS, -1, axis=1))
    return Task("words", "language", split, split, split)


def test_caches_of_int8_hold_nearly_the_same(tmp_path):
    export = "float32(cache=6, cache_type='int8')"
    data = tfedge.to_tflite(_model(_STEPS, tmp_path), export, _task())
    file = tflite.read(data)
    kept = [file.named_inputs[name] for name in ("kv_cache_k_0", "kv_cache_v_1")]
    assert [tensor.dtype for tensor in kept] == ["INT8", "INT8"]
    for tokens in TOKENS:
        expected = _whole(_STEPS, tokens)[1:]
        worst = np.abs(_by_steps(data, tokens, 2) - expected).max()
        assert 0 < worst < 0.1 * np.abs(expected).max()


def test_what_goes_into_a_cache_fills_its_codes(tmp_path):
    data = tfedge.to_tflite(
        _model(_STEPS, tmp_path), "float32(cache=6, cache_type='int8')", _task()
    )
    prefill = litert.Interpreter(model_content=data).get_signature_runner("prefill")
    empty = {n: np.zeros(t["shape"], t["dtype"]) for n, t in prefill.get_input_details().items()}
    largest = 0
    for tokens in TOKENS:
        given = {**empty, "tokens": tokens[None], "input_pos": np.arange(6, dtype=np.int32)}
        largest = max(largest, np.abs(prefill(**given)["kv_cache_k_1"].astype(int)).max())
    assert largest == 127


def test_caches_of_int8_need_data(tmp_path):
    with pytest.raises(errors.BadInput, match="the range of a cache is read from calibration"):
        tfedge.to_tflite(_model(_STEPS, tmp_path), "float32(cache=6, cache_type='int8')")

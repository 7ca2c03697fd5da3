import dataclasses

import numpy as np
import pytest
import running

from tfedge import export
from tfedge.compress import holds, loading
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate, Quantization
from tfedge.compress.layers import kernels
from tfedge.device.file import tflite
from tfedge.errors import BadInput


def _types(data):
    return {each.tensor.name: each.tensor.dtype for each in tflite.read(data).kernels()}


@pytest.mark.parametrize(
    "text",
    [
        'int8(algorithm="mse")',
        'int8(algorithm="octav")',
        'int8(algorithm="gptq", input="uint8")',
        'int8(algorithm="octav", input="uint8", output="uint8", raw_input=True)',
        'int16x8(algorithm="octav")',
        'dynamic(algorithm="octav")',
    ],
)
def test_every_algorithm_is_near_the_model(model, task, text):
    data = export.to_tflite(model, text, task)
    assert _types(data) == dict.fromkeys(running.LAYERS, "INT8")
    x = task.train.x[:30]
    given = x if "raw_input" in text else task.normalization(x)
    expected = model(task.normalization(x)).numpy()
    assert np.abs(running.images(data, given) - expected).max() < 0.05
    if "uint8" in text:
        assert tflite.read(data).inputs[0].dtype == "UINT8"


def test_the_first_rule_decides_and_fused_layers_count(model, task):
    rules = '{"stem_bn": "float32", "depth.*": "float16", "head": "int4", "st.*|po.*": "int8"}'
    data = export.to_tflite(model, f"int8(precision={rules})", task)
    types = {"stem": "FLOAT32", "depthwise": "FLOAT16", "pointwise": "INT8", "head": "INT4"}
    assert _types(data) == types
    x = task.normalization(task.train.x[:30])
    assert np.abs(running.images(data, x) - model(x).numpy()).max() < 0.05


def test_a_rule_that_matches_nothing_is_refused(model, task):
    with pytest.raises(BadInput, match=r"'stam'.*matches no layer.*stem, .*head, probabilities"):
        export.to_tflite(model, 'int8(precision={"stam": "float32"})', task)


def test_rules_on_a_foreign_file_go_by_its_names(converted, task, tmp_path):
    given = loading.TfliteModel(tmp_path / "model.tflite", converted["float32"])
    data = export.to_tflite(given, 'int8(precision={"head": "float32"})', task)
    assert sorted(_types(data).values()) == ["FLOAT32"]
    assert [each.tensor.dtype for each in tflite.read(data).kernels()].count("INT8") == 3


def test_blocks_only_where_rows_are_multiples(model, task):
    with pytest.raises(BadInput, match="rows of a multiple of 32"):
        export.to_tflite(model, 'int4(activations="float", block_size=32)', task)


def test_promised_zeros_survive_every_algorithm(model, task):
    pruned = type(model).from_config(model.get_config())
    pruned.set_weights(model.get_weights())
    promised = []
    for kernel in kernels.find(pruned):
        mask = (np.random.default_rng(0).random(kernel.numpy().shape) < 0.5).astype(np.float32)
        kernel.variable.assign(kernel.numpy() * mask)
        promised.append(holds.Zeros(kernel.layer, kernel.layer_class, mask))
    candidate = Candidate(pruned, holds=tuple(promised))
    for text in ('int8(algorithm="gptq")', 'int8(algorithm="mse")', 'int4(algorithm="gptq")'):
        file = tflite.read(export.to_tflite(candidate, text, task))
        found = {each.tensor.name: each for each in file.kernels()}
        for hold in promised:
            kernel = found[hold.layer]
            assert hold.read(kernel.tensor.values(), kernel.channel_axis)[2], (text, hold.layer)


def test_trained_integers_leave_no_choice(model, task):
    candidate = Candidate(model, quantization=Quantization({}), exports=("int8",))
    with pytest.raises(BadInput, match="algorithm would choose others"):
        export.to_tflite(candidate, 'int8(algorithm="gptq")', task)


def test_integers_need_examples(model, task):
    with pytest.raises(BadInput, match="no data"):
        export.to_tflite(model, 'int8(algorithm="octav")')
    broken = dataclasses.replace(task.calibration, x=np.full((120, 6, 6, 1), np.nan, np.float32))
    with pytest.raises(BadInput, match="NaN"):
        export.to_tflite(
            model, 'int8(algorithm="octav")', dataclasses.replace(task, calibration=broken)
        )


@pytest.mark.parametrize("algorithm", ["mse", "octav"])
def test_a_channel_of_zeros_has_a_scale(model, task, algorithm):
    dead = k.tf_keras.models.clone_model(model)
    dead.set_weights(model.get_weights())
    kernel, bias = dead.get_layer("pointwise").get_weights()
    kernel[..., 3] = 0
    dead.get_layer("pointwise").set_weights([kernel, bias])
    data = export.to_tflite(dead, f'int8(algorithm="{algorithm}")', task)
    found = {each.tensor.name: each.tensor for each in tflite.read(data).kernels()}
    assert all(np.isfinite(tensor.scales).all() for tensor in found.values())
    assert not found["pointwise"].values()[3].any()

import importlib
import json
import pathlib

import keras
import numpy as np
import pytest
import tfedge_models

from tfedge import load_task
from tfedge.data import measures

PARAMETERS = {
    "digits_cnn": ((8, 8, 1), 8_970),
    "lenet_300_100": ((28, 28, 1), 266_610),
    "lenet5": ((28, 28, 1), 431_080),
    "ds_cnn": ((28, 28, 1), 22_218),
    "resnet8": ((28, 28, 1), 78_138),
    "mobilenet_v2": ((32, 32, 3), 2_270_794),
    "colour_cnn": ((28, 28, 3), 4_714),
}
OTHERS = {
    "conformer": ((32, 16), 38_838),
    "gpt_tiny": ((22,), 105_245),
    "text_classifier": ((32,), 291_842),
    "vit_tiny": ((28, 28, 1), 109_450),
}
CHECKPOINTS = pathlib.Path(tfedge_models.__path__[0], "checkpoints")


def build(name, *args, **kwargs):
    return importlib.import_module(f"tfedge_models.{name}").build(*args, **kwargs)


@pytest.mark.parametrize("name", PARAMETERS)
def test_has_the_published_number_of_parameters(name):
    shape, parameters = PARAMETERS[name]
    model = build(name, shape, 10)
    assert model.count_params() == parameters
    assert model.input_shape == (None, *shape)


@pytest.mark.parametrize("name", PARAMETERS)
def test_gives_probabilities_of_the_classes_asked_for(name):
    shape = (32, 32, 3)
    probabilities = build(name, shape, 7).predict_on_batch(np.ones((2, *shape), np.float32))
    assert probabilities.shape == (2, 7)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", sorted(PARAMETERS.keys() - {"mobilenet_v2"}))
def test_layers_are_named_the_same_every_time(name):
    shape, _ = PARAMETERS[name]
    first, second = build(name, shape, 10), build(name, shape, 10)
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]


def test_mobilenet_v2_can_be_made_narrow():
    assert build("mobilenet_v2", (32, 32, 3), 10, alpha=0.35).count_params() < 500_000


def test_text_classifier_does_not_see_padding():
    model = build("text_classifier")
    assert (model.input_shape, model.count_params()) == (
        (None, *OTHERS["text_classifier"][0]),
        291_842,
    )
    words = np.zeros((2, 32), np.int32)
    words[0, :5] = words[1, :5] = [5, 1, 3999, 7, 7]
    first = model.predict_on_batch(words)
    table = model.get_layer("table")
    row = np.arange(4000)[:, None] == 0
    table.embeddings.assign(np.where(row, 9.0, table.embeddings))
    np.testing.assert_allclose(model.predict_on_batch(words), first, atol=1e-6)
    words[1, 5] = 9
    changed = model.predict_on_batch(words)
    np.testing.assert_allclose(changed[0], first[0], atol=1e-6)
    assert np.abs(changed[1] - first[1]).min() > 1e-4


@pytest.mark.parametrize("notes", sorted(CHECKPOINTS.glob("*.json")), ids=lambda path: path.stem)
def test_checkpoint_is_the_network_its_notes_describe(notes):
    facts = json.loads(notes.read_text())
    model = keras.models.load_model(notes.with_suffix(".keras"))
    data = facts["data"].partition("?")[0]
    assert notes.stem.removesuffix("_augmented") == f"{facts['network']}_{data}"
    assert model.count_params() == facts["parameters"]
    assert model.count_params() == {**PARAMETERS, **OTHERS}[facts["network"]][1]
    assert not model.compiled


def test_gpt_tiny_writes_greedily_what_its_scores_say_at_once():
    model = keras.models.load_model(CHECKPOINTS / "gpt_tiny_sorting.keras")
    task = load_task("sorting")
    x, y = next(task.holdout.batches(200))
    matched = measures.named("exact_match", task.kind_facts, True)
    right = matched.correct(model.predict_on_batch(x), y)
    written = np.where(np.cumsum(x == 1, axis=1) - (x == 1) > 0, 0, x)  # up to the 1
    for step in range(x.shape[1] - 1):
        said = model.predict_on_batch(written)[:, step].argmax(axis=-1)
        written[:, step + 1] = np.where(y[:, step] >= 0, said, written[:, step + 1])
    np.testing.assert_array_equal((written == x).all(axis=1), right)
    assert right.mean() >= 0.99


def test_digits_checkpoint_is_as_good_as_its_notes_say():
    facts = json.loads((CHECKPOINTS / "digits_cnn_digits.json").read_text())
    model = keras.models.load_model(CHECKPOINTS / "digits_cnn_digits.keras")
    task = load_task("digits")
    x, y = next(task.holdout.batches(600))
    accuracy = np.mean(model.predict_on_batch(task.normalization(x)).argmax(-1) == y)
    assert accuracy >= 0.975
    assert accuracy == pytest.approx(facts["held_out_accuracy"], abs=2 / 600)

"""Descriptions that ask for more than their file justifies."""

import json
import zipfile

import h5py
import pytest
import tensorflow as tf

from tfedge.compress import keras, loading
from tfedge.compress.loading import declared_size, hdf5_safety
from tfedge.errors import BadInput

k3, tf_keras = keras.keras3(), keras.tf_keras
PACKAGES = pytest.mark.parametrize("package", [k3, tf_keras], ids=["keras3", "tf_keras"])


def _save(package, path):
    x = package.Input((16,))
    package.Model(x, package.layers.Dense(3, name="head")(x)).save(path)
    return path


def _with_units(path, units):
    """The file, with a description of so many units in its last layer."""
    if path.suffix == ".h5":
        with h5py.File(path, "a") as file:
            config = json.loads(file.attrs["model_config"])
            config["config"]["layers"][-1]["config"]["units"] = units
            file.attrs["model_config"] = json.dumps(config)
        return path
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    config["config"]["layers"][-1]["config"]["units"] = units
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


@PACKAGES
@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_weights_that_nothing_in_the_file_justifies_are_not_allocated(package, suffix, tmp_path):
    path = _with_units(_save(package, tmp_path / f"model.{suffix}"), 7_000_000_000)
    with pytest.raises(BadInput, match=r"declare 112,000,000,\d{3} weights or more, 51 are stored"):
        loading.load_model(path)


@PACKAGES
def test_an_embedding_whose_rows_are_stored_is_let_through(package, tmp_path, monkeypatch):
    monkeypatch.setattr(declared_size, "_FREE_VALUES", 0)
    words = package.Input((5,), dtype="int32")
    y = package.layers.GRU(4)(package.layers.Embedding(50_000, 8)(words))
    package.Model(words, package.layers.BatchNormalization()(y)).save(tmp_path / "model.keras")
    assert loading.load_model(tmp_path / "model.keras").output_shape == (None, 4)


def test_all_variables_count_together_and_none_beyond_the_last_allowed(monkeypatch):
    monkeypatch.setattr(declared_size, "_FREE_VALUES", 10)
    with declared_size.no_more_than(20, "file"):
        tf.Variable(lambda: tf.zeros((5, 8)))
        tf.Variable(lambda: tf.zeros(10))
        tf.Variable(tf.zeros(100))  # that is there already
        with pytest.raises(BadInput, match="declare 51 weights or more, 20 are stored"):
            tf.Variable(lambda: tf.zeros(()), shape=())
    tf.Variable(tf.zeros(100))


def _layers(count, times=1):
    return [{"class_name": "ReLU", "config": {}, "inbound_nodes": [[]] * times}] * count


def _model(layers, times=1, **more):
    config = {"input_layers": [], "layers": layers, **more}
    return {"class_name": "Functional", "config": config, "inbound_nodes": [[]] * times}


@pytest.mark.parametrize(
    ("config", "calls"),
    [
        (_model(_layers(2000)), 2000),
        (_model(_layers(3, times=7)), 21),
        (_model([_model([_model(_layers(5), times=4)], times=3)]), 60),
        ({"class_name": "Sequential", "config": {"layers": _layers(80)}}, 80 + 80 * 80 // 20),
        (
            {"layers": [{"class_name": "RNN", "config": {"cell": {"cells": _layers(9)}}}]},
            9 + 81 // 20,
        ),
        ({"layers": [1, None, {"inbound_nodes": 5}]}, 3),
    ],
)
def test_layers_count_as_often_as_they_run(config, calls):
    assert declared_size._calls(config) == calls


def test_more_layers_than_networks_have_are_refused():
    declared_size.check_layers(_model(_layers(2000)), "file")
    with pytest.raises(BadInput, match="file: its layers take the time of 2,001"):
        declared_size.check_layers(_model(_layers(2001)), "file")
    bomb = _layers(1, times=100)
    for _ in range(9):
        bomb = [_model(bomb, times=100)]
    with pytest.raises(BadInput, match="1,000,000,000"):
        declared_size.check_layers(_model(bomb), "file")


def test_an_hdf5_file_of_more_objects_than_a_network_has_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5_safety, "_MOST_OBJECTS", 5)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for number in range(5):
            file[f"array_{number}"] = [1.0, 2.0]
        assert hdf5_safety.check(file, "a.h5") == 10
        file.create_group("one_more")
        with pytest.raises(BadInput, match="too many objects"):
            hdf5_safety.check(file, "a.h5")

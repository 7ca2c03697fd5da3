"""Adding a class of layers is adding one file, and without its file a class is left alone."""

import textwrap

import cutting
import numpy as np
import pytest
from randomised import randomise

from tfedge.compress import channels
from tfedge.compress import keras as k
from tfedge.compress.channels import importance
from tfedge.compress.graph import scale_pairs
from tfedge.compress.layers import classes, facts
from tfedge.compress.ranges import fake_quantization

layers = k.tf_keras.layers


class Gain(layers.Layer):
    """A factor for each channel, as RMSNormalization ends in one."""

    def build(self, shape):
        """One weight."""
        self.gain = self.add_weight("gain", (shape[-1],), initializer="ones")

    def call(self, inputs):
        """Outputs of the same shape."""
        return inputs * self.gain


_FILE = '''
"""Gain: a factor for each channel."""

from tfedge.compress.layers import facts


def _channels(walk, use):
    flow = walk.along_last(use)
    if flow is not None:
        walk.bind(use.layer, 0, 0, flow.ids, "scale")
    return flow


LAYERS = {"Gain": facts.Layer(channels=_channels, scales=True, has_int8=True)}
'''


@pytest.fixture
def folder(monkeypatch):
    """Lets the classes be looked up in these folders, for one test."""

    def look_in(paths):
        monkeypatch.setattr(classes, "__path__", [str(path) for path in paths])
        facts.known.cache_clear()

    yield look_in
    monkeypatch.undo()
    facts.known.cache_clear()


def _model(layer):
    image = k.tf_keras.Input((4, 4, 2), name="image")
    x = layer(layers.Conv2D(6, 1, activation="relu", name="before")(image))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 1, name="behind")(x))
    return randomise(k.tf_keras.Model(image, layers.Dense(2, name="out")(x)))


def _is_left_alone(model, name):
    found = channels.analyse(model)
    assert found.reasons()["before"] == f"it ({name}) needs all its channels"
    smaller, zeroed = cutting.cut_half(model, found)
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 2)).astype(np.float32)
    np.testing.assert_allclose(smaller(x), zeroed(x), rtol=1e-4, atol=1e-5)
    assert smaller.get_layer("before").filters == 6
    assert scale_pairs.find(model)[1]["before"] == f"it, a {name}, reads its channels"
    assert fake_quantization.float_layers(model) == {
        "it": f"{name} has no int8 form as one operator"
    }


def _is_known(model):
    found = channels.analyse(model)
    smaller, zeroed = cutting.cut_half(model, found)
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 2)).astype(np.float32)
    np.testing.assert_allclose(smaller(x), zeroed(x), rtol=1e-4, atol=1e-5)
    assert cutting.widths(model, smaller)["before"] == (6, 3)
    links = [(link.first, link.second) for link in scale_pairs.find(model)[0]]
    assert ("before", "behind") in links
    assert fake_quantization.float_layers(model) == {}
    return found


def test_a_class_of_ones_own_is_known_once_there_is_a_file(folder, tmp_path):
    model = _model(Gain(name="it"))
    _is_left_alone(model, "Gain")
    (tmp_path / "gain.py").write_text(textwrap.dedent(_FILE))
    folder([*classes.__path__, tmp_path])
    found = _is_known(model)
    roles = {(member.role, member.layer) for member in importance.places(found)}
    assert ("scale", "it") in roles


def test_a_class_without_its_file_is_left_alone(folder, tmp_path):
    model = _model(layers.PReLU(shared_axes=(1, 2), name="it"))
    _is_known(model)
    (source,) = classes.__path__
    for name in ("activation", "dense", "convolution", "pooling", "input"):
        (tmp_path / f"{name}.py").symlink_to(f"{source}/{name}.py")
    folder([tmp_path])
    _is_left_alone(model, "PReLU")


def test_a_class_is_declared_once(folder, tmp_path):
    (tmp_path / "another_dense.py").write_text(
        'from tfedge.compress.layers import facts\n\nLAYERS = {"Dense": facts.Layer()}\n'
    )
    folder([*classes.__path__, tmp_path])
    with pytest.raises(RuntimeError, match="Dense once more"):
        facts.known()

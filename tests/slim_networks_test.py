"""Structured pruning of narrow variants of the mobile networks: no shape error, no other answer."""

import narrow_networks
import numpy as np
import pytest

import tfedge
from tfedge.compress import bridge, channels, folding
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.channels import surgery
from tfedge.compress.passes import slim
from tfedge.data.task import ArraySplit

NETWORKS = (
    *("MobileNet", "MobileNetV2", "MobileNetV3Small", "EfficientNetB0", "NASNetMobile"),
    *("DenseNet121", "ResNet50", "InceptionV3"),
)


@pytest.fixture
def cut(monkeypatch):
    """What was cut: (channels, alive)."""
    seen = []
    original = surgery.cut

    def record(model, found, alive):
        seen.append((found, alive))
        return original(model, found, alive)

    monkeypatch.setattr(surgery, "cut", record)
    return seen


@pytest.mark.parametrize("name", NETWORKS)
def test_thirty_percent_go_and_what_is_left_answers_as_before(name, cut):
    k.keras3().utils.set_random_seed(0)
    size = narrow_networks.side(name)
    model = folding.flatten(bridge.to_tf_keras(narrow_networks.build(name)))
    _randomise(model)
    x = np.random.default_rng(0).uniform(0, 1, (2, size, size, 3)).astype(np.float32)
    split = ArraySplit(x, np.arange(2))
    task = tfedge.Task("made up", "classification", split, split, split, batch_size=2)
    slimmed = slim.Slim(reduction=0.3, criterion="l1", epochs=0)(Candidate(model), task)
    before, after = slimmed.reports[-1].notes["multiply_adds"]
    assert 0.4 * before < after <= 0.7 * before
    found, alive = cut[0]
    _zero(model, found, alive)
    np.testing.assert_allclose(slimmed.model(x), model(x), rtol=1e-3, atol=1e-4)


def _randomise(model):
    """Well-scaled kernels, and statistics of BatchNormalization that are not its defaults."""
    generator = np.random.default_rng(1)
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            layer.set_weights([generator.uniform(0.5, 1.5, w.shape) for w in layer.weights])


def _zero(model, found: channels.Channels, alive):
    """Zeros in every slice of what was cut out."""
    for member in found.members:
        layer = model.get_layer(member.layer)
        weights = layer.get_weights()
        np.moveaxis(weights[member.weight], member.axis, 0)[~alive[member.units]] = 0.0
        layer.set_weights(weights)

"""Quantization-aware training and its int8 file on narrow variants of the mobile networks."""

import narrow_networks
import numpy as np
import pytest

import tfedge
from tfedge.compress import keras as k
from tfedge.data.task import ArraySplit
from tfedge.device.file import tflite


@pytest.mark.parametrize("name", narrow_networks.NAMES)
def test_every_network_is_quantized_and_its_file_runs(name):
    k.keras3().utils.set_random_seed(0)
    model, size = narrow_networks.build(name), narrow_networks.side(name)
    x = np.random.default_rng(0).uniform(0, 1, (4, size, size, 3)).astype(np.float32)
    split = ArraySplit(x, np.arange(4))
    task = tfedge.Task("made up", "classification", split, split, split, split, batch_size=4)
    # No epoch: training is the same loop for all; here it is ranges, holds and the file.
    candidate = tfedge.Recipe.parse("quantize(epochs=0)").apply(model, task)
    content = tfedge.to_tflite(candidate, "int8", task)
    card = tfedge.evaluate(content, task, "flagship_phone", holds=candidate.holds)
    assert card.failure is None and not card.flex_operators
    assert card.holds and all(hold["kept"] for hold in card.holds)
    kernels = [each.tensor.bits for each in tflite.read(content).kernels()]
    assert kernels.count(8) >= 0.9 * len(kernels)

"""Large constants in two bytes: which, and what comes out."""

import numpy as np
import pytest
import running

from tfedge.compress import keras as k
from tfedge.device.file import tflite
from tfedge.export import options
from tfedge.export.converter import conversion, model_writer
from tfedge.export.edits import half_constants
from tfedge.export.tree import flatbuffer

L = k.tf_keras.layers
_X = np.random.default_rng(0).normal(size=(3, 8, 32)).astype(np.float32)


def _file(places, kernel_rows=32):
    read = k.tf_keras.Input((8, 32))
    x = L.Dense(kernel_rows, use_bias=False)(read)
    model = k.tf_keras.Model(read, x + places)
    writer = model_writer.of(model, "float32")
    return flatbuffer.pack(conversion.convert_to_float(writer, options.Export()))


def _places(largest=1.0, steps=8):
    places = np.random.default_rng(1).uniform(-1, 1, (steps, 32)).astype(np.float32)
    places[0, 0] = largest
    return places


def test_a_table_of_places_takes_half_its_bytes():
    before = _file(_places())
    after = running.edited(before, half_constants.store)
    (table,) = [each for each in tflite.read(after).tensors if each.dtype == "FLOAT16"]
    assert (table.shape, table.buffer_bytes) == ((8, 32), 8 * 32 * 2)
    wanted = running.images(before, _X, running.WITHOUT_XNNPACK)
    for way in (running.WITHOUT_XNNPACK, running.WITH_XNNPACK):
        found = running.images(after, _X, way)
        assert 0 < np.abs(found - wanted).max() < 2**-11
    assert running.edited(after, half_constants.store) == after


@pytest.mark.parametrize("places", [_places(-1e9), _places(steps=1)])
def test_masks_and_small_constants_stay(places):
    before = _file(places)
    assert running.edited(before, half_constants.store) == before

import numpy as np
import pytest

from tfedge.compress import keras as k
from tfedge.compress.ranges import fake_quantization, output_tail, uneven_outputs
from tfedge.data.task import ArraySplit, Task

layers = k.tf_keras.layers


def _model(end, widths=(2, 1)):
    x = layers.Input((3,), name="x")
    parts = [layers.Dense(n, name=f"part_{i}")(x) for i, n in enumerate(widths)]
    return k.tf_keras.Model(x, end(*parts))


def _found(model, *ranges, steps=255):
    (tail,) = output_tail.find(model)
    known = {id(e.tensor): ranges[int(e.layer[-1])] for e in tail.edges}
    return uneven_outputs.find(model, known, steps)


def _join(*parts):
    return layers.Concatenate(name="joined")(parts)


def test_an_output_is_described_by_what_it_reads():
    model = _model(lambda a, b: _join(layers.Rescaling(5.0, 1.0)(a), b))
    (tail,) = output_tail.find(model)
    elements = output_tail.elements(model, tail)
    assert [edge.layer for edge in tail.edges] == ["part_0", "part_1"]
    np.testing.assert_allclose(elements.offset, [[1, 1, 0]])
    np.testing.assert_allclose(elements.scales, [[[5, 5, 0]], [[0, 0, 1]]])


def test_what_others_read_too_is_not_taken_along():
    x = layers.Input((3,))
    shifted = layers.Rescaling(2.0, name="shifted")(layers.Dense(1)(x))
    model = k.tf_keras.Model(x, [_join(shifted, layers.Dense(1)(x)), layers.Dense(1)(shifted)])
    (tail,) = output_tail.find(model)
    assert "shifted" in {edge.layer for edge in tail.edges}
    assert tail.calls == {("joined", 0)}


@pytest.mark.parametrize(("high", "is_uneven"), [(3.9, False), (4.1, True)])
def test_fewer_than_64_of_255_steps_are_too_few(high, is_uneven):
    assert bool(_found(_model(_join), (0.0, high), (0.0, 1.0))) == is_uneven


def test_16_bits_have_steps_for_more():
    ranges = ((0.0, 160.0), (0.0, 1.0))
    assert not _found(_model(_join), *ranges, steps=65535)


def test_one_scale_and_an_offset_alone():
    model = _model(layers.Rescaling(3.0), widths=(2,))
    assert not _found(model, (-1.0, 1.0))
    far = _model(layers.Rescaling(3.0, 500.0), widths=(2,))
    (found,) = _found(far, (-1.0, 1.0))
    np.testing.assert_allclose(found.steps, 255 * 6 / 503)


def test_columns_are_named_with_what_they_lose():
    (found,) = _found(_model(_join), (-160.0, 95.0), (0.0, 2.0))
    assert found.described() == (
        "output joined: columns 0-1 reach 160, column 2 reaches 2 (2 of 255 steps)"
    )


def test_training_has_no_range_behind_what_is_joined():
    k.tf_keras.utils.set_random_seed(1)
    model = _model(lambda a, b: _join(layers.Rescaling(500.0)(a), b))
    x = np.random.default_rng(0).normal(size=(32, 3)).astype(np.float32)
    split = ArraySplit(x, model(x).numpy())
    task = Task("joined", "regression", split, split, split)
    quantization = fake_quantization.Quantization(fake_quantization.calibrate(model, task))
    trained = set(fake_quantization.ranges(fake_quantization.insert(model, quantization)))
    whole = fake_quantization.insert(model, quantization, integer_outputs=True)
    assert trained == {"x_range_0_0", "part_0_range_0_0", "part_1_range_0_0"}
    assert "joined_range_0_0" in fake_quantization.ranges(whole)

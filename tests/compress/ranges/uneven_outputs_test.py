import numpy as np
import pytest

from tfedge.compress import keras as k
from tfedge.compress.bridge import op_layer
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
    assert [edge.layer for edge in tail.edges] == ["part_0", "part_1"]
    scaled, joined = output_tail.reach(model, tail, [(-2.0, 1.0), (0.0, 0.5)])
    np.testing.assert_allclose(scaled, [[[-9, -9]], [[6, 6]]])
    np.testing.assert_allclose(joined, [[[-9, -9, 0]], [[6, 6, 0.5]]])


ELEMENTWISE = {
    "relu": layers.ReLU(),
    "capped": layers.ReLU(8.0, negative_slope=0.1),
    "leaky": layers.LeakyReLU(0.2),
    "activation": layers.Activation("relu6"),
    "swish": layers.Activation("swish"),
    "clip": op_layer.Op("clip", [{"tensor": 0}, -9.0, 9.0]),
}


@pytest.mark.parametrize("name", list(ELEMENTWISE))
def test_what_is_computed_of_each_joined_value_is_looked_through(name):
    model = _model(lambda a, b: ELEMENTWISE[name](_join(a, b)))
    (tail,) = output_tail.find(model)
    assert [edge.layer for edge in tail.edges] == ["part_0", "part_1"]
    (found,) = _found(model, (-160.0, 95.0), (0.0, 2.0))
    np.testing.assert_allclose(found.reach, [160, 160, 2])


@pytest.mark.parametrize(
    "end", [layers.Dense(2), lambda x: op_layer.Op("maximum")([x, layers.Rescaling(2.0)(x)])]
)
def test_what_mixes_joined_values_is_not_looked_through(end):
    assert not output_tail.find(_model(lambda a, b: end(_join(a, b))))


def test_zero_is_in_every_range_and_an_int8_tensor_has_255_steps():
    model = _model(_join)
    (tail,) = output_tail.find(model)
    ranges = [(5.0, 160.0), (0.2, 0.5)]
    known = {id(e.tensor): each for e, each in zip(tail.edges, ranges, strict=True)}
    (found,) = uneven_outputs.find(model, known)
    np.testing.assert_allclose(found.reach, [160, 160, 0.5])
    np.testing.assert_allclose(found.steps, [255, 255, 255 * 0.5 / 160])


def test_an_activation_in_front_of_the_joining_stays_with_its_kernel():
    model = _model(lambda a, b: _join(layers.ReLU(name="relu_2")(a), layers.ReLU(name="relu_3")(b)))
    (tail,) = output_tail.find(model)
    assert [edge.layer for edge in tail.edges] == ["relu_2", "relu_3"]
    lone = _model(layers.ReLU(), widths=(2,))
    assert not output_tail.find(lone)


def test_what_a_later_call_evens_out_was_uneven_where_it_was_joined():
    model = _model(lambda a, b: layers.Rescaling([1 / 160, 1 / 160, 0.5])(_join(a, b)))
    (found,) = _found(model, (-160.0, 95.0), (0.0, 2.0))
    np.testing.assert_allclose(found.reach, [160, 160, 2])


def test_a_range_is_looked_at_between_its_ends_too():
    model = _model(lambda a, b: layers.Activation("swish")(_join(a, b)))
    (tail,) = output_tail.find(model)
    *_, made = output_tail.reach(model, tail, [(-8.0, 0.0), (-8.0, 0.0)])
    assert made.low.max() < -0.2  # -1 / (1 + e) is near; both ends are nearly 0
    poled = _model(lambda a, b: op_layer.Op("divide", [1.0, {"tensor": 0}])(_join(a, b)))
    (tail,) = output_tail.find(poled)
    assert output_tail.reach(poled, tail, [(-1.0, 1.0), (0.5, 1.0)]) is None


def test_what_others_read_too_is_not_taken_along():
    x = layers.Input((3,))
    shifted = layers.Rescaling(2.0, name="shifted")(layers.Dense(1)(x))
    model = k.tf_keras.Model(x, [_join(shifted, layers.Dense(1)(x)), layers.Dense(1)(shifted)])
    (tail,) = output_tail.find(model)
    assert "shifted" in {edge.layer for edge in tail.edges}
    assert tail.calls == {("joined", 0)}


@pytest.mark.parametrize(("high", "is_uneven"), [(3.98, False), (3.99, True)])
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

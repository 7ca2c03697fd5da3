import numpy as np
import pytest
import running

from tfedge.compress import keras as k
from tfedge.compress.candidate import Codes
from tfedge.compress.layers import kernels
from tfedge.data.task import ArraySplit, Task
from tfedge.export import from_model, options
from tfedge.export.edits import lineage, write_codes
from tfedge.export.tree import flatbuffer, operators


def _promise(model, name, top):
    """A layer's kernel on a grid whose largest integer is `top`, as the converter never has it."""
    layer = model.get_layer(name)
    kind = type(layer).__name__
    rows = next(k.rows for k in lineage.keras_kernels(model) if k.layer == name)
    scales = np.abs(rows).max(axis=1) / top
    codes = np.round(rows / scales[:, None])
    shape = kernels.deployed(kind, layer.trainable_weights[0].numpy()).shape
    axis = kernels.deployed_channel_axis(kind)
    moved = codes.reshape([shape[axis], *np.delete(shape, axis)])
    return Codes(scales.astype(np.float32), np.moveaxis(moved, 0, axis).astype(np.int8))


def _written(data, promised):
    return running.edited(data, write_codes.write_codes, promised)


def _converted(model, task):
    """The converter's file, kernels named, and those names."""
    tree = from_model.convert(model, None, options.Export("int8"), task)
    names = lineage.name_kernels(tree, lineage.keras_kernels(model))
    return flatbuffer.pack(tree), names


def _kernels(data):
    model = flatbuffer.unpack(data)
    return {
        operator.graph.tensors[operator.kernel].name.decode(): (
            operators.values(model, operator.graph.tensors[operator.kernel]),
            operator.graph.tensors[operator.kernel].quantization,
        )
        for operator in operators.weighted(model)
    }


@pytest.mark.parametrize("route", ["int8", "int16x8"])
def test_codes_and_scales_are_in_the_file_exactly(converted, model, task, route):
    promised = {name: _promise(model, name, 100) for name in ("pointwise", "head")}
    data = _written(converted[route], promised)
    found = _kernels(data)
    for name, wanted in promised.items():
        codes, quantization = found[name]
        assert np.array_equal(codes, wanted.codes)
        assert np.array_equal(quantization.scale, wanted.scales)
    x = task.normalization(task.train.x[:30])
    moved = running.images(data, x) - running.images(converted[route], x)
    assert np.abs(moved).max() < 0.05


@pytest.mark.parametrize("name", ["stem", "depthwise"])
def test_under_a_folded_normalisation_codes_stay_up_to_their_sign(converted, model, task, name):
    wanted = _promise(model, name, 100)
    data = _written(converted["int8"], {name: wanted})
    codes, quantization = _kernels(data)[name]
    axis = quantization.quantizedDimension
    ratio = lineage.factors(
        lineage.rows(codes.astype(float), axis), lineage.rows(wanted.codes.astype(float), axis)
    )
    assert set(ratio) == {1.0, -1.0}  # the model has factors of both signs
    assert np.all(quantization.scale > 0)
    x = task.normalization(task.train.x[:30])
    moved = running.images(data, x) - running.images(converted["int8"], x)
    assert np.abs(moved).max() < 0.05


def test_another_kernel_is_not_written_over(converted, model):
    wanted = _promise(model, "head", 100)
    other = Codes(wanted.scales, np.roll(wanted.codes, 1, axis=0))
    with pytest.raises(ValueError, match="'head'"):
        _written(converted["int8"], {"head": other})


def test_nothing_promised_changes_nothing(converted):
    assert _written(converted["int8"], {}) == converted["int8"]


def test_a_kernel_that_nothing_comes_into_keeps_its_promise_and_its_bias():
    """The converter rounds such a kernel to next to nothing, to make room for the bias."""
    layers = k.tf_keras.layers
    given = layers.Input((2, 2, 3), name="given")
    silent = layers.Conv2D(4, 1, activation="relu", name="silent")
    dead = layers.Conv2D(2, 1, name="dead")
    model = k.tf_keras.Model(given, dead(silent(given)))
    silent.set_weights([np.zeros((1, 1, 3, 4)), np.full(4, 1e-9)])
    codes = np.array([[100, -3, 0, 7], [1, 2, -90, 4]])
    dead.set_weights([0.01 * codes.T.reshape(1, 1, 4, 2), np.array([5.0, -3.0])])
    x = np.random.default_rng(0).random((100, 2, 2, 3), np.float32)
    split = ArraySplit(x, np.zeros(100, np.float32))
    task = Task("dead", "regression", split, split, split)

    data, names = _converted(model, task)
    assert "dead" in names
    assert np.abs(_kernels(data)["dead"][0]).max() < 16
    wanted = Codes(np.full(2, 0.01, np.float32), codes.reshape(2, 1, 1, 4).astype(np.int8))
    data = _written(data, {"dead": wanted})
    assert np.array_equal(_kernels(data)["dead"][0], wanted.codes)
    moved = running.images(data, x[:3]) - model(x[:3]).numpy()
    assert np.abs(moved).max() < 0.05


def test_codes_take_the_shape_that_the_file_has():
    """Keras' Conv1D kernel may lie with its axis of length 1 before or behind its width."""
    layers = k.tf_keras.layers
    given = layers.Input((8, 3), name="given")
    model = k.tf_keras.Model(given, layers.Conv1D(4, 5, name="series")(given))
    x = np.random.default_rng(0).normal(size=(60, 8, 3)).astype(np.float32)
    task = Task("series", "regression", *3 * [ArraySplit(x, np.zeros((60, 4, 4), np.float32))])
    data, _ = _converted(model, task)
    wanted = _promise(model, "series", 90)
    file = _kernels(data)["series"][0]
    other = [axis for axis in np.argsort(np.array(file.shape) == 1) if axis]
    turned = Codes(wanted.scales, wanted.codes.reshape(4, *(file.shape[axis] for axis in other)))
    assert turned.codes.shape != file.shape
    for promised in (wanted, turned):
        found = _kernels(_written(data, {"series": promised}))["series"][0]
        assert found.shape == file.shape
        assert np.array_equal(found.ravel(), wanted.codes.ravel())

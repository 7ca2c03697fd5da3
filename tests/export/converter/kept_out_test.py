import numpy as np
import pytest

import tfedge
from tfedge.compress import keras as k
from tfedge.data.task import ArraySplit, Task
from tfedge.export.converter import kept_out

_WIDTH = 16


@pytest.fixture(scope="module")
def task():
    x = np.random.default_rng(0).normal(size=(100, _WIDTH)).astype(np.float32)
    split = ArraySplit(x, np.arange(100) % 3)
    return Task("rows", "classification", split, split, split)


@pytest.fixture
def put_back(monkeypatch):
    """Kernels of 256 weights are large ones; how many were put into each file."""
    counts, real = [], kept_out.put_back

    def counted(tree, kept):
        found = real(tree, kept)
        counts.append(len(kept))
        return found

    monkeypatch.setattr(kept_out, "put_back", counted)
    monkeypatch.setattr(kept_out, "_LARGE_KERNEL", _WIDTH**2)

    def start():
        monkeypatch.setattr(kept_out, "_LARGE_MODEL", 0)
        return counts

    return start


def _model(*middle):
    layers = k.tf_keras.layers
    k.tf_keras.utils.set_random_seed(1)
    stack = [layers.Dense(_WIDTH, "relu"), *middle, layers.Dense(_WIDTH, use_bias=False)]
    model = k.tf_keras.Sequential(
        [layers.Input((_WIDTH,)), *stack, layers.ReLU(6.0), layers.Dense(3, "softmax")]
    )
    draw = np.random.default_rng(2)
    for weight in model.weights:
        weight.assign(draw.uniform(0.1, 0.4, weight.shape) * draw.choice([-1, 1], weight.shape[-1]))
    return model


def test_files_are_the_same_byte_by_byte(task, put_back):
    model = _model()
    candidate = tfedge.Recipe.parse("quantize(epochs=0)").apply(model, task)
    routes = (model, "float32"), (candidate, "int8")
    usual = [tfedge.to_tflite(source, route, task) for source, route in routes]
    counts = put_back()
    assert [tfedge.to_tflite(source, route, task) for source, route in routes] == usual
    assert counts == [2, 2]


def test_what_the_converter_folds_into_a_kernel_is_in_the_file(task, put_back):
    model = _model(k.tf_keras.layers.Rescaling(3.0))
    usual = tfedge.to_tflite(model, "float32", task)
    counts = put_back()
    assert tfedge.to_tflite(model, "float32", task) == usual
    assert not counts


def test_the_model_has_its_kernels_again(put_back):
    put_back()
    model = _model()
    kernels = [layer.kernel for layer in model.layers if hasattr(layer, "kernel")]
    with kept_out.large_kernels(model) as kept:
        assert [each.kernel for each in kept] == kernels[:2]
        assert np.ptp(k.tf.convert_to_tensor(model.layers[0].kernel)) == 0
    assert all(layer.kernel is each for layer, each in zip(_dense(model), kernels, strict=True))


def test_a_graph_keeps_one_number_for_a_kernel():
    model = _model()
    example = k.tf.TensorSpec(model.inputs[0].shape)
    with kept_out.large_kernels(model):
        graph = k.tf.function(model).get_concrete_function(example).graph
    assert len(graph.as_graph_def().SerializeToString()) < 100_000


def _dense(model):
    return [layer for layer in model.layers if hasattr(layer, "kernel")]

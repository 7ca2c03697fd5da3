import numpy as np
import pytest
import running

from tfedge import export
from tfedge.compress import keras as k
from tfedge.compress import recipe
from tfedge.data.task import ArraySplit, Normalization, Task
from tfedge.device import inference, sandbox
from tfedge.device.file import tflite
from tfedge.errors import BadInput
from tfedge.export.converter import recurrent


def _model(layer, shape=(5, 3)):
    given = k.tf_keras.layers.Input(shape)
    return k.tf_keras.Model(given, layer(given))


@pytest.mark.parametrize(
    "layer",
    [
        k.tf_keras.layers.GRU(2),
        k.tf_keras.layers.Bidirectional(k.tf_keras.layers.GRU(2)),
        k.tf_keras.layers.RNN(k.tf_keras.layers.LSTMCell(2)),
    ],
)
def test_unrolled_layers_compute_the_same(layer):
    model = _model(_model(layer))  # nested, so the layer is not the model's own
    unrolled = recurrent.unrolled(model, "int8")
    x = np.random.default_rng(0).random((2, 5, 3), np.float32)
    np.testing.assert_allclose(unrolled(x), model(x), atol=1e-6)


def test_long_sequences_are_refused():
    model = _model(k.tf_keras.layers.GRU(2, name="long"), (129, 3))
    with pytest.raises(BadInput, match=r"layer 'long'.*129 steps.*dynamic"):
        recurrent.unrolled(model, "int8")


def test_layers_without_an_unrolled_form_are_refused():
    model = _model(k.tf_keras.layers.ConvLSTM2D(2, 3, name="images"), (4, 6, 6, 1))
    with pytest.raises(BadInput, match="layer 'images'"):
        recurrent.unrolled(model, "int8")


def _classes(x, *inside):
    k.tf_keras.utils.set_random_seed(0)  # by chance, few bits can be better than many
    model = _model(k.tf_keras.Sequential([*inside, k.tf_keras.layers.Dense(3, "softmax")]))
    split = ArraySplit(x, np.arange(len(x)) % 3)
    return model, Task("sequences", "classification", split, split, split)


@pytest.mark.parametrize(
    "layer", [k.tf_keras.layers.LSTM(4), k.tf_keras.layers.LayerNormalization()]
)
def test_int16_kernels_that_litert_lacks_do_not_end_the_interpreter(layer):
    x = np.random.default_rng(0).normal(size=(32, 5, 3)).astype(np.float32)
    model, task = _classes(x, layer)
    data = export.to_tflite(model, "int16x8", task)
    expected = np.asarray(model(x[:1]))
    np.testing.assert_allclose(running.images(data, x[:1]), expected, atol=0.02)


def test_operators_without_a_layer_are_no_riddle_to_automatic_precision():
    x = np.random.default_rng(0).normal(size=(32, 5, 3)).astype(np.float32)
    model, task = _classes(x, k.tf_keras.layers.LSTM(4))
    with pytest.raises(BadInput, match="no kernel can have 4 bits within a tolerance"):
        export.to_tflite(model, 'int4(precision="auto", tolerance=1e-6)', task)


@pytest.mark.parametrize("kind", [k.tf_keras.layers.GRU, k.tf_keras.layers.LSTM])
def test_states_are_joined_and_compared_as_floats_and_read_by_kernels_as_integers(kind):
    k.tf_keras.utils.set_random_seed(0)
    own = k.tf_keras.layers
    given = own.Input((5, 3))
    steps, state, *_ = kind(4, return_sequences=True, return_state=True)(given)
    mean = own.GlobalAveragePooling1D()(steps)
    joined = [own.Maximum()([state, mean]), own.Reshape((4,))(state), mean, 9.0 * mean]
    joined.append(own.Dense(3, "relu", name="kernel")(state))
    model = k.tf_keras.Model(given, own.Dense(3, "softmax")(own.Concatenate()(joined)))
    x = np.random.default_rng(0).normal(size=(32, 5, 3)).astype(np.float32)
    split = ArraySplit(x, np.arange(len(x)) % 3)
    task = Task("sequences", "classification", split, split, split)
    candidate = recipe.Recipe.parse("quantize(epochs=0)").apply(model, task)
    data = export.to_tflite(candidate, "int8", task)
    np.testing.assert_allclose(running.images(data, x[:1]), np.asarray(model(x[:1])), atol=0.03)
    file = tflite.read(data)
    read = {}
    for each in file.operators:
        if not each.subgraph:  # not of a loop
            types = {file.tensors[place].dtype for place in each.inputs if place >= 0}
            read[each.kind] = read.get(each.kind, set()) | types - {"INT32"}
    assert read["CONCATENATION"] == read["MAXIMUM"] == {"FLOAT32"}
    assert read["FULLY_CONNECTED"] == {"INT8"}


def test_a_loop_that_gives_the_output_its_size_runs_where_several_threads_are_allowed():
    x = np.random.default_rng(0).normal(size=(8, 5, 3)).astype(np.float32)
    model, task = _classes(x, k.tf_keras.layers.GRU(4, return_sequences=True))
    data = export.to_tflite(model, "float32", task)
    limits = sandbox.Limits(2**28, threads=4, seconds=60)
    run = inference.run(tflite.read(data), task.validation, Normalization(), limits)
    assert run.outcome.failure is None
    np.testing.assert_allclose(next(iter(run.outputs.values())), model(x), atol=1e-5)


def test_trained_kernels_inside_of_wrapped_float_layers_may_be_float():
    wrapped = k.tf_keras.layers.TimeDistributed(k.tf_keras.layers.Conv1D(4, 2, activation="tanh"))
    flat = k.tf_keras.layers.TimeDistributed(k.tf_keras.layers.Flatten())
    x = np.random.default_rng(0).normal(size=(32, 3, 4, 2)).astype(np.float32)
    shape = k.tf_keras.layers.Input((3, 4, 2))
    model = k.tf_keras.Sequential(
        [shape, wrapped, flat, k.tf_keras.layers.LSTM(4), k.tf_keras.layers.Dense(3, "softmax")]
    )
    split = ArraySplit(x, np.arange(32) % 3)
    task = Task("sequences", "classification", split, split, split)
    candidate = recipe.Recipe.parse("quantize(epochs=0)").apply(model, task)
    kernels = tflite.read(export.to_tflite(candidate, "int8", task)).kernels()
    assert {"FLOAT32", "INT8"} <= {kernel.tensor.dtype for kernel in kernels}

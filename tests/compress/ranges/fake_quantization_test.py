import numpy as np
import pytest
import tensorflow as tf

from tfedge import to_tflite
from tfedge.compress import folding, graph
from tfedge.compress import keras as k
from tfedge.compress.bridge import op_layer
from tfedge.compress.candidate import Candidate, Quantization
from tfedge.compress.passes.quantize import Quantize
from tfedge.compress.ranges import fake_quantization, ranged_tensors
from tfedge.data.task import ArraySplit, Task
from tfedge.device.file import tflite

layers = k.tf_keras.layers


def _classes(x):
    return layers.Dense(3, "softmax", name="classes")(x)


def _residual_with_squeeze_and_excite(image):
    x = layers.Conv2D(8, 3, padding="same", use_bias=False)(image)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    y = layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same")(x))
    gate = layers.Reshape((1, 1, 8))(layers.GlobalAveragePooling2D()(y))
    gate = layers.Conv2D(8, 1, activation="sigmoid")(layers.Conv2D(2, 1, activation="relu")(gate))
    x = layers.ReLU()(layers.Add()([x, layers.Multiply()([y, gate])]))
    x = layers.Concatenate()([x, layers.MaxPooling2D(3, 1, "same")(x)])
    return _classes(layers.GlobalAveragePooling2D()(layers.Dropout(0.2)(x)))


def _activations(image):
    x = layers.Rescaling(1 / 2, -0.5)(image)
    x = layers.Conv2D(8, 3, activation="swish")(x)
    for activation in ("gelu", "tanh", "relu6", tf.nn.leaky_relu):
        x = layers.Activation(activation)(layers.Conv2D(8, 1)(x))
    hard_swish = layers.Multiply()([x, layers.ReLU(6.0)(x + 3.0) * (1 / 6)])
    return _classes(layers.Flatten()(layers.PReLU()(layers.Conv2D(8, 1)(hard_swish))))


def _pre_activation(image):
    x = layers.Conv2D(8, 3)(image)
    y = layers.ReLU()(layers.BatchNormalization(name="pre")(x))
    x = layers.Add()([x, layers.Conv2D(8, 3, padding="same")(y)])
    x = layers.Flatten()(layers.ReLU()(layers.BatchNormalization(name="last")(x)))
    return _classes(layers.BatchNormalization(name="flat")(x))


def _attention(image):
    x = layers.LayerNormalization(name="norm")(layers.Dense(8)(image))
    x = layers.Add()([x, layers.MultiHeadAttention(2, 4, name="attention")(x, x)])
    return _classes(layers.GlobalAveragePooling1D()(x))


def _words(tokens):
    x = layers.LSTM(6, name="memory")(layers.Embedding(9, 4, name="words")(tokens))
    return _classes(layers.Dense(8, "relu")(x))


def _sequence(image):
    x = layers.Conv1D(8, 3, padding="same", use_bias=False)(image)
    x = layers.MaxPooling1D()(layers.ReLU()(layers.BatchNormalization()(x)))
    x = layers.Conv1D(8, 3, activation="relu")(x)
    return _classes(layers.GlobalAveragePooling1D()(x))


def _over_time(signal):
    """What networks for sensors and sound are made of: no layer of it has two spatial axes."""
    x = layers.BatchNormalization()(layers.Conv1D(6, 3, padding="same", activation="relu")(signal))
    x = layers.ReLU()(layers.BatchNormalization()(layers.SeparableConv1D(8, 3, strides=2)(x)))
    x = layers.DepthwiseConv1D(2, depth_multiplier=2, activation="relu6")(x)
    x = layers.Conv1DTranspose(4, 3, strides=2, activation="swish")(x)
    return _classes(layers.Flatten()(layers.DepthwiseConv1D(3, dilation_rate=2)(x)))


def _functions(image):
    x = tf.nn.relu(layers.Conv2D(8, 3)(image) * 2.0 + 1.0)[:, 1:3]
    x = layers.Conv2D(8, 1)(tf.split(x, 2, axis=-1)[0])  # the other half is read by nobody
    x = op_layer.Op("relu")(op_layer.Op("multiply", [{"tensor": 0}, 2.0])(x))
    x = op_layer.Op("mean", [{"tensor": 0}], {"axis": [1, 2]})(x)
    return op_layer.Op("softmax", name="classes")(layers.Dense(3)(x))


def _parts(image):
    """Channels shuffled: LiteRT's SPLIT has one scale, though the halves' ranges differ."""
    one, other = tf.split(layers.Conv2D(8, 3)(image), 2, axis=-1)
    rows = tf.unstack(tf.concat([other, one], axis=-1), axis=1)
    return _classes(layers.Flatten()(tf.stack(rows[::-1], axis=1)))


def _heads(image):
    """Attention written by hand; what moves values has one scale in LiteRT for all it touches."""
    x = layers.Dense(24)(image)
    x = op_layer.Op("reshape", [{"tensor": 0}, [-1, 6, 2, 4, 3]])(x)
    x = op_layer.Op("transpose", [{"tensor": 0}, [0, 2, 1, 3, 4]])(x)
    query, key, value = x[..., 0], x[..., 1], x[..., 2]
    key = op_layer.Op("swapaxes", [{"tensor": 0}, -1, -2])(key)
    weights = op_layer.Op("softmax")(op_layer.Op("matmul")([query, key]))
    mixed = op_layer.Op("moveaxis", [{"tensor": 0}, 1, 2])(op_layer.Op("matmul")([weights, value]))
    return _classes(layers.Flatten()(op_layer.Op("repeat", [{"tensor": 0}, 2, 1])(mixed)))


def _logits(image):
    x = layers.SeparableConv2D(8, 3, activation="relu")(image)
    x = layers.Conv2DTranspose(4, 3, activation="relu")(x)
    x = layers.UpSampling2D()(layers.ZeroPadding2D()(layers.AveragePooling2D()(x)))
    return layers.Dense(3, name="classes")(layers.Flatten()(x))


_FLOAT = "has no int8 form as one operator"


@pytest.mark.parametrize(
    ("network", "shape", "stays_float"),
    [
        (_residual_with_squeeze_and_excite, (6, 6, 1), {}),
        (_activations, (6, 6, 1), {}),
        (_pre_activation, (6, 6, 1), {}),
        (
            _attention,
            (6, 4),
            {"norm": f"LayerNormalization {_FLOAT}"},
        ),
        (_words, (5,), {"memory": f"LSTM {_FLOAT}"}),
        (_sequence, (8, 2), {}),
        (_over_time, (12, 2), {}),
        (_functions, (6, 6, 1), {}),
        (_parts, (6, 6, 1), {}),
        (_heads, (6, 4), {}),
        (_logits, (6, 6, 1), {}),
    ],
)
def test_a_step_of_training_and_a_file_that_computes_the_same(
    network, shape, stays_float, make_task
):
    k.tf_keras.utils.set_random_seed(1)
    is_words = network is _words
    task = make_task(shape, n=16, calibration=make_task(shape).train)
    if is_words:
        ids = np.random.default_rng(0).integers(0, 9, (16, *shape)).astype(np.int32)
        split = ArraySplit(ids, ids[:, 0] % 3)
        task = make_task(train=split, calibration=split, validation=split)
    image = k.tf_keras.Input(shape, name="x", dtype="int32" if is_words else "float32")
    model = folding.flatten(k.tf_keras.Model(image, network(image)))
    candidate = Quantize(epochs=1)(Candidate(model), task)
    assert candidate.quantization.float_layers == stays_float
    assert np.isfinite(candidate.reports[-1].history[0]["loss"])
    content = to_tflite(candidate, "int8", task)
    file = tflite.read(content)
    assert list(file.named_outputs) == model.output_names == ["classes"]
    if not stays_float:
        assert {kernel.tensor.dtype for kernel in file.kernels()} == {"INT8"}
    if is_words:
        first = next(operator for operator in file.operators if operator.kind == "EMBEDDING_LOOKUP")
        table = file.tensors[first.inputs[1]]
        assert (table.dtype, tuple(table.shape), len(table.scales)) == ("INT8", (9, 4), 1)
    expected = fake_quantization.insert(candidate.model, candidate.quantization)(task.train.x)
    found = _run(content, task.train.x)
    # Or by a code of the softmax, whose scale LiteRT fixes at 1 / 256.
    tolerance = max(0.05 * (np.max(expected) - np.min(expected)), 1 / 256)
    np.testing.assert_allclose(found, expected, atol=tolerance)


def _run(content, x):
    interpreter = tflite.interpreter(content, 1)
    run = interpreter.get_signature_runner("serving_default")
    return np.concatenate([run(x=each[None])["classes"] for each in x])


@pytest.mark.parametrize("structure", [list, dict])
def test_several_outputs_keep_their_names(structure):
    image = k.tf_keras.Input((4,), name="x")
    x = layers.Dense(4, "relu")(image)
    heads = {"b": layers.Dense(2, name="b")(x), "a": layers.Dense(3, "softmax", name="a")(x)}
    model = k.tf_keras.Model(image, heads if structure is dict else list(heads.values()))
    names = ["b_range_0_0", "x_range_0_0", "dense_range_0_0"]
    ranges = {
        name: (-1.0, 1.0)
        for name in [*names, *(layer.name + "_range_0_0" for layer in model.layers)]
    }
    quantized = fake_quantization.insert(model, Quantization(ranges))
    assert quantized.output_names == model.output_names
    assert graph.output_names(quantized) == graph.output_names(model)


def _chain(*chain):
    model = k.tf_keras.Sequential([k.tf_keras.Input((4, 4, 2), name="x"), *chain])
    found = ranged_tensors.find(fake_quantization.integer_ready(graph.rebuild(model)))
    return [name.removesuffix("_range_0_0") for name in found.tensors]


@pytest.mark.parametrize(
    ("chain", "places"),
    [
        ([layers.Conv2D(2, 1, name="c"), layers.ReLU(name="r")], ["x", "r"]),
        ([layers.Conv2D(2, 1, name="c"), layers.ReLU(6.0, name="r")], ["x", "r"]),
        ([layers.Conv2D(2, 1, name="c"), layers.LeakyReLU(name="r")], ["x", "c", "r"]),
        ([layers.Conv2D(2, 1, activation="relu", name="c")], ["x", "c"]),
        ([layers.Conv2D(2, 1, activation="swish", name="c")], ["x", "c", "c_activation"]),
        ([layers.Conv2D(2, 1, activation="sigmoid", name="c")], ["x", "c"]),
        ([layers.MaxPooling2D(), layers.Flatten(), layers.Dropout(0.5)], ["x"]),
        ([layers.Dense(2, name="d"), layers.Softmax()], ["x", "d"]),
        ([layers.Rescaling(2.0, name="r")], ["x", "r"]),
        ([layers.Rescaling(2.0, 1.0, name="r")], ["x", "r", "r_offset"]),
    ],
)
def test_where_ranges_stand(chain, places):
    assert _chain(*chain) == places


def test_each_use_of_a_layer_and_each_output_has_its_range(make_task):
    shared, image = layers.Dense(4, name="shared"), k.tf_keras.Input((4,), name="x")
    model = graph.rebuild(k.tf_keras.Model(image, shared(shared(image))))
    found = fake_quantization.calibrate(model, make_task((4,)))
    assert list(found) == ["x_range_0_0", "shared_range_0_0", "shared_range_1_0"]


def test_calibration_has_the_extremes_of_all_batches_with_the_zero_in(make_task):
    x = np.array([[1.0], [2.0], [5.0], [4.0]], np.float32)
    task = make_task(calibration=ArraySplit(x, np.zeros(4, int)))
    image = k.tf_keras.Input((1,), name="x")
    model = k.tf_keras.Model(
        image, layers.Activation("tanh", name="t")(layers.ReLU(name="r")(image))
    )
    found = fake_quantization.calibrate(model, task, batch_size=2)
    assert found["r_range_0_0"] == (0.0, 5.0)  # the zero always has a code
    below = k.tf_keras.Model(image, layers.Activation("relu", name="r")(-image))
    found = fake_quantization.calibrate(graph.rebuild(below), task, batch_size=2)
    assert found["r_range_0_0"] == pytest.approx((0.0, 1e-6), abs=1e-9)  # never empty


def test_what_is_rare_is_not_cut_off_by_a_mean_and_what_inputs_hold_stays_while_training(make_task):
    x = np.array([[0.0], [0.0], [0.0], [1.0]], np.float32)  # a flag, in one batch of two
    task = make_task(calibration=ArraySplit(x, np.zeros(4, int)))
    flag = k.tf_keras.Input((1,), name="flag")
    scaled = layers.Rescaling(2.0, name="scaled")(flag)
    kernel = layers.Dense(1, kernel_initializer="ones", name="kernel")
    model = k.tf_keras.Model(flag, kernel(layers.Reshape((1,), name="moved")(scaled)))
    found = fake_quantization.calibrate(model, task, batch_size=2)
    assert found["flag_range_0_0"] == (0.0, 1.0)
    assert found["scaled_range_0_0"] == (0.0, 2.0)
    assert found["kernel_range_0_0"] == (0.0, 2.0)
    quantized = fake_quantization.insert(model, Quantization(found))
    quantized(np.zeros((2, 1), np.float32), training=True)
    after = fake_quantization.ranges(quantized)
    assert after["flag_range_0_0"] == (0.0, 1.0) and after["scaled_range_0_0"] == (0.0, 2.0)
    assert after["kernel_range_0_0"] == pytest.approx((0.0, 1.998))  # computed: it may shrink
    quantized(np.array([[0.0], [3.0]], np.float32), training=True)
    after = fake_quantization.ranges(quantized)
    assert after["flag_range_0_0"] == (0.0, 1.0)
    assert after["kernel_range_0_0"] == pytest.approx((0.0, 2.0))  # and widens at once


def test_padding_is_known_behind_ranges():
    words = k.tf_keras.Input((4,), dtype="int32")
    rows = layers.Embedding(5, 3, "normal", mask_zero=True)(words)
    model = k.tf_keras.Model(words, layers.GlobalAveragePooling1D()(rows))
    x = np.array([[1, 2, 0, 0], [4, 0, 0, 0], [3, 2, 1, 4]], np.int32)
    split = ArraySplit(x, np.zeros(3))
    found = fake_quantization.calibrate(model, Task("words", "regression", split, split, split))
    quantized = fake_quantization.insert(model, Quantization(found, {}, 8))
    np.testing.assert_allclose(quantized(x), model(x), atol=2e-3)


def test_ranges_are_those_that_were_put_in(network, task):
    model, _ = folding.fold(folding.flatten(network))
    calibrated = fake_quantization.calibrate(model, task)
    quantized = fake_quantization.insert(model, Quantization(calibrated))
    found = fake_quantization.ranges(quantized)
    assert set(found) == set(calibrated)
    for name, ends in calibrated.items():
        assert found[name] == pytest.approx(ends)


def test_models_by_name_are_called_by_name(make_task):
    inputs = {name: k.tf_keras.Input((2,), name=name) for name in ("b", "a")}
    model = graph.rebuild(
        k.tf_keras.Model(inputs, layers.Subtract(name="less")([inputs["a"], inputs["b"]]))
    )
    x = {"a": np.full((4, 2), 3.0, np.float32), "b": np.full((4, 2), 1.0, np.float32)}
    task = make_task(calibration=ArraySplit(x, np.zeros(4, int)))
    found = fake_quantization.calibrate(model, task)
    assert found["a_range_0_0"] == pytest.approx((0.0, 3.0), abs=1e-5)
    assert found["less_range_0_0"] == pytest.approx((0.0, 2.0), abs=1e-5)


def test_what_stays_float_has_a_reason():
    image = k.tf_keras.Input((4, 4, 2))
    x = layers.Conv2D(2, 1, activation="softplus", name="conv")(image)
    x = layers.ReLU(1.0, name="relu1")(layers.Activation("hard_sigmoid", name="gate")(x))
    model = k.tf_keras.Model(image, layers.Average(name="average")([x, image]))
    assert fake_quantization.float_layers(model) == {
        "conv": "activation 'softplus' has no int8 kernel",
        "gate": "activation 'hard_sigmoid' has no int8 kernel",
        "relu1": "ReLU up to 1 has no int8 kernel",
        "average": "Average has no int8 form as one operator",
    }


def test_what_was_taken_apart_is_left_alone():
    x = k.tf_keras.Input((4,), name="x")
    scaled = layers.Rescaling(2.0, 1.0, name="scaled")(x)
    tanh = layers.Dense(4, "tanh", name="tanh")(x)
    model = k.tf_keras.Model(x, layers.Add(name="sum")([x, scaled, tanh]))
    apart = fake_quantization.one_operator_each(model)
    names = [layer.name for layer in apart.layers]
    assert sorted(names) == [
        *("scaled", "scaled_offset", "sum", "sum_pair_0", "tanh", "tanh_activation", "x"),
    ]
    again = fake_quantization.one_operator_each(apart)
    assert [layer.name for layer in again.layers] == names
    value = np.arange(8, dtype=np.float32).reshape(2, 4)
    np.testing.assert_allclose(again(value), model(value), rtol=1e-6)


def test_a_cast_of_floats_to_floats_has_the_range_of_what_it_casts():
    """A yes or no that Keras 3 casts: after training its two ranges were scales that clash."""
    flag = k.tf_keras.Input((3,), name="flag")
    same = op_layer.Op("cast", [{"tensor": 0}, "float32"], name="same")(flag)
    model = k.tf_keras.Model(flag, k.tf_keras.layers.Dense(2, name="head")(same))
    found = ranged_tensors.find(model).tensors
    assert set(found) == {"flag_range_0_0", "head_range_0_0"}

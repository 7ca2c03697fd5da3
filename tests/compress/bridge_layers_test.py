import numpy as np
import pytest
import randomised

import tfedge
from tfedge.compress import bridge, keras
from tfedge.compress.bridge import activations
from tfedge.errors import BadInput

k3 = keras.keras3()
L = k3.layers

IMAGE_LAYERS = [
    lambda: L.Conv2D(4, 3, strides=2, padding="same", groups=2, activation="relu6"),
    lambda: L.Conv2D(4, 3, dilation_rate=2, kernel_regularizer="l2", activation=L.LeakyReLU(0.3)),
    lambda: L.DepthwiseConv2D(3, depth_multiplier=2, activation="hard_silu"),
    lambda: L.SeparableConv2D(5, 3, depth_multiplier=2),
    lambda: L.Conv2DTranspose(4, 3, strides=2, padding="same", output_padding=1),
    lambda: L.MaxPooling2D(2),
    lambda: L.AveragePooling2D(3, strides=1, padding="same"),
    lambda: L.GlobalAveragePooling2D(keepdims=True),
    lambda: L.BatchNormalization(axis=1, scale=False),
    lambda: L.LayerNormalization(axis=(1, 2)),
    lambda: L.GroupNormalization(3),
    lambda: L.SpectralNormalization(L.Conv2D(4, 3)),
    lambda: L.UpSampling2D(2, interpolation="bilinear"),
    lambda: L.ZeroPadding2D(((1, 0), (2, 1))),
    lambda: L.Permute((3, 1, 2)),
    lambda: L.Reshape((64, -1)),
    lambda: L.SpatialDropout2D(0.3),
    lambda: L.ReLU(6.0, negative_slope=0.1, threshold=0.1),
    lambda: L.LeakyReLU(0.2),
    lambda: L.PReLU(shared_axes=[1, 2]),
    lambda: L.Softmax(axis=[1, 2]),
    lambda: L.Rescaling(2.0, 0.5),
    lambda: L.Resizing(6, 4, crop_to_aspect_ratio=True),
    L.Normalization,
    lambda: L.Normalization(mean=range(6), variance=range(1, 7), axis=-1),
    lambda: L.RandomRotation(0.1),
    lambda: L.RandomContrast(0.2),
    lambda: L.TimeDistributed(L.Conv1D(4, 3)),
    lambda: L.ConvLSTM1D(3, 3, return_sequences=True),
    lambda: L.EinsumDense("abcd,de->abce", output_shape=(None, None, 5), bias_axes="e"),
]
SEQUENCE_LAYERS = [
    lambda: L.Conv1D(4, 3, padding="causal"),
    lambda: L.Conv1DTranspose(4, 3, strides=2),
    lambda: L.DepthwiseConv1D(3),
    lambda: L.SeparableConv1D(5, 3),
    lambda: L.LSTM(4, return_sequences=True, recurrent_activation="hard_sigmoid"),
    lambda: L.LSTM(4, go_backwards=True, unroll=True, dropout=0.2, use_bias=False),
    lambda: L.GRU(4),
    lambda: L.GRU(4, reset_after=False),
    lambda: L.SimpleRNN(4),
    lambda: L.Bidirectional(L.LSTM(4, return_sequences=True)),
    lambda: L.Bidirectional(L.LSTM(3), backward_layer=L.GRU(3, go_backwards=True)),
    lambda: L.RNN([L.LSTMCell(4), L.GRUCell(5)]),
    lambda: L.TimeDistributed(L.Dense(3, activation="hard_sigmoid")),
    lambda: L.ZeroPadding1D(2),
]


def _stacked(makers, shape):
    """One model that gives the output of each layer on the same input."""
    x = k3.Input(shape)
    return randomised.randomise(k3.Model(x, [make()(x) for make in makers]))


@pytest.mark.parametrize(
    ("makers", "shape"), [(IMAGE_LAYERS, (8, 8, 6)), (SEQUENCE_LAYERS, (7, 6))]
)
def test_every_layer_gives_the_same_both_ways(makers, shape):
    model = _stacked(makers, shape)
    data = np.random.default_rng(0).normal(size=(3, *shape)).astype("float32")
    twin = bridge.to_tf_keras(model)
    back = bridge.to_keras3(twin)
    expected = model(data, training=False)
    for other in (twin(data, training=False), back(data, training=False)):
        for name, a, b in zip(model.output_names, expected, other, strict=True):
            assert randomised.apart(a, b) <= 1e-6, name


def test_every_activation_gives_the_same_both_ways():
    names = sorted(activations.TO_TF_KERAS)
    x = k3.Input((6,))
    model = k3.Model(x, [L.Dense(4, activation=name)(x) for name in names])
    randomised.randomise(model)
    data = np.random.default_rng(0).normal(size=(9, 6)).astype("float32") * 3
    twin = bridge.to_tf_keras(model)
    back = bridge.to_keras3(twin)
    outputs = zip(names, model(data), twin(data), back(data), strict=True)
    for name, a, b, c in outputs:
        assert randomised.apart(a, b) == 0, name
        assert randomised.apart(a, c) == 0, name
    assert [layer.activation.__name__ for layer in back.layers[1:]] == [
        layer.activation.__name__ for layer in model.layers[1:]
    ]


def test_hard_sigmoid_of_tf_keras_keeps_its_own_maths_in_keras3():
    line = keras.tf_keras.layers.Activation("hard_sigmoid")
    x = keras.tf_keras.Input((1,))
    back = bridge.to_keras3(keras.tf_keras.Model(x, line(x)))
    np.testing.assert_allclose(back(np.array([[1.0]], "float32")), [[0.7]], rtol=1e-6)


def test_a_layer_of_tf_keras_alone_becomes_what_computes_the_same():
    x = keras.tf_keras.Input((3,))
    model = keras.tf_keras.Model(x, keras.tf_keras.layers.ThresholdedReLU(0.5)(x))
    data = np.array([[-1.0, 0.4, 0.6]], "float32")
    np.testing.assert_array_equal(model(data), bridge.to_keras3(model)(data))


def test_an_activation_of_tensorflow_itself_goes_to_keras3():
    x = keras.tf_keras.Input((6, 6, 3))
    fused = keras.tf_keras.layers.Conv2D(4, 3, activation=keras.tf.nn.relu6)
    model = randomised.randomise(keras.tf_keras.Model(x, fused(x)))
    data = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype("float32") * 9
    back = bridge.to_keras3(model)
    assert back.layers[-1].activation is k3.activations.relu6
    assert randomised.apart(model(data), back(data)) == 0


@pytest.mark.parametrize(
    ("layer", "cause"),
    [
        (lambda: L.Lambda(lambda x: x), "Python code"),
        (lambda: L.AdaptiveAveragePooling2D(2), "adaptive_average_pool has no counterpart"),
        (lambda: L.LayerNormalization(rms_scaling=True), "rms_scaling"),
        (lambda: L.Conv2D(2, 1, data_format="channels_first"), "channels come first"),
        (lambda: L.Dense(2, activation=lambda x: x.numpy()), "its activation cannot be followed"),
    ],
)
def test_a_layer_without_twin_is_refused_by_name(layer, cause):
    x = k3.Input((4, 4, 4))
    made = layer()
    with pytest.raises(BadInput, match=cause) as refused:
        bridge.to_tf_keras(k3.Model(x, made(x)))
    assert repr(made.name) in str(refused.value)


def test_a_layer_quantized_by_keras_in_ways_that_hide_its_weights_is_refused(monkeypatch):
    x = k3.Input((4,))
    model = k3.Model(x, L.Dense(4, name="head")(x))
    monkeypatch.setattr(L.Dense, "quantization_mode", "gptq")
    with pytest.raises(BadInput, match=r"'head'.*quantized by Keras"):
        bridge.to_tf_keras(model)


def _tied(**settings):
    ids = k3.Input((6,), dtype="int32")
    words = L.ReversibleEmbedding(9, 8, name="words", **settings)
    x = L.RMSNormalization(epsilon=1e-5, name="norm")(words(ids))
    x = L.GroupQueryAttention(3, 4, 2, name="attention")(x, x, use_causal_mask=True)
    return k3.Model(ids, words(x, reverse=True))


@pytest.mark.parametrize(
    "settings", [{}, {"tie_weights": False, "logit_soft_cap": 2.0}, {"mask_zero": True}]
)
def test_what_language_models_are_made_of_is_read_to_the_bit(settings):
    model = randomised.randomise(_tied(**settings))
    twin = bridge.to_tf_keras(model)
    ids = np.array([[1, 8, 3, 3, 0, 0], [2, 0, 4, 7, 7, 1]], "int32")
    assert randomised.apart(model(ids), twin(ids)) < 1e-6
    back = bridge.to_keras3(twin)
    assert [type(layer).__name__ for layer in back.layers] == [
        type(layer).__name__ for layer in model.layers
    ]
    assert randomised.apart(model(ids), back(ids)) < 1e-6


def test_a_layer_that_only_keras3_has_can_be_exported(tmp_path):
    x = k3.Input((4, 4, 2))
    k3.Model(x, L.AdaptiveAveragePooling2D(2)(x)).save(tmp_path / "model.keras")
    model = tfedge.load_model(tmp_path / "model.keras")
    assert len(tfedge.to_tflite(model, "float32")) > 500
    with pytest.raises(BadInput, match=r"AdaptiveAveragePooling2D.*prune cannot touch it"):
        tfedge.Recipe.parse("prune").apply(model, tfedge.load_task("digits"))

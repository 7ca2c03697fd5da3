import numpy as np
import pytest

from tfedge.compress import folding
from tfedge.compress import keras as k
from tfedge.compress.layers import kernels

layers = k.tf_keras.layers
rng = np.random.default_rng(0)


def _equal(model, other, *shape):
    x = rng.normal(size=(2, *shape)).astype(np.float32)
    found, wanted = k.tf.nest.flatten(other(x)), k.tf.nest.flatten(model(x))
    for one, two in zip(wanted, found, strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-4, atol=1e-4)


def _norms(model):
    return [layer.name for layer in model.layers if "BatchNorm" in type(layer).__name__]


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda bias: layers.Conv2D(4, 3, use_bias=bias, groups=2), (6, 6, 2)),
        (lambda bias: layers.Conv1D(4, 3, use_bias=bias), (6, 2)),
        (lambda bias: layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=bias), (6, 6, 3)),
        (lambda bias: layers.DepthwiseConv1D(3, depth_multiplier=2, use_bias=bias), (6, 3)),
        (lambda bias: layers.Conv1DTranspose(4, 3, strides=2, use_bias=bias), (6, 2)),
        (lambda bias: layers.Conv2DTranspose(4, 3, strides=2, use_bias=bias), (4, 4, 2)),
        (lambda bias: layers.Dense(4, use_bias=bias), (5,)),
        (lambda bias: layers.Dense(4, use_bias=bias), (3, 5)),
    ],
)
def test_batch_normalization_goes_into_the_kernel(make, shape, use_bias, randomised):
    image = k.tf_keras.Input(shape)
    x = layers.ReLU()(layers.BatchNormalization(name="norm")(make(use_bias)(image)))
    model = randomised(k.tf_keras.Model(image, x))
    folded, gone = folding.fold(folding.flatten(model))
    assert gone == ("norm",) and _norms(folded) == []
    _equal(model, folded, *shape)


def test_a_norm_without_scale_and_center(randomised):
    image = k.tf_keras.Input((5,))
    x = layers.BatchNormalization(scale=False, center=False)(layers.Dense(4)(image))
    model = randomised(k.tf_keras.Model(image, x))
    _equal(model, folding.fold(folding.flatten(model))[0], 5)


def test_a_norm_that_is_the_output_leaves_its_name_behind(randomised):
    image = k.tf_keras.Input((5,))
    outputs = [layers.BatchNormalization(name=n)(layers.Dense(4)(image)) for n in ("one", "two")]
    model = randomised(k.tf_keras.Model(image, outputs))
    folded, gone = folding.fold(folding.flatten(model))
    assert gone == ("one", "two")
    assert folded.output_names == model.output_names
    _equal(model, folded, 5)


def test_a_kernel_read_twice_or_shared_or_activated_keeps_its_norm(randomised):
    image = k.tf_keras.Input((5,))
    read_twice, shared = layers.Dense(5)(image), layers.Dense(5)
    norm = layers.BatchNormalization()
    outputs = [
        layers.Add()([read_twice, layers.BatchNormalization()(read_twice)]),
        layers.BatchNormalization()(shared(shared(image))),
        layers.BatchNormalization()(layers.Dense(5, activation="relu")(image)),
        norm(norm(layers.Dense(5)(image))),
    ]
    model = randomised(k.tf_keras.Model(image, outputs))
    folded, gone = folding.fold(folding.flatten(model))
    assert gone == () and len(_norms(folded)) == 4
    _equal(model, folded, 5)


def test_a_kernel_that_is_an_output_itself_keeps_its_norm(randomised):
    image = k.tf_keras.Input((5,))
    x = layers.Dense(4)(image)
    model = randomised(k.tf_keras.Model(image, [x, layers.BatchNormalization()(x)]))
    folded, gone = folding.fold(folding.flatten(model))
    assert gone == ()
    _equal(model, folded, 5)


def test_a_norm_over_another_axis_stays(randomised):
    image = k.tf_keras.Input((6, 6, 2))
    x = layers.BatchNormalization(axis=1)(layers.Conv2D(4, 3)(image))
    folded, gone = folding.fold(folding.flatten(randomised(k.tf_keras.Model(image, x))))
    assert gone == () and len(_norms(folded)) == 1


def test_norms_inside_of_nested_models_fold(randomised):
    inner = k.tf_keras.Sequential([layers.Conv2D(3, 3), layers.BatchNormalization()])
    image = k.tf_keras.Input((6, 6, 2))
    model = randomised(k.tf_keras.Model(image, layers.ReLU()(inner(image))))
    folded, gone = folding.fold(folding.flatten(model))
    assert len(gone) == 1
    _equal(model, folded, 6, 6, 2)


@pytest.mark.parametrize("activation", ["linear", "relu", "swish"])
@pytest.mark.parametrize("use_bias", [True, False])
def test_a_separable_convolution_becomes_two(activation, use_bias, randomised):
    image = k.tf_keras.Input((7, 7, 3))
    settings = {"strides": 2, "padding": "same", "depth_multiplier": 2, "use_bias": use_bias}
    x = layers.SeparableConv2D(5, 3, activation=activation, name="separable", **settings)(image)
    model = randomised(k.tf_keras.Model(image, layers.BatchNormalization()(x)))
    flat = folding.flatten(model)
    found = [(kernel.layer, kernel.layer_class) for kernel in kernels.find(flat)]
    assert found == [("separable_depthwise", "DepthwiseConv2D"), ("separable", "Conv2D")]
    _equal(model, flat, 7, 7, 3)
    folded, gone = folding.fold(flat)
    assert len(gone) == (activation == "linear")
    _equal(model, folded, 7, 7, 3)


@pytest.mark.parametrize(
    ("padding", "strides", "dilation"), [("valid", 2, 1), ("same", 1, 2), ("causal", 1, 2)]
)
def test_a_separable_convolution_over_time_becomes_two(padding, strides, dilation, randomised):
    signal = k.tf_keras.Input((9, 3))
    settings = {"padding": padding, "strides": strides, "dilation_rate": dilation}
    x = layers.SeparableConv1D(5, 3, depth_multiplier=2, name="separable", **settings)(signal)
    model = randomised(k.tf_keras.Model(signal, layers.BatchNormalization()(x)))
    flat = folding.flatten(model)
    found = [(kernel.layer, kernel.layer_class) for kernel in kernels.find(flat)]
    assert found == [("separable_depthwise", "DepthwiseConv1D"), ("separable", "Conv1D")]
    folded, gone = folding.fold(flat)
    assert len(gone) == 1
    _equal(model, folded, 9, 3)


def test_a_separable_convolution_in_a_nested_model_used_twice(randomised):
    inner = k.tf_keras.Sequential([layers.SeparableConv2D(3, 3, padding="same")])
    image = k.tf_keras.Input((5, 5, 3))
    model = randomised(k.tf_keras.Model(image, inner(inner(image))))
    flat = folding.flatten(model)
    assert len(kernels.find(flat)) == 2
    _equal(model, flat, 5, 5, 3)


@pytest.mark.parametrize(
    ("shape", "reader", "kind"),
    [
        ((6, 6, 2), layers.Conv2D(3, 3), "DepthwiseConv2D"),
        ((6, 2), layers.Conv1D(3, 3), "DepthwiseConv1D"),
    ],
)
def test_a_standalone_norm_becomes_a_depthwise_convolution(shape, reader, kind, randomised):
    image = k.tf_keras.Input(shape)
    x = layers.ReLU()(layers.BatchNormalization(name="pre")(image))
    model = randomised(k.tf_keras.Model(image, reader(x)))
    scaled, names = folding.scale_by_convolution(folding.flatten(model))
    assert names == ("pre",) and _norms(scaled) == []
    assert type(scaled.get_layer("pre")).__name__ == kind
    _equal(model, scaled, *shape)


def test_a_norm_goes_into_the_dense_layer_that_alone_reads_it(randomised):
    given = k.tf_keras.Input((3, 5))
    x = layers.BatchNormalization(name="norm")(layers.Dense(6, activation="relu")(given))
    x = layers.Dense(4, use_bias=False, activation="relu")(layers.Dropout(0.5)(x))
    model = randomised(k.tf_keras.Model(given, x))
    folded, gone = folding.fold(folding.flatten(model))
    assert gone == ("norm",) and _norms(folded) == []
    _equal(model, folded, 3, 5)


def test_a_norm_that_is_read_twice_or_given_out_or_shared_does_not_go_ahead(randomised):
    given = k.tf_keras.Input((5,))
    twice, out, shared = (layers.BatchNormalization() for _ in range(3))
    dropped = layers.Dropout(0.5)(out(given))
    outputs = [
        layers.Add()([layers.Dense(5)(twice(given)), twice.output]),
        *(dropped, layers.Dense(5)(dropped)),
        layers.Dense(5)(shared(shared(given))),
    ]
    model = randomised(k.tf_keras.Model(given, outputs))
    folded, gone = folding.fold(folding.flatten(model))
    assert gone == () and len(_norms(folded)) == 3
    _equal(model, folded, 5)


def test_a_dense_layer_for_each_step_is_a_dense_layer(randomised):
    steps = k.tf_keras.Input((4, 5))
    inner = layers.Dense(3, activation="tanh")
    model = randomised(k.tf_keras.Model(steps, layers.TimeDistributed(inner, name="each")(steps)))
    flat = folding.flatten(model)
    assert [(kernel.layer, kernel.layer_class) for kernel in kernels.find(flat)] == [
        ("each", "Dense")
    ]
    _equal(model, flat, 4, 5)


def test_the_argument_stays_as_it_was(network, randomised):
    before = [weight.copy() for weight in randomised(network).get_weights()]
    folding.fold(folding.flatten(network))
    for one, two in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert len(_norms(network)) == 2


def test_a_normalized_output_is_folded_and_its_layer_keeps_the_name(randomised):
    image = k.tf_keras.Input((5,))
    x = layers.BatchNormalization(name="norm")(layers.Dense(4, name="dense")(image))
    model = randomised(k.tf_keras.Model(image, x))
    folded, names = folding.fold(folding.flatten(model))
    assert names == ("norm",) and _norms(folded) == []
    assert folded.output_names == ["norm"]
    assert [layer.name for layer in folded.layers][1:] == ["dense", "norm"]
    _equal(model, folded, 5)

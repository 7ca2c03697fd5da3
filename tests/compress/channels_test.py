import cutting
import numpy as np
import pytest
import tensorflow as tf

from tfedge.compress import channels, folding, graph
from tfedge.compress import keras as k
from tfedge.compress.bridge import activations, op_layer
from tfedge.compress.channels import input_columns

layers = k.tf_keras.layers
_FIRST_SIX = [{"ellipsis": True}, {"slice": [0, 6, None]}]
Input = k.tf_keras.Input


@pytest.fixture
def check(randomised):
    """Cuts half the channels of a model; the outputs must be those with zeros in their place."""

    def run(given, outputs, columns=False):
        model = randomised(k.tf_keras.Model(given, outputs))
        found = channels.analyse(model, inputs=columns)
        smaller, zeroed = cutting.cut_half(model, found)
        generator = np.random.default_rng(1)
        x = [generator.uniform(0, 3, (2, *t.shape[1:])).astype(np.float32) for t in model.inputs]
        for one, other in zip(tf.nest.flatten(smaller(x)), tf.nest.flatten(zeroed(x)), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
        assert smaller.input_shape == model.input_shape
        assert smaller.output_shape == model.output_shape
        return cutting.widths(model, smaller), found.reasons()

    return run


def test_a_chain_is_cut_and_the_output_is_not(check, network):
    cut, kept = check(network.inputs, network.outputs)
    assert cut == {"stem": (4, 2), "depthwise": (4, 2), "pointwise": (8, 4)}
    assert kept == {"classes": "the activation of classes needs all channels"}


def test_both_sides_of_a_residual_sum_go_together(check):
    image = Input((5, 5, 2))
    x = side = layers.Conv2D(8, 3, padding="same", name="one")(image)
    x = layers.Conv2D(6, 1, activation="relu", name="inside")(x)
    x = layers.Add()([side, layers.Conv2D(8, 1, name="two")(x)])
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 1, name="after")(x))
    cut, kept = check(image, layers.Dense(3, name="out")(x))
    assert cut == {"one": (8, 4), "two": (8, 4), "inside": (6, 3), "after": (4, 2)}
    assert kept == {"out": "it is an output of the model"}


def test_a_gate_is_cut_with_what_it_gates(check):
    image = Input((5, 5, 2))
    x = layers.Conv2D(8, 3, name="body")(image)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(4, 1, activation="relu", name="squeeze")(gate)
    gate = layers.Conv2D(8, 1, activation="hard_sigmoid", name="gate")(gate)
    x = layers.Multiply()([x, gate])
    spot = layers.Conv2D(1, 1, activation="sigmoid", name="spot")(x)  # one for all channels
    x = layers.Flatten()(layers.Multiply()([x, spot]))
    cut, _ = check(image, layers.Dense(3, name="out")(x))
    assert cut == {"body": (8, 4), "squeeze": (4, 2), "gate": (8, 4)}


def test_a_flat_gate_is_lined_up_at_the_end(check):
    image = Input((5, 5, 2))
    x = layers.Conv2D(8, 3, name="body")(image)
    gate = layers.Dense(8, activation="sigmoid", name="gate")(layers.GlobalMaxPooling2D()(x))
    shaped = layers.Reshape((1, 1, 8))(gate)
    x = layers.Flatten()(layers.Multiply()([layers.Multiply()([x, gate]), shaped]))
    assert check(image, layers.Dense(3)(x))[0] == {"body": (8, 4), "gate": (8, 4)}


def test_concatenated_channels_keep_their_offsets(check):
    image = Input((5, 5, 2))
    one = layers.Conv2D(6, 1, name="one")(image)
    two = layers.Conv2D(4, 1, name="two")(image)
    x = layers.Concatenate()([one, image, two])
    x = layers.PReLU(shared_axes=(1, 2))(layers.BatchNormalization(name="norm")(x))
    x = layers.Activation(activations.hard_silu)(layers.Activation("relu6")(x))
    x = layers.Concatenate(axis=1)([x, x])
    x = layers.Conv2D(4, 3, name="reader")(x)
    cut, _ = check(image, layers.Dense(2)(layers.Flatten()(layers.PReLU()(x))))
    assert cut == {"one": (6, 3), "two": (4, 2), "reader": (4, 2)}


def test_groups_stay_of_one_size(check):
    image = Input((5, 5, 4))
    x = layers.Conv2D(8, 1, name="before")(image)
    x = layers.Conv2D(12, 3, groups=2, name="grouped")(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(x)
    x = layers.Conv2DTranspose(6, 2, name="transposed")(x)
    cut, _ = check(image, layers.Conv2D(2, 1)(x))
    assert cut == {
        "before": (8, 4),
        "grouped": (12, 6),
        "depthwise": (24, 12),
        "transposed": (6, 3),
    }


def test_convolutions_over_time_are_cut(check):
    signal = Input((9, 4))
    x = layers.Conv1D(8, 1, name="before")(signal)
    x = layers.DepthwiseConv1D(3, depth_multiplier=2, name="depthwise")(x)
    x = layers.BatchNormalization()(layers.Conv1DTranspose(6, 2, strides=2, name="transposed")(x))
    cut, _ = check(signal, layers.Conv1DTranspose(2, 1)(x))
    assert cut == {"before": (8, 4), "depthwise": (16, 8), "transposed": (6, 3)}


def test_a_separable_convolution_is_cut_once_flattened(randomised):
    image = Input((6, 6, 2))
    x = layers.Conv2D(6, 1, name="before")(image)
    x = layers.SeparableConv2D(8, 3, activation="relu", name="separable")(x)
    model = folding.flatten(k.tf_keras.Model(image, layers.Conv2D(2, 1)(x)))
    smaller, _ = cutting.cut_half(randomised(model))
    cut = cutting.widths(model, smaller)
    assert cut == {"before": (6, 3), "separable_depthwise": (6, 3), "separable": (8, 4)}


def test_sequences_and_embeddings(check):
    words = Input((7,))
    x = layers.Embedding(9, 8, name="embedding")(words)
    x = layers.Conv1D(6, 3, padding="causal", activation="gelu", name="conv")(x)
    x = layers.Dense(4, name="each")(layers.MaxPooling1D()(x))
    x = layers.Permute((2, 1))(x)  # channels now lie along axis 1
    cut, _ = check(words, layers.Dense(2)(layers.Flatten()(x)))
    assert cut == {"embedding": (8, 4), "conv": (6, 3), "each": (4, 2)}


def test_a_shared_layer_is_cut_once_for_all_its_uses(check):
    image = Input((5, 5, 4))
    shared = layers.Conv2D(6, 1, name="shared")
    one = shared(layers.Conv2D(4, 1, name="one")(image))
    two = shared(layers.Conv2D(4, 1, name="two")(image))
    x = layers.Concatenate()([one, two])
    cut, _ = check(image, layers.Conv2D(2, 1)(x))
    assert cut == {"shared": (6, 3), "one": (4, 2), "two": (4, 2)}


def test_operations_between_layers(check):
    image = Input((6, 6, 3))
    x = layers.Conv2D(8, 1, name="one")(image)
    x = tf.nn.relu6(x * 2.0 + 3.0) / 6.0
    x = x[:, 1:, ::2]
    x = op_layer.Op("add")([x, op_layer.Op("negative")(x)])
    mean = tf.reduce_mean(x, axis=[1, 2], keepdims=True)
    x = op_layer.Op("concatenate", [[{"tensor": 0}, {"tensor": 1}]], {"axis": -1})([x, x - mean])
    x = op_layer.Op("reshape", [{"tensor": 0}], {"newshape": [-1, 15, 16]})(x)
    cut, _ = check(image, layers.Dense(2)(layers.Flatten()(x)))
    assert cut == {"one": (8, 4)}


@pytest.mark.parametrize(
    ("through", "reason"),
    [
        (layers.GroupNormalization(4, name="norm"), "norm (GroupNormalization) needs"),
        (layers.Softmax(name="soft"), "soft (Softmax) needs all its channels"),
        (lambda x: layers.Reshape((24, 3), name="split")(x[:, 1:, 1:]), "split spreads channels"),
        (op_layer.Op("get_item", [{"tensor": 0}, _FIRST_SIX], name="some"), "some takes channels"),
        (lambda x: x * np.arange(8, dtype=np.float32), "needs all its channels"),
        (tf.nn.local_response_normalization, "no counterpart"),
        (layers.UnitNormalization(name="unit"), "unit (UnitNormalization) needs"),
    ],
)
def test_what_is_not_understood_keeps_its_channels(check, through, reason):
    image = Input((4, 4, 3))
    x = layers.Conv2D(8, 1, name="one")(image)
    x = layers.Flatten()(through(x))
    cut, kept = check(image, layers.Dense(2, name="out")(layers.Dense(4, name="free")(x)))
    assert cut == {"free": (4, 2)}
    assert reason in kept["one"]


def test_channels_in_groups_go_group_by_group(check):
    image = Input((4, 4, 3))
    x = layers.Reshape((4, 4, 4, 2), name="split")(layers.Conv2D(8, 1, name="one")(image))
    x = layers.Reshape((4, 4, 8))(layers.Permute((1, 2, 4, 3))(x))
    assert check(image, layers.Dense(2)(layers.Flatten()(x)))[0] == {"one": (8, 4)}


def test_a_sum_with_the_input_keeps_its_channels(check):
    image = Input((5, 5, 4))
    x = layers.Add(name="sum")([image, layers.Conv2D(4, 1, name="one")(image)])
    cut, kept = check(image, layers.Conv2D(2, 1)(layers.Conv2D(6, 1, name="two")(x)))
    assert cut == {"two": (6, 3)}
    assert kept["one"] == "sum joins them with channels that stay"


def test_columns_of_a_flat_input_may_go(randomised):
    table, image = Input((6,), name="table"), Input((4, 4, 2), name="image")
    adapted = layers.Normalization(name="adapted")
    adapted.adapt(np.random.default_rng(0).normal(3, 2, (50, 6)).astype(np.float32))
    x = layers.Dense(4, name="dense")(adapted(table))
    x = layers.Concatenate()([table, x, layers.GlobalMaxPooling2D()(image)])
    model = randomised(k.tf_keras.Model([table, image], layers.Dense(2, name="out")(x)))
    adapted.finalize_state()
    assert "table" not in channels.analyse(model).sources
    found = channels.analyse(model, inputs=True)
    smaller, zeroed = cutting.cut_half(model, found)
    gone = input_columns.dropped(smaller)["table"]
    assert len(gone) == 3 and smaller.input_shape == model.input_shape
    given = [np.ones((1, 6), np.float32), np.ones((1, 4, 4, 2), np.float32)]
    expected = np.asarray(smaller(given))
    given[0][:, gone] = 99.0  # nobody reads them
    np.testing.assert_array_equal(smaller(given), expected)
    again, _ = cutting.cut_half(smaller, channels.analyse(smaller, inputs=True))
    assert set(gone) < set(input_columns.dropped(again)["table"]) and again(given).shape == (1, 2)
    assert zeroed.input_shape == model.input_shape


def test_a_cut_model_can_be_cut_again(network, randomised):
    model = randomised(graph.rebuild(network))
    once, _ = cutting.cut_half(model)
    twice, zeroed = cutting.cut_half(once)
    x = np.ones((1, 6, 6, 1), np.float32)
    np.testing.assert_allclose(twice(x), zeroed(x), atol=1e-5)
    assert cutting.widths(model, twice)["pointwise"] == (8, 2)


def test_one_reshape_of_two_layers_cuts_both_alike(check):
    """Its target shape has to fit what it makes of either."""
    image = Input((3,))
    one, two = (layers.Dense(8, name=name)(image) for name in ("one", "two"))
    shape = layers.Reshape((1, 8))
    out = layers.Dense(2, name="out")(layers.Flatten()(shape(one)))
    other = layers.Dense(2, name="other")(layers.Flatten()(shape(two)))
    cut, _ = check(image, [out, other])
    assert cut == {"one": (8, 4), "two": (8, 4)}

import numpy as np
import pytest
import randomised

from tfedge.compress import bridge, keras
from tfedge.errors import BadInput

k3, tf_keras = keras.keras3(), keras.tf_keras
L = k3.layers
RNG = np.random.default_rng(0)


def _images(*shape):
    return RNG.normal(size=shape).astype("float32")


def _there_and_back(model, data, bound=1e-6):
    """The twins, after checking that they give what the model gives."""
    randomised.randomise(model)
    twin = bridge.to_tf_keras(model)
    back = bridge.to_keras3(twin)
    expected = model(data, training=False)
    assert randomised.apart(expected, twin(data, training=False)) <= bound
    assert randomised.apart(expected, back(data, training=False)) <= bound
    for other in (twin, back):
        assert [w.shape for w in other.weights] == [w.shape for w in model.weights]
        assert list(other.output_names) == list(model.output_names)
    return twin, back


def test_nested_models_stay_nested():
    inner = k3.Sequential([L.Input((8, 8, 3)), L.Conv2D(4, 3), L.BatchNormalization()], name="stem")
    x = k3.Input((8, 8, 3))
    middle = k3.Model(x, L.ReLU()(inner(x)), name="body")
    y = k3.Input((8, 8, 3))
    model = k3.Model(y, L.Flatten()(middle(y)), name="whole")
    twin, back = _there_and_back(model, _images(2, 8, 8, 3), 0)
    assert isinstance(twin.get_layer("body").get_layer("stem"), tf_keras.Sequential)
    assert isinstance(back.get_layer("body").get_layer("stem"), k3.Sequential)


def test_a_shared_layer_and_a_shared_model_stay_shared():
    tower = k3.Sequential([L.Input((6,)), L.Dense(4), L.Dense(3)], name="tower")
    head = L.Dense(3, name="head")
    a, b = k3.Input((6,), name="a"), k3.Input((6,), name="b")
    model = k3.Model([a, b], L.Subtract()([head(tower(a)), head(tower(b))]))
    twin, _ = _there_and_back(model, [_images(2, 6), _images(2, 6)], 0)
    assert len(twin.weights) == 6


def test_dicts_of_inputs_and_outputs_keep_their_keys():
    inputs = {"left": k3.Input((4,), name="left"), "right": k3.Input((4,), name="right")}
    both = L.Concatenate()([inputs["right"], inputs["left"]])
    outputs = {"sum": L.Dense(2, name="total")(both), "gap": inputs["left"] - inputs["right"]}
    data = {"left": _images(3, 4), "right": _images(3, 4)}
    twin, back = _there_and_back(k3.Model(inputs, outputs), data, 0)
    assert twin.input_names == ["left", "right"]
    assert set(back(data)) == {"sum", "gap"}


def test_a_residual_network_with_operations():
    x = k3.Input((8, 8, 3))
    y = L.Conv2D(8, 3, padding="same")(x)
    y = L.ReLU()(y + L.Conv2D(8, 3, padding="same")(y) * 0.5)
    gate = k3.ops.sigmoid(k3.ops.mean(y, axis=(1, 2), keepdims=True))
    y = k3.ops.reshape((y * gate)[:, ::2, ::2], (-1, 128))
    _there_and_back(k3.Model(x, L.Dense(4)(y)), _images(2, 8, 8, 3), 0)


@pytest.mark.parametrize("masked", [True, False])
def test_a_transformer(masked):
    tokens = k3.Input((12,), dtype="int32")
    x = L.Embedding(20, 16, mask_zero=masked)(tokens) + L.Embedding(12, 16)(k3.ops.arange(12))
    for _ in range(2):
        y = L.LayerNormalization()(x)
        x = x + L.MultiHeadAttention(2, 8, dropout=0.1)(y, y, use_causal_mask=True)
        x = L.Add()([x, L.Dense(16)(L.Dense(32, activation="gelu")(L.LayerNormalization()(x)))])
    model = k3.Model(tokens, L.Dense(3)(L.GlobalAveragePooling1D()(x)))
    data = RNG.integers(1, 20, (4, 12)) * (np.arange(12) < 9)
    _there_and_back(model, data)


def test_masks_reach_recurrent_layers():
    tokens = k3.Input((None,), dtype="int32")
    x = L.Embedding(20, 6, mask_zero=True)(tokens)
    x = L.Bidirectional(L.LSTM(4, return_sequences=True))(x)
    x = L.GRU(4, return_sequences=True)(x)
    model = k3.Model(tokens, [L.LSTM(3)(x), L.GlobalAveragePooling1D()(x)])
    data = RNG.integers(1, 20, (4, 9)) * (np.arange(9) < 5)
    twin, _ = _there_and_back(model, data)
    shorter = bridge.to_tf_keras(model)(data[:, :5])
    assert randomised.apart(twin(data), shorter) <= 1e-6


@pytest.mark.parametrize("kind", ["Add", "Subtract", "Average"])
@pytest.mark.parametrize("both", [True, False])
def test_a_sum_has_the_mask_that_keras_3_gives_it(kind, both):
    ids = k3.Input((6,), dtype="int32", name="ids"), k3.Input((6,), dtype="int32", name="others")
    tables = L.Embedding(9, 4, mask_zero=True)(ids[0]), L.Embedding(9, 4, mask_zero=both)(ids[1])
    model = k3.Model(ids, L.GlobalAveragePooling1D()(getattr(L, kind)()(tables)))
    short, long = (RNG.integers(1, 9, (4, 6)) * (np.arange(6) < end) for end in (2, 4))
    for data in ([short, long], [long, short]):
        _there_and_back(model, data, 0)


def test_frozen_parts_stay_frozen_and_in_inference():
    base = k3.Sequential([L.Input((4,)), L.Dense(4), L.BatchNormalization()], name="base")
    base.trainable = False
    x = k3.Input((4,))
    model = k3.Model(x, L.Dense(2)(base(x, training=False)))
    twin, back = _there_and_back(model, _images(2, 4), 0)
    assert len(twin.trainable_weights) == len(back.trainable_weights) == 2
    data = _images(5, 4) + 3
    assert randomised.apart(twin(data, training=False), twin(data, training=True)) == 0


def test_half_precision_becomes_float32():
    x = k3.Input((4,), dtype="float16")
    model = k3.Model(x, L.Dense(2, dtype="mixed_float16")(x))
    twin = bridge.to_tf_keras(model)
    assert twin.layers[-1].compute_dtype == "float32"
    assert twin.inputs[0].dtype == "float32"


def test_names_that_tensorflow_cannot_write_are_mended():
    x = k3.Input((4,), name="my input")
    twin, _ = bridge.to_tf_keras(k3.Model(x, L.Dense(2, name="überlayer 1")(x))), None
    assert [layer.name for layer in twin.layers] == ["my_input", "layer_berlayer_1"]


def test_only_models_with_a_graph_have_twins():
    class Subclass(k3.Model):
        def call(self, inputs):
            return inputs

    for model in (Subclass(name="mine"), k3.Sequential([L.Dense(2)], name="mine")):
        assert not bridge.is_functional(model)
        with pytest.raises(BadInput, match=r"'mine'.*graph"):
            bridge.to_tf_keras(model)


def test_the_model_itself_comes_back_where_there_is_nothing_to_do():
    x, y = k3.Input((2,)), tf_keras.Input((2,))
    model, other = k3.Model(x, L.ReLU()(x)), tf_keras.Model(y, tf_keras.layers.ReLU()(y))
    assert bridge.to_keras3(model) is model
    assert bridge.to_tf_keras(other) is other
    assert bridge.is_keras3(model)
    assert not bridge.is_keras3(other)


class Doubler(L.Layer):
    def call(self, inputs):
        return inputs * 2


class TwinDoubler(tf_keras.layers.Layer):
    def call(self, inputs):
        return inputs * 2


class Hidden(Doubler):
    """What symbols cannot show."""

    def call(self, inputs):
        return inputs * (2 if float(k3.ops.sum(inputs)) < 1 else 3)

    def compute_output_shape(self, input_shape):
        return input_shape


def test_a_layer_whose_call_cannot_be_followed_needs_a_twin():
    x = k3.Input((2,))
    model = k3.Model(x, Hidden(name="twice")(x))
    with pytest.raises(bridge.MissingTwin, match=r"'twice'.*its call cannot be followed.*twin"):
        bridge.to_tf_keras(model)


def test_a_twin_of_a_layer_of_the_users_own_is_taken():
    x = k3.Input((2,))
    model = k3.Model(x, Doubler(name="twice")(x))
    twin = bridge.to_tf_keras(model, twins={"Doubler": TwinDoubler})
    np.testing.assert_array_equal(twin(np.ones((1, 2))), [[2.0, 2.0]])
    back = bridge.to_keras3(twin, twins={"TwinDoubler": Doubler})
    assert isinstance(back.get_layer("twice"), Doubler)


def test_a_twin_registered_under_the_same_name_is_found():
    class Tripler(Doubler):
        """Registered for good; the others' classes stay as they are."""

    class TwinTripler(TwinDoubler):
        """Of Tripler."""

    k3.saving.register_keras_serializable("bridge_test", "Twice")(Tripler)
    tf_keras.saving.register_keras_serializable("bridge_test", "Twice")(TwinTripler)
    x = k3.Input((2,))
    twin = bridge.to_tf_keras(k3.Model(x, Tripler()(x)))
    assert isinstance(twin.layers[-1], TwinTripler)
    assert isinstance(bridge.to_keras3(twin).layers[-1], Tripler)

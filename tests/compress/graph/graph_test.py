import numpy as np
import pytest

from tfedge import errors
from tfedge.compress import graph
from tfedge.compress import keras as k

layers = k.tf_keras.layers
rng = np.random.default_rng(0)


def _same(model, other, *shapes):
    x = [rng.normal(size=(2, *shape)).astype(np.float32) for shape in shapes]
    x = x if len(x) > 1 else x[0]
    wanted, found = model(x), other(x)
    for one, two in zip(k.tf.nest.flatten(wanted), k.tf.nest.flatten(found), strict=True):
        np.testing.assert_allclose(two, one, atol=1e-6)


def test_a_copy_is_equal_and_apart(network, randomised):
    copy = graph.rebuild(randomised(network))
    assert [layer.name for layer in copy.layers] == [layer.name for layer in network.layers]
    _same(network, copy, (6, 6, 1))
    copy.get_layer("stem").kernel.assign_add(copy.get_layer("stem").kernel)
    assert not np.array_equal(copy.get_layer("stem").kernel, network.get_layer("stem").kernel)


def test_nested_models_dissolve(randomised):
    block = k.tf_keras.Sequential(
        [layers.Conv2D(2, 3, padding="same"), layers.BatchNormalization()], name="block"
    )
    image = k.tf_keras.Input((5, 5, 2))
    inner_input = k.tf_keras.Input((5, 5, 2))
    inner = k.tf_keras.Model(inner_input, layers.Dense(2)(block(inner_input)), name="inner")
    model = randomised(k.tf_keras.Model(image, layers.ReLU()(inner(inputs=image))))
    flat = graph.rebuild(model)
    kinds = [type(layer).__name__ for layer in flat.layers]
    assert kinds == ["InputLayer", "Conv2D", "BatchNormalization", "Dense", "ReLU"]
    _same(model, flat, (5, 5, 2))


def test_a_nested_model_used_twice_stays_shared(randomised):
    tower = k.tf_keras.Sequential([k.tf_keras.Input((4,)), layers.Dense(3, name="tower_dense")])
    left, right = k.tf_keras.Input((4,), name="left"), k.tf_keras.Input((4,), name="right")
    model = k.tf_keras.Model([left, right], layers.Subtract()([tower(left), tower(right)]))
    flat = graph.rebuild(randomised(model))
    assert sum(isinstance(layer, layers.Dense) for layer in flat.layers) == 1
    _same(model, flat, (4,), (4,))


def test_layers_of_one_name_in_two_nested_models_get_two_names(randomised):
    image = k.tf_keras.Input((4,), name="x")
    x = image
    for name in ("first", "second"):
        inner_input = k.tf_keras.Input((4,), name="x")
        inner = k.tf_keras.Model(inner_input, layers.Dense(4, name="dense")(inner_input), name=name)
        x = inner(x)
    model = randomised(k.tf_keras.Model(image, x))
    flat = graph.rebuild(model)
    assert [layer.name for layer in flat.layers] == ["x", "dense", "dense_1"]
    _same(model, flat, (4,))


def test_inputs_and_outputs_by_name_keep_their_structure(randomised):
    inputs = {name: k.tf_keras.Input((4,), name=name) for name in ("b", "a")}
    outputs = {"sum": layers.Add()(list(inputs.values())), "head": layers.Dense(2)(inputs["a"])}
    inner = k.tf_keras.Model(inputs, outputs)
    u, v = k.tf_keras.Input((4,), name="u"), k.tf_keras.Input((4,), name="v")
    found = inner({"a": v, "b": u})
    model = randomised(k.tf_keras.Model({"u": u, "v": v}, {**found}))
    flat = graph.rebuild(model)
    x = {name: rng.normal(size=(2, 4)).astype(np.float32) for name in ("u", "v")}
    assert flat.input_names == model.input_names
    assert set(flat(x)) == {"sum", "head"}
    for name in ("sum", "head"):
        np.testing.assert_allclose(flat(x)[name], model(x)[name], atol=1e-6)
    assert graph.output_names(flat) == ["head", "sum"]


def test_operations_slices_and_attention_are_replayed(randomised):
    image = k.tf_keras.Input((6, 4))
    x = k.tf.math.tanh(image)[:, 1:5] * 2.0 + 1.0
    x = layers.MultiHeadAttention(2, 3)(x, value=image, key=image)
    model = randomised(k.tf_keras.Model(image, x / 3.0))
    _same(model, graph.rebuild(model), (6, 4))


def test_masks_of_embeddings_travel(randomised):
    tokens = k.tf_keras.Input((5,), dtype="int32")
    x = layers.LSTM(3)(layers.Embedding(7, 4, mask_zero=True)(tokens))
    model = randomised(k.tf_keras.Model(tokens, x))
    ids = np.array([[1, 2, 0, 0, 0], [3, 4, 5, 6, 0]], np.int32)
    np.testing.assert_allclose(graph.rebuild(model)(ids), model(ids), atol=1e-6)


def test_what_a_normalization_layer_has_learned_is_copied():
    normalization = layers.Normalization()
    normalization.adapt(rng.normal(size=(50, 4)) * 3 + 7)
    model = k.tf_keras.Sequential([k.tf_keras.Input((4,)), normalization, layers.Dense(2)])
    _same(model, graph.rebuild(model), (4,))


def test_a_model_called_in_inference_mode_stays_in_it(randomised):
    inner = k.tf_keras.Sequential(
        [k.tf_keras.Input((4,)), layers.Dense(3), layers.BatchNormalization(), layers.Dropout(0.5)]
    )
    image = k.tf_keras.Input((4,))
    model = randomised(k.tf_keras.Model(image, inner(image, training=False)))
    flat, x = graph.rebuild(graph.rebuild(model)), rng.normal(size=(8, 4)).astype(np.float32)
    np.testing.assert_allclose(flat(x, training=True), model(x, training=False), atol=1e-6)


def test_replacing_and_dropping_layers(network):
    twice = [
        graph.Replacement(layers.ReLU(name="stem_relu")),
        graph.Replacement(layers.Rescaling(2.0, name="doubled")),
    ]
    changed = graph.rebuild(network, {"stem_relu": twice, "depthwise_relu": []})
    names = [layer.name for layer in changed.layers]
    assert names[3:5] == ["stem_relu", "doubled"]
    assert "depthwise_relu" not in names


def test_after_sees_each_use_of_a_layer():
    shared, image = layers.Dense(4, name="shared"), k.tf_keras.Input((4,), name="in")
    model = k.tf_keras.Model(image, shared(shared(image)))
    seen = []

    def after(call, outputs):
        seen.append((call.name, call.index))
        return outputs

    graph.rebuild(model, after=after, after_input=lambda name, t: seen.append(name) or t)
    assert seen == ["in", ("shared", 0), ("shared", 1)]


def test_consumers(network):
    readers = graph.consumers(network)
    assert [layer.name for layer in readers["stem"]] == ["stem_bn"]
    assert readers["classes"] == []


def test_a_subclassed_model_is_refused_also_inside_of_another():
    class Own(k.tf_keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    with pytest.raises(errors.BadInput, match=r"subclassed model, .* has no layer graph"):
        graph.rebuild(Own())
    image = k.tf_keras.Input((4,))
    with pytest.raises(errors.BadInput, match="a Own cannot be made again from its config"):
        graph.rebuild(k.tf_keras.Model(image, Own()(image)))

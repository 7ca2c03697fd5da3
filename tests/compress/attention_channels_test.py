"""Heads, the width of a model and products of tensors: what goes together, and what is left."""

import cutting
import keras
import numpy as np
import pytest

from tfedge.compress import bridge, channels, costs, folding
from tfedge.compress import keras as k
from tfedge.compress.bridge import op_layer, reversible_embedding
from tfedge.compress.channels import surgery
from tfedge.compress.composites import restoring
from tfedge.compress.layers import kernels

L = keras.layers
Input = k.tf_keras.Input
layers = k.tf_keras.layers


def _attention(shape=(6, 8), settings=None, sizes=(4, 3), **given):
    x = keras.Input(shape, name="x")
    made = L.MultiHeadAttention(*sizes, name="att", **settings or {})(x, x, **given)
    return keras.Model(x, L.Dense(2, name="out")(made))


def _grouped():
    x = keras.Input((6, 8), name="x")
    made = L.GroupQueryAttention(3, 8, 4, name="att")(x, x)
    return keras.Model(x, L.Dense(2, name="out")(L.Add()([x, made])))


def _crossed():
    x, seen, mask = keras.Input((6, 8)), keras.Input((5, 8)), keras.Input((6, 5), dtype="bool")
    made = L.MultiHeadAttention(4, 3, name="att")(x, seen, attention_mask=mask)
    return keras.Model([x, seen, mask], L.Dense(2, name="out")(made))


def _padded():
    ids = keras.Input((7,), dtype="int32")
    x = L.Embedding(5, 8, mask_zero=True, name="tokens")(ids)
    x = L.Add()([x, L.MultiHeadAttention(4, 3, name="att")(x, x, use_causal_mask=True)])
    x = L.GlobalAveragePooling1D()(x)
    return keras.Model(ids, L.Dense(2, name="out")(x))


def _by_einsum():
    x = keras.Input((6, 8))
    query, key, value = (
        L.EinsumDense("abc,cde->abde", (None, 4, 3), bias_axes="de", name=name)(x)
        for name in ("att.query", "att.key", "att.value")
    )
    scores = keras.ops.softmax(keras.ops.einsum("aqhd,akhd->ahqk", query, key))
    mixed = keras.ops.einsum("ahqk,akhd->aqhd", scores, value)
    made = L.EinsumDense("abde,dec->abc", (None, 5), bias_axes="c", name="att.output")(mixed)
    return keras.Model(x, L.Dense(2, name="out")(made))


MODELS = {
    "self": _attention,
    "causal, no bias": lambda: _attention(settings={"use_bias": False}, use_causal_mask=True),
    "values of another size": lambda: _attention(settings={"value_dim": 5, "dropout": 0.1}),
    "any number of steps": lambda: _attention((None, 8)),
    "two axes": lambda: _attention((3, 4, 8)),
    "cross, masked": _crossed,
    "padded": _padded,
    "grouped": _grouped,
    "by einsum": _by_einsum,
}


def _flat(model, seed=0):
    generator = np.random.default_rng(seed)
    model.set_weights([generator.normal(0, 0.5, w.shape) for w in model.get_weights()])
    return folding.flatten(bridge.to_tf_keras(model))


def _inputs(model):
    generator = np.random.default_rng(1)
    found = []
    for tensor in model.inputs:
        shape = [3, *(size or 6 for size in tensor.shape[1:])]
        floating = tensor.dtype.is_floating
        drawn = generator.normal(size=shape) if floating else generator.integers(0, 2, shape)
        found.append(drawn.astype(tensor.dtype.name))
    return found if len(found) > 1 else found[0]


@pytest.mark.parametrize("name", MODELS)
def test_half_of_the_heads_go_with_all_that_is_theirs(name):
    model = _flat(MODELS[name]())
    found = channels.analyse(model)
    smaller, zeroed = cutting.cut_half(model, found)
    x = _inputs(model)
    np.testing.assert_allclose(smaller(x), zeroed(x), rtol=1e-4, atol=1e-5)
    shapes = {kernel.layer: kernel.shape for kernel in kernels.find(smaller)}
    before = {kernel.layer: kernel.shape for kernel in kernels.find(model)}
    for part in ("query", "key", "value"):
        assert 2 * shapes[f"att.{part}"][1] == before[f"att.{part}"][1]
    assert 2 * shapes["att.output"][0] == before["att.output"][0]
    costs_left = costs.counted(model, found, "multiply_adds")
    alive = np.ones(found.count, bool)
    generator = np.random.default_rng(0)
    for block in found.blocks:
        alive[generator.permutation(block.units)[: len(block.units) // 2]] = False
    assert costs_left(alive) == costs.total_multiply_adds(smaller)


@pytest.mark.parametrize("name", ["self", "grouped", "two axes", "padded", "any number of steps"])
def test_attention_comes_back_with_fewer_heads(name):
    model = _flat(MODELS[name]())
    smaller, _ = cutting.cut_half(model)
    found = bridge.to_keras3(restoring.restored(smaller))
    layer = found.get_layer("att")
    heads = "num_query_heads" if name == "grouped" else "num_heads"
    assert layer.get_config()[heads] == (4 if name == "grouped" else 2)
    x = _inputs(model)
    np.testing.assert_allclose(found(x), smaller(x), rtol=1e-4, atol=1e-5)


def test_attention_of_groups_that_gives_another_width_stays_in_parts():
    """Keras' layer gives as many channels as it reads."""
    x = keras.Input((6, 8), name="x")
    made = L.GroupQueryAttention(3, 4, 2, name="att")(x, x)
    model = _flat(keras.Model(x, L.Dense(2, name="out")(made)))
    smaller, _ = cutting.cut_half(model)
    assert cutting.widths(model, smaller)["att.output"] == (8, 4)
    found = bridge.to_keras3(restoring.restored(smaller))
    assert found.get_layer("att.query").units == 6
    np.testing.assert_allclose(found(_inputs(model)), smaller(_inputs(model)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("tied", [True, False])
def test_a_table_that_is_read_both_ways_is_as_wide_as_the_model(tied):
    ids = keras.Input((6,), dtype="int32")
    table = L.ReversibleEmbedding(5, 8, tie_weights=tied, name="table")
    x = table(ids)
    x = L.Add()([x, L.MultiHeadAttention(2, 3, name="att")(x, x, use_causal_mask=True)])
    model = _flat(keras.Model(ids, table(x, reverse=True)))
    smaller, zeroed = cutting.cut_half(model)
    assert smaller.get_layer("table").output_dim == 4
    assert smaller.get_layer("att.output").units == 4
    x = _inputs(model)
    np.testing.assert_allclose(smaller(x), zeroed(x), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(bridge.to_keras3(smaller)(x), smaller(x), rtol=1e-4, atol=1e-5)


def test_a_table_that_multiplies_what_stays_stays():
    ids, x = Input((6,), dtype="int32"), Input((6, 4))
    table = reversible_embedding.ReversibleEmbedding(5, 4, name="table")
    made = [layers.Dense(2)(table(ids)), table(x, reverse=True)]
    found = channels.analyse(k.tf_keras.Model([ids, x], made))
    assert found.reasons()["table"] == "table multiplies them with what stays"


def test_a_mask_on_the_way_keeps_no_channels():
    found = channels.analyse(_flat(MODELS["padded"]()))
    assert found.sources.keys() - found.reasons() == {
        *(f"att.{part}" for part in ("query", "key", "value", "output")),
        "tokens",
    }


def test_a_head_is_one_unit_and_groups_take_all_their_queries_along():
    (block,) = [
        each
        for each in channels.analyse(_flat(MODELS["grouped"]())).blocks
        if "att.key" in each.sources
    ]
    assert (len(block.units), block.each) == (4, 6)  # two queries of 3 channels for each key


def test_a_single_head_loses_channels_of_its_own():
    model = _flat(_attention(sizes=(1, 8)))
    smaller, zeroed = cutting.cut_half(model)
    x = _inputs(model)
    np.testing.assert_allclose(smaller(x), zeroed(x), rtol=1e-4, atol=1e-5)
    assert cutting.widths(model, smaller) == {
        "att.query": (8, 4),
        "att.key": (8, 4),
        "att.value": (8, 4),
        "att.output": (8, 4),
    }
    assert (
        bridge.to_keras3(restoring.restored(smaller)).get_layer("att").get_config()["key_dim"] == 4
    )


def _block(x, name):
    normed = L.LayerNormalization(name=f"{name}_norm")(x)
    x = L.Add(name=f"{name}_sum")(
        [x, L.MultiHeadAttention(2, 4, name=f"{name}_att")(normed, normed)]
    )
    normed = L.RMSNormalization(name=f"{name}_rms")(x)
    fed = L.Dense(12, "gelu", name=f"{name}_wide")(normed)
    return L.Add(name=f"{name}_fed")([x, L.Dense(8, name=f"{name}_narrow")(fed)])


def _transformer():
    image = keras.Input((6, 6, 1))
    x = L.Reshape((9, 8), name="tokens")(L.Conv2D(8, 2, 2, name="patches")(image))
    x = L.EinsumDense("abc,cd->abd", (9, 8), bias_axes="bd", name="places")(x)
    x = _block(_block(x, "one"), "two")
    x = L.GlobalAveragePooling1D()(L.LayerNormalization(name="norm")(x))
    return _flat(keras.Model(image, L.Dense(3, name="out")(x)))


def test_the_width_of_a_model_is_one_group_along_the_residuals():
    model = _transformer()
    found = channels.analyse(model)
    wide = next(block for block in found.blocks if "places" in block.sources)
    makers = {"places", "one_att.output", "one_narrow", "two_att.output", "two_narrow"}
    assert set(wide.sources) == makers and len(wide.units) == 8
    normed = {"norm", "one_norm", "one_rms", "two_norm", "two_rms", "places.bias"}
    assert set(found.owners(wide)) - makers == normed
    alive = np.ones(found.count, bool)
    alive[wide.units[[1, 4, 6]]] = False
    smaller, cuts = surgery.cut(model, found, alive)
    assert cutting.widths(model, smaller) == dict.fromkeys(makers, (8, 5))
    assert smaller.get_layer("one_att.query").kernel.shape == (5, 8)
    kept = [0, 2, 3, 5, 7]
    gamma = model.get_layer("two_norm").gamma.numpy()
    np.testing.assert_array_equal(smaller.get_layer("two_norm").gamma, gamma[kept])
    scale = model.get_layer("one_rms").scale.numpy()
    np.testing.assert_array_equal(smaller.get_layer("one_rms").scale, scale[kept])
    bias = model.get_layer("places.bias").bias.numpy()
    np.testing.assert_array_equal(smaller.get_layer("places.bias").bias, bias[:, kept])
    assert all(cut.kept.tolist() == kept for cut in cuts if cut.layer == "one_att.output")
    restored = bridge.to_keras3(restoring.restored(smaller))
    assert restored.get_layer("one_att").get_config()["num_heads"] == 2
    x = _inputs(model)
    np.testing.assert_allclose(restored(x), smaller(x), rtol=1e-4, atol=1e-5)


def test_a_scale_of_the_normalization_is_part_of_what_a_channel_is_worth():
    found = channels.analyse(_transformer())
    roles = {m.layer: m.role for m in found.members if m.weight == 0 and m.layer.endswith("rms")}
    assert roles == {"one_rms": "scale", "two_rms": "scale"}


def test_heads_whose_mask_differs_by_head_stay():
    x, mask = keras.Input((6, 8)), keras.Input((2, 6, 6), dtype="bool")
    made = L.MultiHeadAttention(2, 3, name="att")(x, x, attention_mask=mask)
    found = channels.analyse(_flat(keras.Model([x, mask], L.Dense(2)(made))))
    reason = "att.given_masked joins them with channels that stay"
    assert {found.reasons()[f"att.{part}"] for part in ("query", "key")} == {reason}


def test_a_product_with_what_stays_keeps_its_channels():
    x = Input((6, 4))
    made = layers.Dense(4, name="made")(x)
    product = op_layer.Op("matmul", name="product")([made, layers.Permute((2, 1))(x)])
    model = k.tf_keras.Model(x, layers.Dense(2)(layers.Dense(4, name="free")(product)))
    found = channels.analyse(model)
    assert found.reasons()["made"] == "product multiplies them with what stays"
    assert "free" not in found.reasons()


def test_a_table_of_two_kinds_of_channels_keeps_both():
    x = Input((6, 4))
    one, other = (layers.Dense(5, name=name)(x) for name in ("one", "other"))
    table = op_layer.Op("matmul", name="table")([layers.Permute((2, 1))(one), other])
    found = channels.analyse(k.tf_keras.Model(x, layers.Dense(2)(table)))
    reason = "table makes a table of two kinds of channels"
    assert found.reasons()["one"] == found.reasons()["other"] == reason


@pytest.mark.parametrize(
    ("op", "given", "reason"),
    [
        ("softmax", [2], "it (softmax) needs"),
        ("softmax", [], "it (softmax) needs"),
        ("repeat", [[1, 2, 1, 1, 1, 1, 1, 1], 2], "it takes channels apart"),
        ("where", [{"array": [[True] * 8], "dtype": "bool"}, 0.0], "it (where) needs"),
    ],
)
def test_what_is_said_for_each_channel_keeps_them(op, given, reason):
    x = Input((6, 4))
    tensor = {"tensor": 0}
    given = [given[0], tensor, given[1]] if op == "where" else [tensor, *given]
    made = op_layer.Op(op, given, name="it")(layers.Dense(8, name="made")(x))
    found = channels.analyse(k.tf_keras.Model(x, layers.Dense(2)(made)))
    assert found.reasons()["made"].startswith(reason)


def test_shares_of_channels_keep_them_and_shares_along_other_axes_do_not():
    x = Input((6, 4))
    one, other = (layers.Dense(8, name=name)(x) for name in ("one", "other"))
    one = layers.Softmax(name="of_all")(one)
    other = layers.Softmax(axis=1, name="by_step")(other)
    model = k.tf_keras.Model(x, [layers.Dense(2)(one), layers.Dense(2)(other)])
    assert channels.analyse(model).reasons()["one"] == "of_all (Softmax) needs all its channels"
    smaller, _ = cutting.cut_half(model)
    assert cutting.widths(model, smaller) == {"other": (8, 4)}

"""Layers that hold several kernels: equal when taken apart, and the same when put together."""

import keras
import numpy as np
import pytest

import tfedge
from tfedge.compress import bridge, candidate, folding, graph
from tfedge.compress import keras as k
from tfedge.compress.composites import attention, restoring
from tfedge.compress.training import random_layers

L = keras.layers


def _self_attention(**settings):
    x = keras.Input((6, 8), name="x")
    return keras.Model(x, L.MultiHeadAttention(2, 3, name="att", **settings)(x, x))


def _called(shape=(6, 8), settings=None, **given):
    x = keras.Input(shape, name="x")
    return keras.Model(x, L.MultiHeadAttention(2, 3, name="att", **settings or {})(x, x, **given))


def _crossed():
    x, seen, keys = keras.Input((6, 8)), keras.Input((4, 8)), keras.Input((4, 8))
    return keras.Model([x, seen, keys], L.MultiHeadAttention(2, 3, name="att")(x, seen, keys))


def _masked(shape):
    x, seen = keras.Input((6, 8)), keras.Input((4, 8))
    mask = keras.Input(shape, dtype="bool")
    made = L.MultiHeadAttention(2, 3, name="att")(x, seen, attention_mask=mask)
    return keras.Model([x, seen, mask], made)


def _padded(**given):
    ids = keras.Input((7,), dtype="int32")
    x = L.Embedding(5, 8, mask_zero=True)(ids)
    x = L.MultiHeadAttention(2, 3, name="att")(x, x, **given)
    return keras.Model(ids, L.GlobalAveragePooling1D()(x))


def _shared():
    x = keras.Input((6, 8))
    layer = L.MultiHeadAttention(2, 3, name="att")
    return keras.Model(x, layer(layer(x, x), x, use_causal_mask=True))


def _einsum(shape, equation, made, axes, **settings):
    x = keras.Input(shape)
    layer = L.EinsumDense(equation, made, bias_axes=axes, name="att", **settings)
    return keras.Model(x, layer(x))


def _grouped(settings=None, **given):
    x = keras.Input((6, 8), name="x")
    layer = L.GroupQueryAttention(3, 4, 2, name="att", **settings or {})
    return keras.Model(x, layer(x, x, **given))


MODELS = {
    "grouped": _grouped,
    "grouped and causal": lambda: _grouped({"use_bias": False}, use_causal_mask=True),
    "grouped, in a window": lambda: _grouped({"sliding_window": 2, "dropout": 0.1}),
    "self": _self_attention,
    "value of another size, no bias": lambda: _self_attention(value_dim=5, use_bias=False),
    "dropout and another output": lambda: _self_attention(dropout=0.5, output_shape=3),
    "any number of steps": lambda: _called((None, 8)),
    "causal": lambda: _called(use_causal_mask=True),
    "cross": _crossed,
    "masked": lambda: _masked((6, 4)),
    "masked for all alike": lambda: _masked((1, 4)),
    "masked by head": lambda: _masked((2, 6, 4)),
    "padded": _padded,
    "padded and causal": lambda: _padded(use_causal_mask=True),
    "two axes": lambda: _called((3, 4, 8)),
    "the second of two axes": lambda: _called((3, 4, 8), {"attention_axes": (2,)}),
    "the first of two axes": lambda: _called((3, 4, 8), {"attention_axes": (1,)}),
    "an output of two axes": lambda: _called((3, 4, 8), {"output_shape": (5, 2)}),
    "called twice": _shared,
    "einsum, to heads": lambda: _einsum((6, 8), "abc,cde->abde", (None, 2, 3), "de"),
    "einsum, a bias of heads": lambda: _einsum((6, 8), "abc,cde->abde", (None, 2, 3), "d"),
    "einsum, no bias": lambda: _einsum((None, 8), "abc,cde->abde", (None, 2, 3), None),
    "einsum, from heads": lambda: _einsum((6, 2, 3), "abde,dec->abc", (None, 5), "c"),
    "einsum, a bias by place": lambda: _einsum(
        (6, 8), "abc,cd->abd", (6, 3), "bd", activation="relu"
    ),
}
# What cannot come back as it was is a layer that computes the same.
ALIKE = {
    "einsum, a matrix": lambda: _einsum((6, 8), "abc,cd->abd", (None, 3), "d", activation="relu"),
    "einsum, any axes": lambda: _einsum((6, 8), "...x,xy->...y", (3,), "y"),
    "with its scores": lambda: _called(return_attention_scores=True),
}
LEFT = {
    "causal, any number of steps": lambda: _called((None, 8), use_causal_mask=True),
    "einsum, a matrix by place": lambda: _einsum((6, 8), "abc,bcd->abd", (6, 3), None),
}


def _random(model, seed=0):
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(0, 0.5, w.shape) for w in model.get_weights()])
    return model


def _inputs(model):
    rng = np.random.default_rng(1)
    found = []
    for tensor in model.inputs:
        shape = [3, *(size or 6 for size in tensor.shape[1:])]
        kind = tensor.dtype.name
        draw = rng.normal(size=shape) if kind == "float32" else rng.integers(0, 2, shape)
        found.append(draw.astype(kind))
    return found if len(found) > 1 else found[0]


def _same(model, other):
    x = _inputs(model)
    wanted, found = (k.tf.nest.flatten(each(x)) for each in (model, other))
    for one, two in zip(wanted, found, strict=True):
        largest = np.abs(one).max()
        np.testing.assert_allclose(two, one, atol=1e-5 * largest)


def _kinds(model):
    return [type(layer).__name__ for layer in model.layers]


@pytest.mark.parametrize("name", [*MODELS, *ALIKE])
def test_what_is_taken_apart_is_plain_and_equal(name):
    model = bridge.to_tf_keras(_random({**MODELS, **ALIKE}[name]()))
    flat = folding.flatten(model)
    assert not {"MultiHeadAttention", "GroupedQueryAttention", "EinsumDense"} & set(_kinds(flat))
    _same(model, flat)
    _same(model, graph.rebuild(flat))


@pytest.mark.parametrize("name", MODELS)
def test_what_was_taken_apart_is_put_together(name):
    model = _random(MODELS[name]())
    twin = bridge.to_tf_keras(model)
    back = candidate.Candidate(folding.flatten(twin)).to_keras3()
    assert _kinds(back) == _kinds(model)
    _same(twin, bridge.to_tf_keras(back))
    for one, two in zip(back.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(one, np.broadcast_to(two, one.shape), rtol=1e-6)


def test_what_was_trained_is_put_together():
    x = keras.Input((6, 8))
    model = keras.Model(x, L.MultiHeadAttention(2, 3, dropout=0.1, name="att")(x, x))
    flat = folding.flatten(bridge.to_tf_keras(_random(model)))
    random_layers.counters(flat)
    assert _kinds(restoring.restored(flat)) == ["InputLayer", "MultiHeadAttention"]


@pytest.mark.parametrize("name", LEFT)
def test_what_has_no_plain_form_stays(name):
    model = bridge.to_tf_keras(_random(LEFT[name]()))
    assert _kinds(folding.flatten(model)) == _kinds(model)


def test_a_mask_goes_on_to_who_reads_it_behind():
    model = bridge.to_tf_keras(_random(_padded()))
    flat = folding.flatten(model)
    assert "WithMaskOf" in _kinds(flat)
    padded, other = np.array([[1, 2, 3, 4, 0, 0, 0]]), np.array([[1, 2, 3, 4, 4, 2, 1]])
    np.testing.assert_allclose(flat(padded), model(padded), atol=1e-6)
    assert np.abs(flat(padded) - flat(other)).max() > 1e-3


def test_parts_that_a_pass_has_changed_stay_apart():
    flat = folding.flatten(bridge.to_tf_keras(_random(_self_attention())))
    two = [
        graph.Replacement(k.tf_keras.layers.Dense(2, name="att.query_column")),
        graph.Replacement(k.tf_keras.layers.Dense(6, name="att.query")),
    ]
    changed = graph.rebuild(flat, {"att.query": two})
    assert restoring.restored(changed) is changed


def test_parts_in_thinner_ones_stay_apart():
    flat = folding.flatten(bridge.to_tf_keras(_random(_self_attention())))
    two = [
        graph.Replacement(k.tf_keras.layers.Dense(2, name="att.output_column")),
        graph.Replacement(k.tf_keras.layers.Dense(8, name="att.output")),
    ]
    changed = graph.rebuild(flat, {"att.output": two})
    assert restoring.restored(changed) is changed


def test_one_of_two_that_was_changed_stays_apart_alone():
    x = keras.Input((6, 8))
    h = L.MultiHeadAttention(2, 3, name="first")(x, x)
    model = keras.Model(x, L.MultiHeadAttention(2, 3, name="second")(h, h))
    flat = folding.flatten(bridge.to_tf_keras(_random(model)))
    relu = graph.Replacement(k.tf_keras.layers.Dense(6, "relu", name="first.query"))
    kinds = _kinds(restoring.restored(graph.rebuild(flat, {"first.query": [relu]})))
    assert (kinds.count("MultiHeadAttention"), kinds.count("Dense")) == (1, 4)


def test_the_scale_of_the_scores_is_in_the_query():
    form = attention.Form("att", 3, (1,), 2, 2, 4, 4, (8,), True, 0.0)
    ones = {part: [np.ones((8, 2, 4)), np.ones((2, 4))] for part in attention.PARTS}
    ones["output"] = [np.ones((2, 4, 8)), np.ones(8)]
    kernels = form.kernels(ones)
    assert [each.shape for each in kernels] == [(8, 8), (8,)] * 4
    assert (kernels[0] == 0.5).all() and (kernels[1] == 0.5).all()
    assert all((each == 1).all() for each in kernels[2:])
    back = form.weights({p: kernels[2 * n : 2 * n + 2] for n, p in enumerate(attention.PARTS)})
    assert [each.shape for each in back[:2] + back[6:]] == [(8, 2, 4), (2, 4), (2, 4, 8), (8,)]
    assert all((each == 1).all() for each in back)


def test_passes_reach_all_four_kernels(tmp_path):
    task = tfedge.load_task("digits")
    image = keras.Input((8, 8, 1), name="image")
    x = L.Reshape((8, 8))(image)
    x = L.Add()([x, L.MultiHeadAttention(2, 4, name="att")(x, x)])
    model = keras.Model(image, L.Dense(10, "softmax", name="digit")(L.Flatten()(x)))
    recipe = "prune(epochs=0), cluster(number_of_clusters=4, epochs=0), quantize(epochs=0)"
    made = tfedge.Recipe.parse(recipe).apply(_random(model), task)
    parts = {f"att.{part}" for part in attention.PARTS}
    assert all(parts <= set(report.touched) for report in made.reports)
    assert made.quantization.float_layers == {}


def test_what_was_taken_apart_is_taken_over_from_a_cache(tmp_path):
    task, model = tfedge.load_task("digits"), _random(_padded_digits())
    recipe = tfedge.Recipe.parse("prune(final_sparsity=0.5, epochs=0)")
    first, second = (recipe.apply(model, task, cache_dir=tmp_path) for _ in range(2))
    assert _kinds(first.model) == _kinds(second.model)
    assert {"WithMaskOf", "MaskOf", "PositionBias"} <= set(_kinds(second.model))
    for one, two in zip(first.model.get_weights(), second.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def _padded_digits():
    image = keras.Input((8, 8, 1), name="image")
    x = L.Masking()(L.Reshape((8, 8))(image))
    x = L.EinsumDense("abc,cd->abd", (8, 8), bias_axes="bd", name="places")(x)
    x = L.MultiHeadAttention(2, 4, name="att")(x, L.Masking()(x))
    return keras.Model(image, L.Dense(10, "softmax", name="digit")(L.Flatten()(x)))

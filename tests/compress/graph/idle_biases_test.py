"""Biases of keys and values: gone where nothing is lost, and what is left of them added behind."""

import numpy as np
import pytest

from tfedge.compress import folding
from tfedge.compress import keras as k
from tfedge.compress.bridge import operation
from tfedge.compress.composites import restoring
from tfedge.compress.graph import idle_biases

L = k.tf_keras.layers
_RNG = np.random.default_rng(0)


def _randomised(model):
    model.set_weights([_RNG.normal(0, 0.5, weight.shape) for weight in model.get_weights()])
    return model


def _attention(other=False, **call):
    read = k.tf_keras.Input((5, 8))
    seen = k.tf_keras.Input((7, 8)) if other else read
    made = L.MultiHeadAttention(2, 3, value_dim=4, dropout=0.1, name="att")(read, seen, **call)
    return _randomised(k.tf_keras.Model([read, seen] if other else read, made))


def _padded():
    numbers = k.tf_keras.Input((5,), dtype="int32")
    read = L.Embedding(9, 8, mask_zero=True)(numbers)
    made = L.MultiHeadAttention(2, 3, name="att")(read, read)
    return _randomised(k.tf_keras.Model(numbers, made))


def _examples(model):
    return [
        _RNG.integers(0, 9, (3, 5)).astype(np.int32)
        if each.dtype == "int32"
        else _RNG.normal(size=(3, *each.shape[1:])).astype(np.float32)
        for each in model.inputs
    ]


@pytest.mark.parametrize(
    "make",
    [_attention, lambda: _attention(other=True), lambda: _attention(use_causal_mask=True), _padded],
)
def test_keys_and_values_of_attention_need_none(make):
    flat = folding.flatten(make())
    model, names = idle_biases.absorb(flat)
    assert names == ("att.key", "att.value")
    assert [model.get_layer(f"att.{p}").use_bias for p in ("query", "key", "value", "output")] == [
        *(True, False, False, True)
    ]
    x = _examples(flat)
    np.testing.assert_allclose(model(x), flat(x), rtol=1e-4, atol=1e-5)
    assert idle_biases.absorb(model)[1] == ()
    back = restoring.restored(model)
    assert isinstance(back.get_layer("att"), L.MultiHeadAttention)
    np.testing.assert_allclose(back(x), flat(x), rtol=1e-4, atol=1e-5)


def _by_hand(second, axis=-1, scale=None, behind=()):
    """Scores of dense queries and keys, with what `second` makes of keys."""
    read = k.tf_keras.Input((6, 8))
    keys = second(L.Dense(6, name="key")(read))
    queries = L.Dense(int(keys.shape[-2]), name="query")(read)
    scores = operation.in_tf_keras(operation.Operation("matmul", (queries, keys)), "scores", True)
    if scale is not None:
        scores = operation.in_tf_keras(operation.Operation("add", (scores, scale)), "more", True)
    for each in behind:
        scores = each(scores)
    return _randomised(k.tf_keras.Model(read, L.Softmax(axis)(scores)))


@pytest.mark.parametrize(
    ("model", "found"),
    [
        (lambda: _by_hand(L.Permute((2, 1))), ("key",)),
        (lambda: _by_hand(L.Permute((2, 1)), scale=3.0), ("key",)),
        (lambda: _by_hand(L.Permute((2, 1)), axis=1), ()),
        (lambda: _by_hand(L.Reshape((6, 6))), ()),
        (lambda: _by_hand(L.Permute((2, 1)), behind=[L.Activation("tanh")]), ()),
        (lambda: _by_hand(lambda x: L.Permute((2, 1))(L.ReLU()(x))), ()),
    ],
)
def test_only_what_softmax_takes_off_is_dropped(model, found):
    flat = model()
    made, names = idle_biases.absorb(flat)
    assert names == found
    x = _examples(flat)
    np.testing.assert_allclose(made(x), flat(x), rtol=1e-4, atol=1e-5)


def test_values_whose_mixture_is_no_average_keep_theirs():
    read = k.tf_keras.Input((6, 8))
    scores = L.Dense(6, activation="sigmoid")(read)
    values = L.Dense(4, name="value")(read)
    mixed = operation.in_tf_keras(operation.Operation("matmul", (scores, values)), "mixed", True)
    flat = _randomised(k.tf_keras.Model(read, L.Dense(3)(mixed)))
    assert idle_biases.absorb(flat)[1] == ()


def test_offsets_of_normalizations_go_into_the_dense_layers_behind():
    read = k.tf_keras.Input((6, 8))
    normed = L.LayerNormalization(name="norm")(read)
    whole = L.Add()([L.Dense(8)(normed), L.Dense(8, use_bias=False)(normed)])
    kept = L.LayerNormalization(name="last")(whole)
    made = L.Add()([L.Dense(8)(kept), whole, kept])
    model = _randomised(k.tf_keras.Model(read, made))
    folded, gone = folding.fold(folding.flatten(model))
    assert gone == () and not folded.get_layer("norm").center
    assert folded.get_layer("last").center
    x = _examples(model)
    np.testing.assert_allclose(folded(x), model(x), rtol=1e-4, atol=1e-4)

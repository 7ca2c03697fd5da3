"""What a network costs does not depend on how it is written."""

import pytest

from tfedge.compress import bridge, folding, keras
from tfedge.compress.layers import multiply_adds

k3 = keras.keras3()
L, ops = k3.layers, k3.ops
N, D, HEADS = 6, 8, 2
_PROJECTIONS, _PRODUCTS = 4 * N * D * D, 2 * N * N * D


def _by_layer(x):
    return L.MultiHeadAttention(HEADS, D // HEADS, use_bias=False)(x, x)


def _by_dense(x):
    def heads(x):
        apart = L.Reshape((N, HEADS, D // HEADS))(L.Dense(D, use_bias=False)(x))
        return ops.transpose(apart, (0, 2, 1, 3))

    q, k, v = heads(x), heads(x), heads(x)
    scores = ops.softmax(ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))))
    mixed = L.Reshape((N, D))(ops.transpose(ops.matmul(scores, v), (0, 2, 1, 3)))
    return L.Dense(D, use_bias=False)(mixed)


def _by_einsum(x):
    def heads(x):
        return L.EinsumDense("abc,cde->abde", (N, HEADS, D // HEADS))(x)

    scores = ops.softmax(ops.einsum("abhd,achd->ahbc", heads(x), heads(x)))
    mixed = ops.einsum("ahbc,achd->abhd", scores, heads(x))
    return L.EinsumDense("abhd,hde->abe", (N, D))(mixed)


@pytest.mark.parametrize("attention", [_by_layer, _by_dense, _by_einsum])
def test_attention_costs_the_same_in_each_way_of_writing_it(attention):
    x = L.Input((N, D))
    flat = folding.flatten(bridge.to_tf_keras(k3.Model(x, attention(x))))
    counts = multiply_adds.of(flat)
    assert sum(counts.values()) == _PROJECTIONS + _PRODUCTS
    assert sorted(counts.values())[:4] == [N * D * D] * 4 or len(counts) == 6


@pytest.mark.parametrize(
    ("equation", "other", "expected"),
    [
        ("abc,dc->adb", (3, D), N * D * 3),
        ("...bc,cd->...bd", (D, 3), N * D * 3),
        ("abc,abd->acd", (N, D), N * D * D),
    ],
)
def test_an_equation_that_is_no_plain_product_is_counted_as_well(equation, other, expected):
    from tfedge.compress.bridge import op_layer

    x = keras.tf_keras.Input((N, D))
    if equation == "abc,abd->acd":
        layer = op_layer.Op("einsum", None, {"subscripts": equation})
        model = keras.tf_keras.Model(x, layer([x, x]))
    else:
        ones = {"array": [[1.0] * other[1]] * other[0], "dtype": "float32"}
        layer = op_layer.Op("einsum", [{"tensor": 0}, ones], {"subscripts": equation})
        model = keras.tf_keras.Model(x, layer(x))
    assert sum(multiply_adds.of(model).values()) == expected

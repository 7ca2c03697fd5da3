import keras as k3
import numpy as np
import pytest

from tfedge.compress import bridge, folding
from tfedge.compress import keras as k
from tfedge.compress.graph import canonical
from tfedge.compress.ranges import input_prefix

layers = k.tf_keras.layers
MEAN = np.array([10, -4, 0.5], np.float32)
WIDE = np.array([2, 8, 0.25], np.float32)


def _norm():
    return layers.Normalization(mean=MEAN, variance=WIDE**2)


def _batch_norm(x):
    norm = layers.BatchNormalization(epsilon=0)
    made = norm(x)
    norm.set_weights([np.full(3, -3.0), np.ones(3), MEAN, WIDE**2])
    return (made - 1.0) / -3.0


SPELLINGS = {
    "normalization": _norm(),
    "rescaling": layers.Rescaling(1 / WIDE, -MEAN / WIDE),
    "operators": lambda x: (x - MEAN) / WIDE,
    "turned": lambda x: (MEAN - x) * (-1 / WIDE),
    "batch_norm": _batch_norm,
    "reshaped": lambda x: layers.Flatten()(_norm()(layers.Reshape((1, 3))(x))),
    "back_and_forth": lambda x: _norm()(
        layers.Normalization(mean=MEAN, variance=WIDE**2, invert=True)(_norm()(x))
    ),
    "sliced": lambda x: layers.Concatenate()(
        [(x[:, :1] - MEAN[:1]) / WIDE[:1], (x[:, 1:] - MEAN[1:]) / WIDE[1:]]
    ),
}


def _found(spelling):
    x = layers.Input((3,), name="x")
    model = canonical.tidy(k.tf_keras.Model(x, layers.Dense(2)(layers.Dropout(0.5)(spelling(x)))))
    return input_prefix.find(folding.flatten(model))


@pytest.mark.parametrize("name", list(SPELLINGS))
def test_every_spelling_is_one_map(name):
    (edge,) = _found(SPELLINGS[name]).edges.values()
    assert edge.layer.startswith("dropout")
    np.testing.assert_array_equal(edge.elements.sources, [[0, 1, 2]])
    np.testing.assert_allclose(edge.elements.scale, [1 / WIDE], rtol=1e-6)
    np.testing.assert_allclose(edge.elements.offset, [-MEAN / WIDE], rtol=1e-6)


@pytest.mark.parametrize(
    "mixes", [lambda x: 1 / x, lambda x: x * x, layers.Dense(3), layers.ReLU(), layers.Softmax()]
)
def test_a_prefix_ends_where_values_mix_or_bend(mixes):
    (edge,) = _found(mixes).edges.values()
    assert edge.layer == "x"


def test_moves_are_followed():
    (edge,) = _found(
        lambda x: layers.Permute((2, 1))(layers.Reshape((3, 1))(x))[:, 0, ::-1]
    ).edges.values()
    np.testing.assert_array_equal(edge.elements.sources, [[2, 1, 0]])


def test_two_inputs_are_counted_one_after_the_other():
    a, b = layers.Input((2,), name="a"), layers.Input((1,), name="b")
    both = layers.Concatenate()([layers.Rescaling(4.0)(b), a])
    prefix = input_prefix.find(k.tf_keras.Model([a, b], layers.Dense(1)(both)))
    (edge,) = prefix.edges.values()
    np.testing.assert_array_equal(edge.elements.sources, [[2, 0, 1]])
    np.testing.assert_array_equal(edge.elements.scale, [[4, 1, 1]])


def test_what_a_model_puts_out_is_no_prefix():
    x = layers.Input((3,), name="x")
    assert not input_prefix.find(k.tf_keras.Model(x, _norm()(x))).calls


def test_a_guard_belongs_to_the_prefix_only_in_front_of_a_logarithm():
    def logarithm(x):
        return k3.ops.log(k3.ops.relu(x) + 1.0) * 2.0

    def both(x):
        kept = k3.ops.relu(x)
        return k3.ops.log(kept) + kept

    for made, edges, heard in ((logarithm, {"multiply"}, {"x"}), (both, {"x"}, set())):
        k3.utils.clear_session()
        x = k3.Input((3,), name="x")
        model = bridge.to_tf_keras(k3.Model(x, k3.layers.Dense(2)(made(x))))
        prefix = input_prefix.find(folding.flatten(model))
        assert {edge.layer for edge in prefix.edges.values()} == edges
        assert prefix.heard == heard

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_model_optimization.python.core.sparsity.keras import (
    pruning_impl,
    pruning_schedule,
)

from tfedge.compress import masks


def _tfmot(weights, sparsity, block_size=(1, 1), pooling="AVG", m_by_n=None):
    pruning = pruning_impl.Pruning(
        lambda: 0, [], pruning_schedule.ConstantSparsity(sparsity, 0), block_size, pooling, m_by_n
    )
    return pruning._maybe_update_block_mask(tf.constant(weights))[1].numpy()


def _weights(*shape):
    # Distinct magnitudes: where weights tie, which of them goes is a matter of taste.
    size = int(np.prod(shape))
    values = np.random.default_rng(0).permutation(size).astype(np.float32) + 1.0
    signs = np.random.default_rng(1).choice([-1.0, 1.0], size)
    return (values * signs / size).astype(np.float32).reshape(shape)


@pytest.mark.parametrize("shape", [(7, 5), (3, 3, 2, 4), (1, 1, 6, 3), (3, 3, 4, 1), (3,)])
@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.25, 0.5, 0.7, 0.85, 0.999])
def test_unstructured_is_tfmots(shape, sparsity):
    weights = _weights(*shape)
    np.testing.assert_array_equal(masks.unstructured(weights, sparsity), _tfmot(weights, sparsity))


def test_unstructured_keeps_as_many_as_tfmot_at_every_size():
    for size in (1, 2, 3, 5, 7, 10, 15, 25, 35, 45):
        for percent in (10, 30, 35, 50, 55, 70, 85, 95):
            kept = masks.unstructured(_weights(size), percent / 100).sum()
            assert kept == _tfmot(_weights(size), percent / 100).sum(), (size, percent)


def test_of_equal_weights_exactly_as_many_go_as_asked():
    assert masks.unstructured(np.ones((4, 5), np.float32), 0.6).sum() == 8


@pytest.mark.parametrize("pooling", ["AVG", "MAX"])
@pytest.mark.parametrize(
    ("shape", "block_size"),
    [((8, 6), (4, 1)), ((8, 8), (1, 4)), ((7, 5), (2, 2)), ((8, 5), (3, 2))],
)
def test_block_is_tfmots(shape, block_size, pooling):
    # Not where an axis lacks two or more of a block: TFMOT then shifts its windows against the
    # blocks of its mask by half of what is missing, and judges a block by its neighbour's weights.
    weights = _weights(*shape)
    np.testing.assert_array_equal(
        masks.block(weights, 0.5, block_size, pooling), _tfmot(weights, 0.5, block_size, pooling)
    )


@pytest.mark.parametrize("pooling", ["AVG", "MAX"])
def test_a_cut_block_is_judged_by_the_weights_it_has(pooling):
    weights = np.array([[1.0], [1.0], [1.0], [1.0], [3.0]])
    mask = masks.block(weights, 0.5, (4, 1), pooling)
    np.testing.assert_array_equal(mask[:, 0], [0, 0, 0, 0, 1])


def test_blocks_of_a_convolution_lie_in_its_matrix():
    mask = masks.block(_weights(3, 3, 4, 2), 0.5, (4, 1), "AVG")
    blocks = mask.reshape(9, 4, 2)
    assert set(np.unique(blocks.sum(axis=1))) == {0.0, 4.0}
    assert mask.mean() == 0.5


@pytest.mark.parametrize(("m", "n"), [(2, 4), (1, 4), (3, 8)])
@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("Dense", (8, 5)),
        ("Dense", (11, 3)),
        ("Conv2D", (3, 3, 8, 4)),
        ("Conv2D", (3, 3, 3, 4)),
        ("Conv2D", (3, 3, 6, 2)),
        ("Conv2D", (1, 1, 16, 4)),
    ],
)
def test_m_by_n_is_tfmots(kind, shape, m, n):
    weights = _weights(*shape)
    np.testing.assert_array_equal(
        masks.m_by_n(weights, kind, m, n), _tfmot(weights, 0.5, m_by_n=(m, n))
    )


def test_m_by_n_of_a_depthwise_kernel_runs_over_each_window():
    mask = masks.m_by_n(_weights(2, 4, 3, 2), "DepthwiseConv2D", 2, 4)
    windows = mask.reshape(8, 6)
    np.testing.assert_array_equal(windows[:4].sum(axis=0), [2.0] * 6)
    np.testing.assert_array_equal(windows[4:].sum(axis=0), [2.0] * 6)
    over_time = masks.m_by_n(_weights(8, 3, 2), "DepthwiseConv1D", 1, 4).reshape(2, 4, 6)
    np.testing.assert_array_equal(over_time.sum(axis=1), np.full((2, 6), 3.0))


def test_lamp_scores_by_hand():
    # Squares 1, 4, 9: each over the sum of those not smaller.
    scores = masks.lamp_scores(np.array([[-3.0, 1.0, 2.0]]))
    np.testing.assert_allclose(scores, [[1.0, 1 / 14, 4 / 13]])


def test_lamp_scores_of_zeros_are_zero():
    np.testing.assert_array_equal(masks.lamp_scores(np.zeros(3)), np.zeros(3))

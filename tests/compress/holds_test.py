import numpy as np
import pytest
import tensorflow as tf

from tfedge.compress import holds
from tfedge.compress.layers import kernels

KERNEL = np.random.default_rng(0).normal(size=(3, 3, 4, 5)).astype(np.float32)
MASK = (np.abs(KERNEL) > 0.6).astype(np.float32)
SCALES = (np.abs(KERNEL).max(axis=(0, 1, 2), keepdims=True) / 127).astype(np.float32)
LEVELS = np.array([[-100, -30, 0, 30, 100]], np.int32)


def _read(hold, kernel):
    axis = kernels.deployed_channel_axis(hold.layer_class)
    return hold.read(kernels.deployed(hold.layer_class, kernel), axis)


def _all_three():
    return (
        holds.Grid("conv", "Conv2D", frozen=SCALES),
        holds.Levels("conv", "Conv2D", SCALES, LEVELS, 5),
        holds.Zeros("conv", "Conv2D", MASK),
    )


def test_zeros_stay_zero_and_say_so():
    zeros = holds.Zeros("conv", "Conv2D", MASK)
    promised, found, kept = _read(zeros, holds.project(KERNEL, (zeros,)))
    assert promised == found == pytest.approx(1 - MASK.mean(), abs=1e-6)
    assert kept
    assert not _read(zeros, KERNEL)[2]


def test_more_zeros_than_promised_are_fine():
    zeros = holds.Zeros("conv", "Conv2D", MASK)
    assert _read(zeros, np.zeros_like(KERNEL)) == (zeros_share(MASK), 1.0, True)


def zeros_share(mask):
    return round(1 - float(mask.mean()), 6)


def test_zeros_in_another_shape_are_not_vouched_for():
    zeros = holds.Zeros("conv", "Conv2D", MASK)
    assert not zeros.read(np.zeros((5, 3, 3, 3)), 0)[2]


def test_gradients_of_masked_weights_are_none():
    zeros = holds.Zeros("conv", "Conv2D", MASK)
    np.testing.assert_array_equal(zeros.gradient(np.ones_like(MASK), zeros.state()), MASK)


def test_levels_are_the_nearest():
    levels = holds.Levels("conv", "Conv2D", SCALES, LEVELS, 5)
    found = np.round(holds.project(KERNEL, (levels,)) / SCALES)
    codes = np.round(KERNEL / SCALES)
    nearest = LEVELS[0][np.abs(codes[..., None] - LEVELS[0]).argmin(axis=-1)]
    np.testing.assert_array_equal(found, nearest)
    assert _read(levels, found) == (5, 5, True)
    assert not _read(levels, codes)[2]


@pytest.mark.parametrize(
    ("layer_class", "shape", "scale_shape"),
    [("Conv2D", (1, 1, 6, 3), (1, 1, 1, 3)), ("DepthwiseConv2D", (3, 3, 2, 2), (1, 1, 2, 2))],
)
def test_levels_of_each_channel_are_its_own(layer_class, shape, scale_shape):
    channels = int(np.prod(scale_shape))
    rows = np.stack([np.array([-1, 0, 1]) * (20 + 10 * row) for row in range(channels)])
    scales = np.full(scale_shape, 0.1, np.float32)
    kernel = np.random.default_rng(1).uniform(-12, 12, shape).astype(np.float32)
    levels = holds.Levels("conv", layer_class, scales, rows, 3)
    codes = np.round(holds.project(kernel, (levels,)) / scales)
    deployed = np.moveaxis(
        kernels.deployed(layer_class, codes), kernels.deployed_channel_axis(layer_class), 0
    )
    for row, channel in zip(rows, deployed, strict=True):
        assert set(np.unique(channel)) <= set(row)
    assert _read(levels, codes)[2]


def test_the_grid_without_frozen_scales_is_the_converters():
    grid = holds.Grid("conv", "Conv2D")
    codes = holds.project(KERNEL, (grid,)) / SCALES
    np.testing.assert_allclose(codes, np.round(KERNEL / SCALES), atol=1e-3)
    assert np.abs(codes).max() == pytest.approx(127, abs=1e-3)
    np.testing.assert_allclose(grid.scales(KERNEL), SCALES)
    assert _read(grid, codes.round().astype(np.int8)) == (8, 8, True)
    assert _read(grid, holds.project(KERNEL, (grid,))) == (8, 8, True)
    assert not _read(grid, KERNEL)[2]


def test_the_grid_clips_at_frozen_scales():
    grid = holds.Grid("conv", "Conv2D").rescaled(SCALES / 2)
    projected = holds.project(KERNEL, (grid,))
    assert np.abs(projected / (SCALES / 2)).max() <= 127.001
    np.testing.assert_array_equal(grid.scales(KERNEL), SCALES / 2)
    assert _read(grid, projected)[2]


def test_a_channel_of_zeros_stays_one():
    dead = KERNEL.copy()
    dead[..., 2] = 0
    projected = holds.project(dead, (holds.Grid("conv", "Conv2D"),))
    assert np.all(np.isfinite(projected))
    assert not np.any(projected[..., 2])


def test_projecting_again_changes_nothing():
    for some in (_all_three(), (holds.Grid("conv", "Conv2D"),), _all_three()[1:]):
        once = holds.project(KERNEL, some)
        np.testing.assert_array_equal(once, holds.project(once, some))


def test_all_holds_of_a_kernel_are_kept_together():
    projected = holds.project(KERNEL, _all_three())
    assert all(_read(hold, projected)[2] for hold in _all_three())
    codes = np.round(projected / SCALES).astype(np.int8)
    assert all(_read(hold, codes)[2] for hold in _all_three())


def test_holds_of_a_layer_come_in_the_order_of_projection():
    kinds = [hold.kind for hold in holds.on((*_all_three(), holds.Grid("other", "Dense")), "conv")]
    assert kinds == ["zeros", "levels", "bits"]


def test_what_implies_what():
    more = holds.Zeros("conv", "Conv2D", MASK * (np.abs(KERNEL) > 1))
    zeros = holds.Zeros("conv", "Conv2D", MASK)
    assert more.implies(zeros) and not zeros.implies(more)
    few = holds.Levels("conv", "Conv2D", SCALES, LEVELS, 4)
    many = holds.Levels("conv", "Conv2D", SCALES, LEVELS, 5)
    assert few.implies(many) and not many.implies(few)
    assert holds.Grid("conv", "Conv2D", 4).implies(holds.Grid("conv", "Conv2D"))


def test_states_keep_their_shapes_so_that_no_step_is_traced_again():
    other = holds.Levels("conv", "Conv2D", SCALES, np.array([[0, 7, 0, 0, 0]]), 5)
    first = holds.Levels("conv", "Conv2D", SCALES, LEVELS, 5).state()
    assert {k: v.shape for k, v in first.items()} == {k: v.shape for k, v in other.state().items()}


def test_projection_inside_a_traced_step_is_the_same():
    state = [{k: tf.Variable(v) for k, v in h.state().items()} for h in _all_three()]

    @tf.function
    def traced(kernel):
        for hold, variables in sorted(
            zip(_all_three(), state, strict=True), key=lambda p: p[0].stage
        ):
            kernel = hold.project(kernel, variables)
        return kernel

    expected = holds.project(KERNEL, _all_three())
    np.testing.assert_array_equal(traced(tf.constant(KERNEL)).numpy(), expected)


def test_broken_finds_lost_promises_and_lost_layers(network):
    kernel = network.get_layer("pointwise").kernel.numpy()
    mask = (np.abs(kernel) > 0.1).astype(np.float32)
    promise = holds.Zeros("pointwise", "Conv2D", mask)
    gone = holds.Zeros("gone", "Conv2D", mask)
    assert holds.broken(network, (promise, gone)) == (promise, gone)
    network.get_layer("pointwise").kernel.assign(kernel * mask)
    assert holds.broken(network, (promise, gone)) == (gone,)


def _dense(kind, *args, **fields):
    return kind("dense", "Dense", *args, **fields)


ONE, TWO = np.float32([[0.5]]), np.float32([[0.5, 0.25]])


@pytest.mark.parametrize(
    ("codes", "bits", "found", "kept"),
    [
        ([[7, -7], [0, 3]], 4, 4, True),
        ([[8, -7], [0, 3]], 4, 8, False),
        ([[-8, 7], [0, 3]], 4, 8, False),
        ([[127, -127], [0, 3]], 8, 8, True),
        ([[-128, 7], [0, 3]], 8, 8, False),
        (np.zeros((0, 2)), 4, 4, True),
    ],
)
def test_bits_are_read_from_codes(codes, bits, found, kept):
    codes = np.array(codes, np.int8)
    assert _dense(holds.Grid, bits=bits).read(codes, 0) == (bits, found, kept)
    power = _dense(holds.PowerOfTwo, np.array([[-1]]), bits)
    assert power.read(codes, 0)[1:] == ("2^-1" if kept else f"not on a grid of {bits} bits", kept)


def test_bits_are_read_from_floats_on_the_grid():
    grid, power = _dense(holds.Grid, bits=4), _dense(holds.PowerOfTwo, np.array([[-1, -2]]), 4)
    rows = np.array([[3.5, 1.0], [1.75, 0.25]])  # 7 and 2 halves; 7 quarters and 1
    assert grid.read(rows, 0) == (4, 4, True) and power.read(rows, 0)[2]
    beside = np.array([[3.5, 1.1], [1.75, 0.25]])
    assert grid.read(beside, 0) == (4, 64, False)
    assert not power.read(beside, 0)[2]
    frozen = _dense(holds.Grid, bits=4, frozen=np.float32([[0.5, 0.25]]))
    assert frozen.read(rows, 0)[2] and frozen.read(rows.T, 1)[2]
    assert not frozen.read(rows * 1.5, 0)[2]
    assert not _dense(holds.Grid, bits=4, frozen=np.float32([[0.5, 0.5]])).read(rows, 0)[2]
    one = _dense(holds.Grid, bits=4, frozen=ONE)
    assert one.read(np.array([[3.5, 1.0], [1.5, -3.5]]), 0)[2]
    assert not one.read(np.array([[4.0, 1.0], [1.5, -3.5]]), 0)[2]  # 8 halves
    assert grid.read(np.zeros((2, 2)), 0)[2]


def test_grids_promise_bits_and_keep_what_is_frozen():
    grid, frozen = _dense(holds.Grid), _dense(holds.Grid, bits=4, frozen=TWO)
    assert (grid.largest_code, frozen.largest_code) == (127, 7)
    assert frozen.implies(grid) and grid.implies(grid) and not grid.implies(frozen)
    kernel = np.float32([[7.0, 0.0], [-3.5, 0.0]])
    np.testing.assert_allclose(_dense(holds.Grid, bits=4).scales(kernel), [[1.0, 1.0]])
    assert frozen.scales(kernel) is frozen.frozen
    found = holds.project(np.float32([[9.0, 0.3], [-0.7, -9.0]]), (frozen,))
    np.testing.assert_allclose(found, [[3.5, 0.25], [-0.5, -1.75]])
    assert frozen.taken(0, np.array([1])) is frozen and grid.taken(1, np.array([1])) is grid
    assert frozen.taken(1, np.array([1])).frozen.tolist() == [[0.25]]
    assert _dense(holds.Grid, frozen=ONE).taken(1, np.array([1])).frozen.tolist() == [[0.5]]
    assert (
        grid.rescaled(ONE).frozen is ONE
        and grid.state() == {}
        and set(frozen.state()) == {"scales"}
    )


def test_powers_of_two_of_all_channels_or_each():
    each = _dense(holds.PowerOfTwo, np.array([[-1, -2]], np.int32), 4)
    one = _dense(holds.PowerOfTwo, np.array([[-1]], np.int32), 4)
    wide = _dense(holds.PowerOfTwo, np.array([[-1]], np.int32))
    assert (wide.largest_code, one.largest_code) == (127, 7)
    assert one.implies(wide) and one.implies(each) and one.implies(one) and each.implies(each)
    assert not wide.implies(one) and not each.implies(one)
    assert each.taken(0, np.array([1])) is each and one.taken(1, np.array([1])) is one
    assert each.taken(1, np.array([1])).exponents.tolist() == [[-2]]
    assert each.rescaled(TWO) is each and one.rescaled(ONE) is one
    assert each.rescaled(np.float32([[0.5, 0.125]])).exponents.tolist() == [[-1, -3]]
    assert (each.described, one.described) == ("2^-2 to 2^-1", "2^-1")
    found = holds.project(np.float32([[9.0, 0.3], [-0.7, -9.0]]), (each,))
    np.testing.assert_allclose(found, [[3.5, 0.25], [-0.5, -1.75]])
    kernel = np.float32([[3.4, 0.9], [0.1, 0.2]])
    assert one.fit(kernel, 7).shape == (1, 1) and each.fit(kernel, 7).shape == (1, 2)
    np.testing.assert_array_equal(each.fit(kernel, 7), [[0.5, 0.125]])


def test_levels_in_other_scales_and_of_fewer_channels():
    rows = np.array([[0, 10, -20], [0, 40, 60]])
    each = _dense(holds.Levels, TWO, rows, 3)
    shared = _dense(holds.Levels, TWO, rows[:1], 3)
    assert each.most_values == 3 and each.scales(None) is TWO
    assert each.rescaled(TWO) is each
    halved = shared.rescaled(TWO / 2)
    assert halved.levels.tolist() == [[0, 20, -40]] and halved.channel_scales.tolist() == [
        [0.25, 0.125]
    ]
    uneven = shared.rescaled(np.float32([[0.5, 0.125]]), top=30)
    assert uneven.levels.tolist() == [[0, 10, -20], [0, 20, -30]]
    assert shared.rescaled(ONE).levels.tolist() == [[0, 10, -20], [0, 5, -10]]
    alone = _dense(holds.Levels, ONE, rows[:1], 3)
    assert alone.rescaled(ONE / 2).levels.tolist() == [[0, 20, -40]]
    assert each.taken(0, np.array([1])) is each
    left = each.taken(1, np.array([1]))
    assert (left.levels.tolist(), left.channel_scales.tolist()) == ([[0, 40, 60]], [[0.25]])
    assert shared.taken(1, np.array([1])).levels.tolist() == [[0, 10, -20]]
    assert shared.scaled(np.float32([[2.0, 3.0]])).channel_scales.tolist() == [[1.0, 0.75]]
    assert shared.scaled(np.float32([[2.0, 3.0], [2.0, 4.0]])) is None
    kernel = np.float32([[9.0, 0.0], [2.8, 12.4]])  # in scales: 18, 0, 5.6, 49.6
    np.testing.assert_allclose(holds.project(kernel, (each,)), [[5.0, 0.0], [5.0, 10.0]])
    far = np.float32([[999.0, -999.0], [-999.0, 999.0]])
    np.testing.assert_allclose(holds.project(far, (each,)), [[5.0, 0.0], [-10.0, 15.0]])
    assert each.read(np.array([[1, 2, 3, 3], [1, 1, 1, 1]]), 0) == (3, 3, True)
    assert each.read(np.array([[1, 2, 3, 4], [1, 1, 1, 1]]), 0) == (3, 4, False)


def test_a_grid_of_blocks_has_a_scale_for_each_and_knows_its_own_kernel():
    kernel = np.random.default_rng(2).normal(size=(8, 3)).astype(np.float32)
    grid = holds.Grid("dense", "Dense", 4, block=4).refitted(kernel)
    assert grid.frozen.shape == (2, 3)
    projected = holds.project(kernel, (grid,))
    np.testing.assert_allclose(
        projected / np.repeat(grid.frozen, 4, axis=0),
        np.clip(np.round(kernel / np.repeat(grid.frozen, 4, axis=0)), -7, 7),
    )
    assert _read(grid, projected) == (4, 4, True)
    assert not _read(grid, kernel)[2]
    assert not _read(holds.Grid("dense", "Dense", 4, grid.frozen[:1]), projected)[2]


def test_a_grid_of_blocks_can_lose_outputs_but_no_inputs():
    grid = holds.Grid("dense", "Dense", 4, np.array([[1.0, 2, 3], [4, 5, 6]]), block=4)
    np.testing.assert_array_equal(grid.taken(1, np.array([0, 2])).frozen, [[1, 3], [4, 6]])
    assert grid.taken(0, np.arange(4)) is None
    by_channel = grid.rescaled(np.ones((1, 3)))
    assert (by_channel.block, by_channel.frozen.shape) == (0, (1, 3))

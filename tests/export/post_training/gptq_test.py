import numpy as np
import pytest
import running

from tfedge import export
from tfedge.compress.keras import tf
from tfedge.device.file import tflite
from tfedge.export import calibration
from tfedge.export.post_training import float_model, gptq
from tfedge.export.tree import flatbuffer


def _error(x, weights, codes, scales):
    return np.mean((x @ (weights - codes * scales[:, None]).T) ** 2)


def test_later_weights_make_up_for_the_error_of_earlier_ones():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 24)) @ rng.normal(size=(24, 24))
    weights = rng.normal(size=(6, 24))
    scales = np.abs(weights).max(axis=1) / 7
    plain = np.clip(np.round(weights / scales[:, None]), -7, 7)
    codes = gptq.rounded(weights, scales, x.T @ x, 7)
    assert _error(x, weights, codes, scales) < 0.7 * _error(x, weights, plain, scales)
    assert np.abs(codes).max() <= 7


def test_without_correlation_it_rounds_to_nearest_and_zeros_stay():
    weights = np.array([[0.0, 0.26, -1.0, 0.0, 0.49]])
    codes = gptq.rounded(weights, np.array([0.25]), np.eye(5), 127)
    assert codes.tolist() == [[0, 1, -4, 0, 2]]
    alike = gptq.rounded(weights, np.array([0.25]), np.ones((5, 5)), 127)
    assert alike[0, 0] == alike[0, 3] == 0


@pytest.mark.parametrize("name", ["stem", "pointwise", "head"])
def test_moments_are_those_of_what_meets_a_kernel(name, model, task, converted):
    file = float_model.prepare(flatbuffer.unpack(converted["float32"]), "f")
    examples = calibration.examples(task, file.inputs, "int8")
    found = gptq.moments(file.tree, examples)
    kernel = next(each for each in file.operators if file.real_names.get(each.kernel) == name)
    squares = found[kernel.kernel]
    assert squares.shape == (np.prod(kernel.kernel_shape[1:]),) * 2
    assert np.allclose(squares, squares.T) and np.all(np.linalg.eigvalsh(squares) > -1e-6)
    if name == "stem":  # the centre pixel of a 3x3 window is the image itself
        centre = np.sum(task.normalization(task.calibration.x).astype(np.float64) ** 2)
        assert squares[4, 4] == pytest.approx(centre, rel=1e-5)


def test_four_bits_lose_less(model, task):
    x = task.normalization(task.train.x[:60])
    expected = model(x).numpy()
    moved = {}
    for algorithm in ("min_max", "gptq"):
        data = export.to_tflite(model, f'int4(algorithm="{algorithm}")', task)
        found = [each.tensor for each in tflite.read(data).kernels()]
        types = {each.name: each.dtype for each in found}
        assert types == dict.fromkeys(running.LAYERS, "INT4") | {"depthwise": "INT8"}
        assert {np.abs(each.values()).max() for each in found if each.dtype == "INT4"} == {7}
        moved[algorithm] = np.mean((running.images(data, x) - expected) ** 2)
    assert moved["gptq"] < moved["min_max"]


def test_what_is_left_of_a_column_is_made_up_for_by_the_next():
    # Of 0.3 in steps of 1, nothing is left but the 0.3 that the second, which is as the first is
    # in half of the cases, takes half of: 0.3 + 0.3 / 2 rounds to 0, 0.4 + 0.15 to 1.
    squares = np.array([[1.0, 0.5], [0.5, 1.0]])
    weights = np.array([[0.3, 0.3], [0.3, 0.4], [0.7, 0.6], [90.0, 0.2]])
    codes = gptq.rounded(weights, np.ones(4), squares, 7)
    assert codes.tolist() == [[0, 0], [0, 1], [1, 0], [7, 7]] and codes.dtype == np.int8


def test_inputs_that_are_always_zero_are_no_obstacle():
    spread = gptq._spread(np.diag([4.0, 0.0]))
    np.testing.assert_allclose(spread, np.diag([0.5, 1.0]), rtol=0.02)
    assert np.isfinite(gptq._spread(np.zeros((2, 2)))).all()


@pytest.mark.parametrize("is_same", [False, True])
@pytest.mark.parametrize(
    ("window", "strides", "dilations"),
    [((3, 3), (1, 1), (1, 1)), ((2, 3), (2, 1), (1, 1)), ((2, 2), (1, 1), (3, 2))],
)
def test_rows_are_the_windows_that_a_kernel_meets(window, strides, dilations, is_same):
    value = np.random.default_rng(0).normal(size=(1, 7, 6, 2)).astype(np.float32)
    columns = window[0] * window[1] * 2
    reader = gptq._Reader("k", "x", columns, window, strides, dilations, is_same)
    expected = tf.image.extract_patches(
        value, (1, *window, 1), (1, *strides, 1), (1, *dilations, 1), "SAME" if is_same else "VALID"
    )
    np.testing.assert_array_equal(reader.rows(value), np.reshape(expected, (-1, columns)))


def test_of_many_places_an_even_share_is_looked_at():
    value = np.arange(130, dtype=np.float32).reshape(1, 13, 10, 1)
    reader = gptq._Reader("k", "x", 1, (1, 1))
    assert reader.rows(value).ravel().tolist() == list(range(0, 130, 3))
    assert len(reader.rows(value[:, :8, :8])) == 64
    assert gptq._Reader("k", "x", 5).rows(value).shape == (26, 5)  # all that a dense layer sees


@pytest.mark.parametrize(
    ("kind", "shape", "is_known"),
    [
        ("FULLY_CONNECTED", (9, 4096), True),
        ("FULLY_CONNECTED", (9, 4097), False),
        ("CONV_2D", (1, 8, 8, 64), True),
        ("CONV_2D", (1, 8, 8, 0), False),
        ("DEPTHWISE_CONV_2D", (1, 3, 3, 4), False),
    ],
)
def test_kernels_that_can_be_rounded(kind, shape, is_known):
    assert gptq.knows(kind, shape) is is_known

import numpy as np
import pytest

from tfedge.data.task import Normalization
from tfedge.device.model_io import Input, Output

BYTES = np.array([[0], [128], [255]], np.uint8)


def _input(model_dtype, **fields):
    return Input("x", 0, (1,), "uint8", model_dtype, **fields)


def test_float_input_is_normalised_and_gets_a_batch_of_one():
    fed = _input("float32").prepare(BYTES, Normalization(1 / 255))
    assert fed.shape == (3, 1, 1)
    np.testing.assert_allclose(fed[:, 0, 0], [0, 128 / 255, 1], rtol=1e-6)


def test_int8_input_is_normalised_then_quantized():
    port = _input("int8", scale=1 / 255, zero_point=-128)
    assert port.prepare(BYTES, Normalization(1 / 255)).ravel().tolist() == [-128, 0, 127]


def test_quantized_values_are_clipped():
    port = _input("int8", scale=0.001, zero_point=0)
    assert port.prepare(BYTES, Normalization()).ravel().tolist() == [0, 127, 127]


@pytest.mark.parametrize(("dtype", "codes"), [("uint8", [0, 128, 255]), ("int8", [-128, 0, 127])])
def test_raw_bytes_go_in_as_they_are_whatever_the_scale(dtype, codes):
    port = _input(dtype, scale=0.02, zero_point=7, raw=True)
    assert port.prepare(BYTES, Normalization(1 / 255)).ravel().tolist() == codes
    assert port.prepare(BYTES.astype(np.float32), Normalization(1 / 255)).ravel().tolist() == codes


def test_raw_floats_are_not_normalised():
    fed = _input("float32", raw=True).prepare(BYTES, Normalization(1 / 255))
    assert fed.ravel().tolist() == [0, 128, 255]


def test_token_ids_stay_integers():
    port = Input("ids", 0, (2,), "int64", "int32")
    fed = port.prepare(np.array([[70000, 2]]), Normalization())
    assert (fed.dtype, fed.ravel().tolist()) == (np.int32, [70000, 2])


def test_fractions_for_whole_numbers_are_refused():
    port = Input("ids", 0, (1,), "float32", "int32")
    with pytest.raises(ValueError, match="takes whole numbers"):
        port.prepare(np.array([[0.5]], np.float32), Normalization())


def test_numbers_that_would_become_others_are_refused():
    port = Input("ids", 0, (1,), "int64", "int32")
    with pytest.raises(ValueError, match="numbers beyond it"):
        port.prepare(np.array([[2**32 + 3]]), Normalization())


def test_outputs_become_real_values():
    real = Output("y", 0, scale=0.5, zero_point=-2).real(np.array([[-2, 0]], np.int8))
    assert (real.dtype, real.tolist()) == (np.float32, [[0.0, 1.0]])
    assert Output("y", 0).real(np.array([3], np.int64)).dtype == np.int64

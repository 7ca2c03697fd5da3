"""A trained network at 4 bits, from its checkpoint to its INT4 file on held-out data."""

import pathlib

from tfedge import evaluate, load_model, load_task, to_tflite
from tfedge.compress.recipe import Recipe
from tfedge.device.file import tflite

CHECKPOINTS = pathlib.Path(__file__).parents[3] / "models" / "checkpoints"


def test_a_digits_network_of_4_bits_is_within_a_point_of_float():
    task = load_task("digits")
    model = load_model(CHECKPOINTS / "digits_cnn_digits.keras")
    candidate = Recipe.parse("quantize(bits=4, epochs=2)").apply(model, task)
    data, baseline = to_tflite(candidate, "int4", task), to_tflite(model)
    scorecard = evaluate(data, task, baseline=baseline, holds=candidate.holds)
    assert scorecard.metric.value > scorecard.metric.baseline - 0.01
    assert all(hold["kept"] for hold in scorecard.holds)
    assert {kernel.tensor.dtype for kernel in tflite.read(data).kernels()} == {"INT4"}

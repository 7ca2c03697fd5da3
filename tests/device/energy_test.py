"""Energy against QKeras' qtools 0.9.0 on one network, built in Keras and as a .tflite.

The figures of qtools are what QTools(network, process="horowitz").pe("dram", "dram") printed, in
picojoules, summed over the layers that have kernels: `op_cost` and `parameters`; and, for the
float network, `inputs` and `outputs` without Flatten, which moves nothing in a .tflite, and with
the image at 32 bits in place of its default of 8.
"""

import pytest

from tfedge.device import energy
from tfedge.device.file import tflite

QTOOLS_FLOAT = {"op_cost": 35_328.0, "parameters": 954_964.84, "moved": 699_484.06 + 93_600}
QTOOLS_INT8 = {"op_cost": 2_053.6, "parameters": 252_880.46}


@pytest.fixture
def costs(stored):
    return lambda name: energy.costs(tflite.read(stored(name)))


def test_float_agrees_with_qtools(costs):
    ours = costs("counted_float")
    assert ours.operations == pytest.approx(QTOOLS_FLOAT["op_cost"], rel=1e-6)
    # qtools gives the depthwise kernel one bias, not eight, and adds the way into SRAM.
    assert ours.weights_from_dram == pytest.approx(QTOOLS_FLOAT["parameters"], rel=0.01)
    assert ours.activations_in_dram == pytest.approx(QTOOLS_FLOAT["moved"], rel=0.001)


def test_int8_agrees_with_qtools(costs):
    """It narrows the accumulator to the bits that one kernel can need; ours has the usual 32."""
    ours = costs("counted_int8")
    assert QTOOLS_INT8["op_cost"] < ours.operations < 1.15 * QTOOLS_INT8["op_cost"]
    assert ours.weights_from_dram == pytest.approx(QTOOLS_INT8["parameters"], rel=0.02)


def test_the_bounds(stored):
    file = tflite.read(stored("counted_int8"))
    found, parts = energy.estimate(file), energy.costs(file)
    assert found.low < found.value < found.high
    assert found.high == pytest.approx(
        1e-9 * (parts.operations + parts.weights_from_dram + parts.activations_in_dram)
    )
    assert "estimate" in found.assumptions[0]
    assert parts.operations == pytest.approx(0.3 * 7680)


def test_int8_saves_what_is_claimed_for_it(costs):
    whole, small = costs("counted_float"), costs("counted_int8")
    assert whole.operations / small.operations == pytest.approx(4.6 / 0.3)
    assert 3.5 < whole.weight_bytes / small.weight_bytes < 4

"""Energy of one inference: an estimate from multiply-adds and memory traffic, between two bounds.

Picojoules per operation are those of Horowitz, "Computing's energy problem (and what we can do
about it)", ISSCC 2014, for a 45 nm chip, as QKeras' qtools uses them too. Instruction handling,
leakage, the rest of the phone and later, thriftier processes are not in: it compares models.
"""

import dataclasses

from tfedge.device.file import graph, tflite
from tfedge.device.prediction import work

_MJ_PER_PJ = 1e-9
_DRAM_PJ_PER_BYTE = 650 / 4  # 650 pJ for 32 bits
_SRAM_PJ_PER_BYTE = 10 / 8  # 10 pJ for 64 bits of an 8 kB memory
_FEW_MJ = 0.01  # below it there are more zeros than digits
_FLOAT_PJ, _INT8_PJ, _INT16_PJ = 4.6, 0.3, 0.5  # a product and its addition
_FLOAT_ADD_PJ, _INT_ADD_PJ = 0.9, 0.1
_INT8_KERNELS = ("INT8", "UINT8", "INT4", "INT2")
_ASSUMPTIONS = (
    "an estimate for a 45 nm chip (Horowitz, ISSCC 2014), not a measurement",
    "arithmetic and data movement only: no instruction handling, leakage, screen or radio",
    f"{_INT8_PJ} pJ an int8, {_INT16_PJ} a 16x8 and {_FLOAT_PJ} a float32 multiply-add",
    "10 pJ for 64 bits from SRAM, 650 pJ for 32 bits from DRAM",
    "value: weights from DRAM at each inference, activations in SRAM",
    "low: everything in SRAM; high: weights, inputs and outputs of every operator in DRAM",
)


@dataclasses.dataclass(frozen=True)
class EnergyEstimate:
    """Millijoules of one inference.

    Attributes:
        value: weights come from DRAM each time, activations stay in SRAM.
        low: all that is read and written is in SRAM.
        high: weights and activations of every operator go through DRAM.
        assumptions: what holds for all three.
    """

    value: float
    low: float
    high: float
    assumptions: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Costs:
    """Where the energy goes, in picojoules, with memory in SRAM and in DRAM."""

    operations: float
    weight_bytes: int
    activation_bytes: int

    @property
    def weights_from_sram(self) -> float:
        """Each weight read once from an 8 kB memory."""
        return self.weight_bytes * _SRAM_PJ_PER_BYTE

    @property
    def weights_from_dram(self) -> float:
        """Each weight read once."""
        return self.weight_bytes * _DRAM_PJ_PER_BYTE

    @property
    def activations_in_sram(self) -> float:
        """Each operator's input read once and its output written once."""
        return self.activation_bytes * _SRAM_PJ_PER_BYTE

    @property
    def activations_in_dram(self) -> float:
        """The same, through DRAM."""
        return self.activation_bytes * _DRAM_PJ_PER_BYTE


def estimate(file: tflite.TfliteFile) -> EnergyEstimate:
    """The energy of one inference. It is computed from the file; nothing is measured."""
    found = costs(file)
    low = found.operations + found.weights_from_sram + found.activations_in_sram
    value = found.operations + found.weights_from_dram + found.activations_in_sram
    high = found.operations + found.weights_from_dram + found.activations_in_dram
    return EnergyEstimate(value * _MJ_PER_PJ, low * _MJ_PER_PJ, high * _MJ_PER_PJ, _ASSUMPTIONS)


def costs(file: tflite.TfliteFile) -> Costs:
    """The parts that `estimate` adds up."""
    works = work.of(file)
    pairs = zip(file.operators, works, strict=True)
    return Costs(
        operations=sum(_operations_pj(operator, each, file) for operator, each in pairs),
        weight_bytes=sum(each.turns * each.weight_bytes for each in works),
        activation_bytes=sum(each.turns * each.activation_bytes for each in works),
    )


def _operations_pj(operator: graph.Operator, done: work.Work, file: tflite.TfliteFile) -> float:
    added = _INT_ADD_PJ if done.integer else _FLOAT_ADD_PJ
    return done.turns * (done.macs * _product_pj(operator, done, file) + done.passes * added)


def _product_pj(operator: graph.Operator, done: work.Work, file: tflite.TfliteFile) -> float:
    """Float weights and activations cost most; integer weights make float activations int8."""
    types = {file.tensors[i].dtype for i in operator.inputs if i >= 0}
    if "INT16" in types:
        return _INT16_PJ
    return _INT8_PJ if done.integer or types & set(_INT8_KERNELS) else _FLOAT_PJ


def shown(millijoules: float) -> tuple[float, str]:
    """What millijoules of about this size are multiplied by to be shown, and their unit then."""
    return (1000.0, "µJ") if millijoules < _FEW_MJ else (1.0, "mJ")

"""Milliseconds of a network on a neural accelerator, from what it asks for and a device's rates.

time = |compute, memory| + ends,   |a, b| = (a^2 + b^2)^(1/2)

Such a compiler plans the whole network ahead: weights and what does not fit on the chip are fetched
while other operators compute, so the larger of two totals is what one waits for (the roofline of
Williams et al. 2009, https://doi.org/10.1145/1498765.1498785, of a network and with a round
corner). Every term is an amount over a rate, so a network is one row of amounts.

A matrix engine works on tiles of channels: what does not fill one is computed as if it did, and a
grouped convolution as blocks of a tile along the diagonal. Convolutions run in strips that stay on
the chip; other operators on tensors that do not fit there travel to memory and back.
"""

import dataclasses

import numpy as np

from tfedge.device.prediction.work import Work

# In the order of all arrays here. What a rate counts in one millisecond:
RATES = (
    "matrix",  # 1e9 multiply-adds, padded to tiles
    "depthwise",  # 1e6 multiply-adds
    "simple",  # 1e6 additions of elementwise operators
    "curves",  # 1e6 additions' worth of exponentials and the like
    "gates",  # 1e6 additions' worth of logistic functions
    "moved",  # 1e6 values copied, enlarged or searched
    "far",  # 1e6 values that do not fit the chip, between operators that are no convolutions
    "kernels",  # operators that multiply by weights
    "others",  # the other operators
    "weights",  # MB of weights
    "strips",  # MB of activations of convolutions that do not fit the chip
    "start",  # inferences, were they empty
    "rows_in",  # 1e6 pixels of inputs, which are laid out for the engine whatever their channels
    "values_out",  # 1e6 values of outputs
)
_COMPUTE, _MEMORY, _ENDS = slice(0, 9), slice(9, 11), slice(11, 14)
_IN, _OUT, _TILE, _PIXELS = 16, 32, 32, 40.0  # channels of a tile; pixels that filling it takes
_FEW_CHANNELS = 4  # an image's: the window's values are laid out in a row
_ON_CHIP_MB = 8.0
_CURVES = ("SOFTMAX", "LOG_SOFTMAX", "GELU", "EXP", "ELU", "POW", "SIN", "COS")
_GATES = ("LOGISTIC", "TANH")
_MOVING = ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "ARG_MAX", "ARG_MIN", "TOPK_V2")
_IN_PLACE = ("CONCATENATION",)  # its parts are written where they belong
_CLIPPING = ("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1")  # done by what comes before
_CONVOLVING = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "CONV_3D")
_INT8_BYTES, _FLOAT16_BYTES, _STORED_BYTES = 1, 2, 4  # of a value; a float's and a bias' in a file


@dataclasses.dataclass(frozen=True)
class Ends:
    """What goes in and out: rows along the last axis of inputs, values of outputs."""

    rows_in: int
    values_out: int


def amounts(works: tuple[Work, ...], integer: bool) -> np.ndarray:
    """(operators, rates) what each operator asks for; nothing of those that take no time.

    Args:
        works: of `work.of`, of a float32 file or of an int8 one.
        integer: computed on int8; floats are computed on 16 bits.
    """
    found = np.zeros((len(works), len(RATES)))
    for row, work in zip(found, works, strict=True):
        for rate, amount in _amounts(work, _INT8_BYTES if integer else _FLOAT16_BYTES).items():
            row[RATES.index(rate)] = work.turns * amount
    return found


def ends(found: Ends) -> np.ndarray:
    """(rates,) what one inference costs beside its operators."""
    row = np.zeros(len(RATES))
    row[_ENDS] = (1.0, found.rows_in / 1e6, found.values_out / 1e6)
    return row


def parts(times: np.ndarray) -> np.ndarray:
    """(..., rates) each term's part of the milliseconds of one inference; they add up to them.

    Args:
        times: (..., rates) amounts over rates.
    """
    return times * slopes(times)


def slopes(times: np.ndarray) -> np.ndarray:
    """(..., rates) milliseconds of an inference that one more of each of `times` costs."""
    compute = times[..., _COMPUTE].sum(-1, keepdims=True)
    memory = times[..., _MEMORY].sum(-1, keepdims=True)
    whole = np.maximum(np.hypot(compute, memory), 1e-12)
    found = np.ones(times.shape)
    found[..., _COMPUTE], found[..., _MEMORY] = compute / whole, memory / whole
    return found


def _amounts(work: Work, size: int) -> dict[str, float]:
    """By rate; `size` is the bytes of a value."""
    if work.family == "free":
        return {}
    values = (work.input_elements + work.output_elements) / 1e6
    beyond = values * size / (values * size + _ON_CHIP_MB)
    found = {"kernels" if _is_kernel(work) else "others": 1.0}
    if work.kind in _CONVOLVING:
        found["strips"] = values * size * beyond
    elif work.kind not in (*_IN_PLACE, *_CLIPPING):
        found["far"] = values * beyond
    if work.macs and work.family == "depthwise":
        found["depthwise"] = work.macs / 1e6
    elif work.macs:
        found["matrix"] = _padded(work) / 1e9
    if work.macs:
        biases = min(work.weight_bytes, _STORED_BYTES * work.columns)
        stored = _INT8_BYTES if work.integer else _STORED_BYTES
        found["weights"] = (work.weight_bytes - biases) / stored * size / 1e6
    elif work.family == "copy" or work.kind in _MOVING:
        found["moved"] = 0.0 if work.kind in _IN_PLACE else values
    else:
        curves = "gates" if work.kind in _GATES else "curves"
        found[curves if work.kind in (*_CURVES, *_GATES) else "simple"] = work.passes / 1e6
    return found


def _is_kernel(work: Work) -> bool:
    """Multiplying operators, pooling and the few that are neither cost alike to be begun."""
    return bool(work.macs) or work.window > 1 or work.kind in (*_MOVING, "GATHER", "GATHER_ND")


def _padded(work: Work) -> float:
    """Multiply-adds as the engine's tiles make them."""
    channels = max(1.0, work.depth / work.window)
    blocks = min(work.groups, max(1.0, _TILE // channels))  # groups that share a tile
    inputs, outputs = channels * blocks, work.columns / work.groups * blocks
    if inputs <= _FEW_CHANNELS:
        inputs *= work.window
    pixels = work.macs / (work.depth * work.columns)
    filled = _up(inputs, _IN) / inputs * _up(outputs, _OUT) / outputs * blocks
    return work.macs * filled * (1 + _PIXELS / max(pixels, 1.0))


def _up(channels: float, tile: int) -> float:
    return float(np.ceil(channels / tile) * tile)

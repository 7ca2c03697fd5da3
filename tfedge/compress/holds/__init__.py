"""Holds: what a pass promises about a kernel, kept by every later pass and found in the file.

A hold is a projection. `finetune` keeps an unconstrained copy of each held kernel, computes
gradients at the projected one and applies them to the copy (BinaryConnect, Courbariaux et al.
2015, arXiv:1511.00363). At export the same hold reads the deployed integers.

One class = one file here; `known` finds it by its name.
"""

import importlib
import inspect
import pkgutil

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.holds.grid import Grid
from tfedge.compress.holds.hold import Hold
from tfedge.compress.holds.levels import Levels
from tfedge.compress.holds.power_of_two import PowerOfTwo
from tfedge.compress.holds.signs import Signs
from tfedge.compress.holds.zeros import Zeros
from tfedge.compress.keras import tf
from tfedge.compress.layers import kernels

__all__ = [
    "Grid",
    "Hold",
    "Levels",
    "PowerOfTwo",
    "Signs",
    "Zeros",
    "broken",
    "known",
    "on",
    "project",
    "rescaled",
]


def known() -> dict[str, type[Hold]]:
    """Every class of hold there is, by name: what a saved candidate is read with."""
    modules = [
        importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
    ]
    return {
        name: kind
        for module in modules
        for name, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Hold) and kind is not Hold
    }


def on(holds: tuple[Hold, ...], layer: str) -> tuple[Hold, ...]:
    """The holds of one layer, in the order in which they are projected."""
    return tuple(sorted((h for h in holds if h.layer == layer), key=lambda hold: hold.stage))


def project(kernel: np.ndarray, holds: tuple[Hold, ...]) -> np.ndarray:
    """`kernel` projected on all its holds."""
    value = tf.constant(kernel)
    for hold in sorted(holds, key=lambda h: h.stage):
        state = {name: tf.constant(array) for name, array in hold.state().items()}
        value = hold.project(value, state)
    return value.numpy()


def rescaled(
    kernel: kernels.Kernel, holds: tuple[Hold, ...], scales: np.ndarray, top: int
) -> tuple[Hold, ...]:
    """The holds of a kernel once its scales are frozen and its codes are -top..top.

    Raises:
        ValueError: naming a promise that could not be kept then.
    """
    moved = tuple(hold.rescaled(scales, top) for hold in holds)
    grid = Grid(kernel.layer, kernel.layer_class, top.bit_length() + 1, scales)
    value = kernels.deployed(kernel.layer_class, project(kernel.numpy(), (*moved, grid)))
    for hold in moved:
        if not hold.read(value, kernels.deployed_channel_axis(kernel.layer_class))[2]:
            raise ValueError(f"{hold.kind} of {hold.layer}")
    return moved


def broken(model: k.Model, holds: tuple[Hold, ...]) -> tuple[Hold, ...]:
    """The holds that a model's kernels do not keep."""
    found = {kernel.layer: kernel for kernel in kernels.find(model)}
    return tuple(
        hold for hold in holds if hold.layer not in found or not _keeps(found[hold.layer], hold)
    )


def _keeps(kernel: kernels.Kernel, hold: Hold) -> bool:
    values = kernels.deployed(kernel.layer_class, kernel.numpy())
    return hold.read(values, kernels.deployed_channel_axis(kernel.layer_class))[2]

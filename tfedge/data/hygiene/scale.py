"""The scale of inputs: what tells a missing, doubled or mixed-up normalization before training.

Works on numbers alone; whether the scale is the one a model was trained with, `fit` compares.
"""

from collections.abc import Mapping

import numpy as np

from tfedge import errors
from tfedge.data import task
from tfedge.data.examined import Examined
from tfedge.data.finding import Check, Finding
from tfedge.data.scanning import inputs

WIDEST = 64.0  # a scaled image spans 1 or 2, a standardised one about 5, an unscaled one 255
NARROWEST = 1 / 32


def _look(data: Examined) -> Finding:
    return Finding(tuple(_warnings(data.task, data.scans)) if data.scans else ())


def _warnings(made: "task.Task", scans: Mapping[str, inputs.Scan]) -> list[str]:
    """Warnings on the images of a task; inputs of other kinds have no usual scale.

    Warned about: values that reach the model unscaled, or scaled twice; a channel of one value; a
    shape with its channels first.

    Raises:
        BadInput: one split holds images in 0..1, another in 0..255.
    """
    warnings = []
    for name, (shape, _) in next(iter(scans.values())).form.items():
        where = f"task {made.name}, input {name}".removesuffix(", input ")
        if len(shape) != 3:
            continue
        if shape[0] in (1, 3, 4) and min(shape[1:]) >= 8:
            warnings.append(
                f"{where}: examples of {shape} look like images with their channels first; phones"
                " want them last: numpy.transpose(x, (0, 2, 3, 1))"
            )
        elif min(shape[:2]) >= 8 and shape[2] in (1, 3, 4):
            _check_one_scale(made, name, scans)
            warnings += _range_warnings(made, name, scans, where)
            warnings += _channel_warnings(name, scans, where)
    return warnings


def _check_one_scale(made: "task.Task", name: str, scans: Mapping[str, inputs.Scan]) -> None:
    """Fractions in one split and 8-bit values in another come of a division that one missed."""
    tops = {role: scan.ranges[name][1] for role, scan in scans.items()}
    low, high = min(tops, key=lambda role: tops[role]), max(tops, key=lambda role: tops[role])
    floats = np.dtype(next(iter(scans.values())).form[name][1]).kind == "f"
    if floats and 0 < tops[low] <= 1 and tops[high] > 100:
        raise errors.BadInput(
            f"task {made.name}, {low} {name}".rstrip(),
            f"its highest value is {tops[low]:g}, that of {high} {tops[high]:g}",
            "Divide both by 255, or neither.",
        )


def _range_warnings(
    made: "task.Task", name: str, scans: Mapping[str, inputs.Scan], where: str
) -> list[str]:
    low = np.min([scan.channel_ranges[name][0] for scan in scans.values()], axis=0)
    high = np.max([scan.channel_ranges[name][1] for scan in scans.values()], axis=0)
    scaled = np.sort([_scaled(made, low), _scaled(made, high)], axis=0)
    bottom, top = float(scaled[0].min()), float(scaled[1].max())
    shown = f"{where}: the model is given values from {bottom:g} to {top:g}"
    if top - bottom > WIDEST and made.is_scale_given:
        return []
    if top - bottom > WIDEST:
        return [
            f"{shown}; if it does not scale them itself give a normalization, such as"
            " ?scale=1/255&offset=0"
        ]
    if 0 < top - bottom < NARROWEST:
        return [f"{shown}; it looks as if they were scaled twice: store raw ones, or give scale 1"]
    return []


def _scaled(made: "task.Task", values: np.ndarray) -> np.ndarray:
    scale = np.asarray(made.normalization.scale, np.float64)
    return values * scale + np.asarray(made.normalization.offset, np.float64)


def _channel_warnings(name: str, scans: Mapping[str, inputs.Scan], where: str) -> list[str]:
    """A channel of one value in a split; a split of nothing else is refused elsewhere."""
    warnings = []
    for role, scan in scans.items():
        lows, highs = scan.channel_ranges[name]
        flat = np.flatnonzero(lows == highs)
        if len(lows) > 1 and 0 < len(flat):
            channels = ", ".join(str(channel) for channel in flat)
            warnings.append(
                f"{where}: in {role} channel {channels} is {lows[flat[0]]:g} everywhere: it tells"
                " a model nothing"
            )
    return warnings


CHECK = Check(70, _look)

"""Held-out pictures as small PNG data, to be shown inside the report."""

import base64
import io

import numpy as np

from tfedge.data import splits

_SIDE = 96  # pixels at most
_LEAST_SIDE = 4
_CHANNELS = (1, 3, 4)


def data_uris(inputs: splits.Arrays) -> tuple[str, ...]:
    """One data URI an example; empty where the inputs are no pictures.

    Bytes are shown as they are, other numbers from the lowest to the highest of all that are
    shown. Pictures of more than 96 pixels are made smaller; smaller ones keep their pixels.

    Args:
        inputs: raw, (n, height, width) or (n, height, width, 1, 3 or 4 channels).
    """
    if not isinstance(inputs, np.ndarray) or not _are_pictures(inputs):
        return ()
    return tuple(_png(picture) for picture in _as_bytes(inputs))


def _are_pictures(inputs: np.ndarray) -> bool:
    if inputs.dtype.kind not in "uifb" or not len(inputs) or inputs.ndim not in (3, 4):
        return False
    if min(inputs.shape[1:3]) < _LEAST_SIDE:
        return False
    if inputs.ndim == 4:
        return inputs.shape[-1] in _CHANNELS
    return inputs.shape[1] == inputs.shape[2]  # other tables of numbers are signals in time


def _as_bytes(inputs: np.ndarray) -> np.ndarray:
    """(n, height, width[, channels]) of uint8; one channel goes without its axis."""
    if inputs.ndim == 4 and inputs.shape[-1] == 1:
        inputs = inputs[..., 0]
    if inputs.dtype == np.uint8 and inputs.max(initial=0) > 64:
        return inputs
    values = np.nan_to_num(inputs.astype(np.float32))
    low, high = float(values.min()), float(values.max())
    return ((values - low) / ((high - low) or 1.0) * 255).round().astype(np.uint8)


def _png(picture: np.ndarray) -> str:
    from PIL import Image  # 40 ms, which a report without pictures need not spend

    image = Image.fromarray(picture)
    image.thumbnail((_SIDE, _SIDE))
    kept = io.BytesIO()
    image.save(kept, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(kept.getvalue()).decode()}"

"""Class numbers at the pixels of a picture, as small PNG data in the colours of a legend."""

import base64
import io
from collections.abc import Sequence

import numpy as np

_SIDE = 96  # pixels at most
_COLOURS = (
    *("#2b3040", "#e08a00", "#2563c9", "#12a594", "#b0479a", "#d0533f", "#6b8f2a"),
    *("#7c66dc", "#b59a5b", "#5fb3d9", "#c2c7d0"),
)
_NO_NUMBER = "#ff00ff"


def colour(number: int) -> str:
    """Of a class, as CSS has it; they repeat after a while. -1 has one of its own."""
    return _NO_NUMBER if number < 0 else _COLOURS[number % len(_COLOURS)]


def data_uri(classes: np.ndarray) -> str:
    """One mask, (height, width) of class numbers, as a data URI; large ones are thinned."""
    from PIL import Image  # 40 ms, which a report without pictures need not spend

    step = -(-max(classes.shape) // _SIDE)
    thinned = classes[::step, ::step]
    present, codes = np.unique(thinned, return_inverse=True)
    image = Image.fromarray(codes.reshape(thinned.shape).astype(np.uint8), "P")
    image.putpalette(_palette([colour(int(number)) for number in present]))
    kept = io.BytesIO()
    image.save(kept, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(kept.getvalue()).decode()}"


def _palette(colours: Sequence[str]) -> bytes:
    return b"".join(bytes.fromhex(each[1:]) for each in colours)

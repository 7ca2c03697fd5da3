"""Decodes image files that nobody vouches for: only known formats, only sizes the file justifies.

Pillow would start Ghostscript for an EPS file of any name, and unpack a few kilobytes to gigabytes.
"""

import contextlib
import os
import threading
import warnings
from collections.abc import Iterator

import numpy as np
from PIL import Image

from tfedge import errors

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF")
# 192 MB of RGB, decoded once; more than any sensor of 48 million pixels gives.
MOST_PIXELS = 64_000_000
# A white page of 16 million pixels is a PNG of 50 kB. Larger pictures have to have more in them:
# photographs take some 5 pixels a byte, drawings up to 100.
_FREE_PIXELS = 16_000_000
_MOST_PIXELS_A_BYTE = 200
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # refused here, lower
_LARGE = threading.Lock()  # pictures above _FREE_PIXELS are in memory one at a time


def decode(path: str, channels: int) -> np.ndarray:
    """One image file as uint8 of (height, width, channels), its own size, not turned by EXIF.

    Alpha is dropped and palettes are looked up, as tf.image.decode_image does; grey becomes RGB
    and RGB grey by the weights .299, .587, .114.

    Args:
        path: of the file.
        channels: 1 or 3.

    Raises:
        BadInput: it cannot be decoded, is of none of `FORMATS`, is too large to be an honest
            image, or has 16 bits.
    """
    with _opened(path) as image:
        if image.mode.startswith(("I", "F")):
            raise errors.BadInput(
                path, f"8 bits per channel were expected, got mode {image.mode}", "Convert it."
            )
        large = image.width * image.height > _FREE_PIXELS
        with _LARGE if large else contextlib.nullcontext():
            return to_array(image, channels)


def size(path: str) -> tuple[int, int]:
    """(height, width) from the header.

    Raises:
        BadInput: as `decode` does, as far as the header tells.
    """
    with _opened(path) as image:
        return image.height, image.width


def to_array(image: Image.Image, channels: int) -> np.ndarray:
    """A picture as uint8 of (height, width, channels)."""
    mode = "L" if channels == 1 else "RGB"
    pixels = image if image.mode == mode else image.convert(mode)
    return np.asarray(pixels).reshape(image.height, image.width, channels)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[Image.Image]:
    try:
        with Image.open(path, formats=FORMATS) as image:
            _check_size(path, image)
            yield image
    except errors.BadInput:
        raise
    except Exception as error:  # Pillow's plugins raise whatever damage leads them to
        cause = str(error).strip() or type(error).__name__
        raise errors.BadInput(
            path,
            f"the image cannot be decoded ({cause})",
            f"Remove or replace the file; {', '.join(FORMATS)} are read.",
        ) from error


def _check_size(path: str, image: Image.Image) -> None:
    pixels, size = image.width * image.height, os.path.getsize(path)
    most = min(MOST_PIXELS, max(_FREE_PIXELS, _MOST_PIXELS_A_BYTE * size))
    if pixels > most:
        raise errors.BadInput(
            path,
            f"its {size:,} bytes say they are {image.width}x{image.height} pixels; at most"
            f" {most:,} pixels are decoded of such a file",
            "Remove it, or store it smaller.",
        )

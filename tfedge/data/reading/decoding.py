"""Decodes image files that nobody vouches for: only known formats, only sizes the file justifies.

Pillow would start Ghostscript for an EPS file of any name, and unpack a few kilobytes to gigabytes.
"""

import contextlib
import dataclasses
import os
import threading
import warnings
from collections.abc import Iterator

import numpy as np
from PIL import Image, UnidentifiedImageError

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
_DEEP = ("I", "F")  # how modes of more than 8 bits a channel begin


class Unreadable(errors.BadInput):
    """An image file that is not decoded.

    Args:
        path: of the file.
        kind: what is wrong with it, as it is said of several: "empty", "damaged".
        cause: see `BadInput`.
        remedy: see `BadInput`.
    """

    def __init__(self, path: str, kind: str, cause: str, remedy: str):
        self.path, self.kind = path, kind
        super().__init__(path, cause, remedy)


@dataclasses.dataclass(frozen=True)
class Header:
    """What the first bytes of an image file say.

    Attributes:
        size: (height, width).
        mode: Pillow's word for its channels: "RGB", "L", "CMYK".
        is_animated: whether it has several frames, or pages.
    """

    size: tuple[int, int]
    mode: str
    is_animated: bool


def decode(path: str, channels: int) -> np.ndarray:
    """One image file as uint8 of (height, width, channels), its own size, not turned by EXIF.

    Alpha is dropped and palettes are looked up, as tf.image.decode_image does; grey becomes RGB
    and RGB grey by the weights .299, .587, .114. Of several frames the first is taken; other
    colours, such as CMYK, become RGB by plain arithmetic.

    Args:
        path: of the file.
        channels: 1 or 3.

    Raises:
        Unreadable: it cannot be decoded, is of none of `FORMATS`, is too large to be an honest
            image, or has 16 bits.
    """
    with _opened(path) as image:
        large = image.width * image.height > _FREE_PIXELS
        with _LARGE if large else contextlib.nullcontext():
            return to_array(image, channels)


def header(path: str) -> Header:
    """What is known of an image without decoding it.

    Raises:
        Unreadable: as `decode` does, as far as the header tells.
    """
    with _opened(path) as image:
        several = getattr(image, "is_animated", False)
        return Header((image.height, image.width), image.mode, several)


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
            _check_depth(path, image)
            yield image
    except Unreadable:
        raise
    except Exception as error:  # Pillow's plugins raise whatever damage leads them to
        cause = str(error).strip() or type(error).__name__
        raise Unreadable(
            path,
            _kind_of(path, error),
            f"the image cannot be decoded ({cause})",
            f"Remove or replace the file; {', '.join(FORMATS)} are read.",
        ) from error


def _kind_of(path: str, error: Exception) -> str:
    if not os.path.getsize(path):
        return "empty"
    return "of no known format" if isinstance(error, UnidentifiedImageError) else "damaged"


def _check_depth(path: str, image: Image.Image) -> None:
    if image.mode.startswith(_DEEP):
        raise Unreadable(
            path,
            "of more than 8 bits a channel",
            f"8 bits per channel were expected, got mode {image.mode}",
            "Convert it.",
        )


def _check_size(path: str, image: Image.Image) -> None:
    pixels, size = image.width * image.height, os.path.getsize(path)
    most = min(MOST_PIXELS, max(_FREE_PIXELS, _MOST_PIXELS_A_BYTE * size))
    if pixels > most:
        raise Unreadable(
            path,
            "larger than such a file can be",
            f"its {size:,} bytes say they are {image.width}x{image.height} pixels; at most"
            f" {most:,} pixels are decoded of such a file",
            "Remove it, or store it smaller.",
        )

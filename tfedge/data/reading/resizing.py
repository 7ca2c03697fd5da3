"""Brings a picture to a model's size as Keras' image_dataset_from_directory does, in numpy.

By default tf.image.resize's bilinear interpolation: half-pixel centres, no antialiasing, so that
shrinking drops fine patterns or aliases them. A model trained on such pictures needs them so.
"""

import numpy as np

INTERPOLATIONS = ("bilinear", "nearest", "antialias")
FITS = ("stretch", "crop", "pad")
_WORDS = {
    "bilinear": "bilinear interpolation between half-pixel centres without antialiasing"
    " (tf.image.resize)",
    "nearest": "the nearest pixel (tf.image.resize, nearest)",
    "antialias": "Pillow's bilinear filter with antialiasing",
}
_FIT_WORDS = {
    "stretch": "stretched to {}",
    "crop": "cropped about the middle to the shape of {}, then resized",
    "pad": "padded with black on both sides to the shape of {}, then resized",
}


def resize(
    pixels: np.ndarray,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    fit: str = "stretch",
) -> np.ndarray:
    """A picture of another size.

    Values are within half a level of the float ones that Keras' loader gives: rounded, not cut.

    Args:
        pixels: (height, width, channels) uint8.
        size: (height, width) of the result.
        interpolation: one of `INTERPOLATIONS`.
        fit: what becomes of another aspect ratio: "stretch", "crop" (Keras'
            crop_to_aspect_ratio), or "pad" (its pad_to_aspect_ratio, with zeros).

    Returns:
        (*size, channels) uint8.
    """
    if pixels.shape[:2] == size:
        return pixels
    if fit != "stretch":
        pixels = _crop(pixels, size) if fit == "crop" else _pad(pixels, size)
    if interpolation == "antialias":
        return _antialiased(pixels, size)
    if interpolation == "nearest":
        rows, columns = (_nearest(*each) for each in zip(pixels.shape, size, strict=False))
        return pixels[rows][:, columns]
    return np.rint(bilinear(pixels, size)).astype(np.uint8)


def bilinear(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """`tf.image.resize(pixels, size)`, float32: along a row first, then between two rows."""
    (top, bottom, down), (left, right, along) = (
        _neighbours(*each) for each in zip(pixels.shape, size, strict=False)
    )
    along, down = along[np.newaxis, :, np.newaxis], down[:, np.newaxis, np.newaxis]

    def row(chosen: np.ndarray) -> np.ndarray:
        wide = pixels[chosen]
        here, there = (wide[:, columns].astype(np.float32) for columns in (left, right))
        return here + (there - here) * along

    above = row(top)
    return above + (row(bottom) - above) * down


def words(size: tuple[int, int], channels: int, interpolation: str, fit: str) -> str:
    """What an app has to do with a picture before the model sees it."""
    colours = "grey" if channels == 1 else "RGB"
    shape = f"{size[0]}x{size[1]} (height x width)"
    return (
        f"decoded to {colours} of 8 bits, not turned by EXIF, without alpha;"
        f" {_FIT_WORDS[fit].format(shape)} by {_WORDS[interpolation]}"
    )


def _neighbours(before: int, after: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each new pixel the old ones around it, and how far it is from the first; float32."""
    scale = np.float32(before) / np.float32(after)
    place = (np.arange(after, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(0.5)
    low = np.floor(place)
    first = np.maximum(low, 0).astype(np.int64)
    second = np.minimum(np.ceil(place), before - 1).astype(np.int64)
    return first, second, place - low


def _nearest(before: int, after: int) -> np.ndarray:
    scale = np.float32(before) / np.float32(after)
    place = (np.arange(after, dtype=np.float32) + np.float32(0.5)) * scale
    return np.minimum(np.floor(place), before - 1).astype(np.int64)


def _crop(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    height, width = pixels.shape[:2]
    tall = max(min(height, int(width * size[0] / size[1])), 1)
    wide = max(min(width, int(height * size[1] / size[0])), 1)
    top, left = (height - tall) // 2, (width - wide) // 2
    return pixels[top : top + tall, left : left + wide]


def _pad(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    height, width = pixels.shape[:2]
    above = (max(height, int(width * size[0] / size[1])) - height) // 2
    beside = (max(width, int(height * size[1] / size[0])) - width) // 2
    return np.pad(pixels, ((above, above), (beside, beside), (0, 0)))  # as Keras, even where odd


def _antialiased(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    from PIL import Image  # which sources without pictures need not load

    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    small = picture.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(small).reshape(*size, pixels.shape[2])

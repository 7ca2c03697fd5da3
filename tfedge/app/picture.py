"""Pictures as a classifier of images was trained on them, for code that makes them."""

import dataclasses

from tfedge.app.port import Port
from tfedge.data import kinds
from tfedge.data.answers import Answers
from tfedge.data.reading import resizing
from tfedge.release.app_facts import AppFacts

_CHANNELS = (1, 3)
_IN_APPS = ("bilinear", "nearest")
BYTE = 255
_MOST_OF_BYTES = 128  # raw values above that are bytes, and not some smaller range


@dataclasses.dataclass(frozen=True)
class Picture:
    """How a picture becomes the input.

    Attributes:
        height, width, channels: of the input; 1 channel is grey, 3 are red, green and blue.
        interpolation, fit: see `resizing.resize`.
        most: what white is in the raw data.
        is_told: whether the data said how pictures were made; else they are stretched.
    """

    height: int
    width: int
    channels: int
    interpolation: str
    fit: str
    most: float
    is_told: bool

    @property
    def words(self) -> str:
        """What the code does."""
        size = (self.height, self.width)
        said = resizing.words(size, self.channels, self.interpolation, self.fit)
        return said if self.most == BYTE else f"{said}; 0..255 brought to 0..{self.most:g}"


def of(
    told: AppFacts,
    inputs: tuple[Port, ...],
    outputs: tuple[Port, ...],
    interpolations: tuple[str, ...] = _IN_APPS,
) -> Picture | None:
    """None where the model does not tell classes of pictures, or they cannot be made the same.

    Args:
        told: of the data.
        inputs: of the model.
        outputs: of the model.
        interpolations: that can be had; an app has no filter of Pillow's.
    """
    if kinds.named(told.kind).answers is not Answers.ONE_OF_MANY or len(outputs) != 1:
        return None
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].shape[3] not in _CHANNELS:
        return None
    if len(outputs[0].shape) != 2 or len(told.inputs) != 1:
        return None
    (values,) = told.inputs.values()
    if values.least < 0 or not 0 < values.most <= BYTE:
        return None
    _, height, width, channels = inputs[0].shape
    chosen = _chosen(told.preprocessing, (height, width), channels, interpolations)
    if chosen is None:
        return None
    most = BYTE if values.most > _MOST_OF_BYTES else values.most
    return Picture(height, width, channels, *chosen, most, bool(told.preprocessing))


def _chosen(
    said: str, size: tuple[int, int], channels: int, interpolations: tuple[str, ...]
) -> tuple[str, str] | None:
    """Interpolation and fit that have these words."""
    if not said:
        return "bilinear", "stretch"
    for interpolation in interpolations:
        for fit in resizing.FITS:
            if said == resizing.words(size, channels, interpolation, fit):
                return interpolation, fit
    return None

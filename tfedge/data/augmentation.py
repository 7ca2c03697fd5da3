"""The text of `--augment`: how training examples are varied, and whether a task allows it.

    flip, crop(padding=2), mixup(alpha=0.2), cutout(size=8)

`compress.training.augment` does what it says, in that order.
"""

import dataclasses
from typing import ClassVar

import numpy as np

from tfedge import errors, grammar, settings
from tfedge.data import splits
from tfedge.data.kind import Kind

LANGUAGE = grammar.Language("--augment", "variation", "flip, crop(padding=2)")


class Variation(settings.Settings):
    """One way to vary examples; its name is the class's, in small letters."""

    flag: ClassVar[str] = "--augment="
    moves: ClassVar[bool] = False  # pixels to other places: only where a target has no places
    mixes: ClassVar[bool] = False  # two examples and their targets
    needs_images: ClassVar[bool] = True


@settings.declared
class Flip(Variation):
    """Half of the images mirrored; each axis for itself."""

    moves: ClassVar[bool] = True
    horizontal: bool = settings.setting(True, settings.Flag(), "Left and right.")
    vertical: bool = settings.setting(False, settings.Flag(), "Up and down.")


@settings.declared
class Crop(Variation):
    """Images shifted."""

    moves: ClassVar[bool] = True
    padding: int = settings.setting(
        2, settings.Whole(1, 512), "The farthest that an image is shifted.", unit="pixels"
    )
    reflect: bool = settings.setting(
        False, settings.Flag(), "A mirror at the rim, which is black without."
    )


@settings.declared
class Rotation(Variation):
    """Images turned."""

    moves: ClassVar[bool] = True
    degrees: float = settings.setting(
        10.0, settings.Real(at_least=0, at_most=180), "The farthest, either way.", unit="degrees"
    )


@settings.declared
class Zoom(Variation):
    """Images scaled about their middle."""

    moves: ClassVar[bool] = True
    factor: float = settings.setting(
        0.1, settings.Real(at_least=0, at_most=0.9), "By 1 - factor to 1 + factor."
    )


@settings.declared
class Brightness(Variation):
    """Images brighter or darker as a whole."""

    factor: float = settings.setting(
        0.1,
        settings.Real(at_least=0, at_most=1),
        "The largest share of the batch's range of values that is added or taken off.",
    )


@settings.declared
class Contrast(Variation):
    """An image's distance from its mean multiplied."""

    factor: float = settings.setting(
        0.1, settings.Real(at_least=0, at_most=1), "By 1 - factor to 1 + factor."
    )


@settings.declared
class Cutout(Variation):
    """A square replaced by the batch's mean (arXiv:1708.04552)."""

    moves: ClassVar[bool] = True
    size: int = settings.setting(8, settings.Whole(1, 512), "Of the square.", unit="pixels")


@settings.declared
class Mixup(Variation):
    """Two examples and their targets in random shares (arXiv:1710.09412)."""

    mixes: ClassVar[bool] = True
    needs_images: ClassVar[bool] = False
    alpha: float = settings.setting(
        0.2, settings.Real(at_least=0.01, at_most=100), "Shares are drawn from Beta(alpha, alpha)."
    )


@settings.declared
class Cutmix(Variation):
    """A box of another image, of a random share (arXiv:1905.04899)."""

    mixes: ClassVar[bool] = True
    alpha: float = settings.setting(
        1.0, settings.Real(at_least=0.01, at_most=100), "Shares are drawn from Beta(alpha, alpha)."
    )


KINDS: dict[str, type[Variation]] = {
    kind.__name__.lower(): kind
    for kind in (Flip, Crop, Rotation, Zoom, Brightness, Contrast, Cutout, Mixup, Cutmix)
}


def parse(text: str) -> tuple[Variation, ...]:
    """Read the text of `--augment`; "" varies nothing.

    Raises:
        BadInput: not this grammar, an unknown name, with the nearest one there is, or a bad value.
    """
    return tuple(settings.make(KINDS, call, LANGUAGE) for call in grammar.read(text, LANGUAGE))


@dataclasses.dataclass(frozen=True)
class Examples:
    """What varying them depends on.

    Attributes:
        kind: of their task.
        x: one input as the task holds it, with a batch axis of 1; None when there is none.
        are_values: whether inputs are floats once they are normalised, not ids or counts.
        one_output: whether targets are those of a single output.
        own_loss: whether the task has a loss of its own.
    """

    kind: Kind
    x: splits.Arrays | None
    are_values: bool
    one_output: bool
    own_loss: bool


def check(text: str, examples: Examples) -> None:
    """Refuse what an augmentation cannot do to these examples.

    Raises:
        BadInput: with the reason.
    """
    for each in parse(text):
        reason = _obstacle(each, examples)
        if reason:
            raise errors.BadInput(f"--augment={each.name}", reason, f"Leave {each.name} out.")


def _obstacle(each: Variation, examples: Examples) -> str:
    """Why this variation cannot be, or ""."""
    kind, x = examples.kind, examples.x
    reason = ""
    if each.moves and kind.has_places:
        reason = f"it moves pixels, and a {kind.name}'s targets would stay where they are"
    elif each.mixes and not kind.mixes:
        reason = f"it mixes the targets of a classification, this is a {kind.name} task"
    elif each.mixes and not examples.one_output:
        reason = "it mixes the targets of one output, this task names its outputs"
    elif each.mixes and examples.own_loss:
        reason = "it mixes targets, which the task's own loss may not take"
    elif isinstance(x, dict):
        reason = f"the model takes several inputs: {', '.join(sorted(x))}"
    elif x is not None:
        reason = _misfit(each, x, examples.are_values)
    return reason


def _misfit(each: Variation, x: np.ndarray, are_values: bool) -> str:
    """Why inputs like this one cannot be varied so, or ""."""
    if each.needs_images and x.ndim != 4:
        return f"it needs images (height, width, channels), an input has the shape {x.shape[1:]}"
    if not are_values:
        return f"it needs values, the inputs are {x.dtype} numbers (ids or counts)"
    pixels = max(getattr(each, "padding", 0), getattr(each, "size", 0))
    if pixels and pixels >= min(x.shape[1:3]):
        return f"{pixels} pixels are too many for images of {x.shape[1]} x {x.shape[2]}"
    return ""

"""The text of `--augment`: how training examples are varied, and whether a task allows it.

    flip, crop(padding=2), mixup(alpha=0.2), cutout(size=8)

Read with `ast`, never evaluated; `compress.training.augment` does what it says, in that order.
"""

import ast
import dataclasses
import difflib
from typing import ClassVar

import numpy as np

from tfedge import errors
from tfedge.data import splits
from tfedge.data.kind import Kind


@dataclasses.dataclass(frozen=True)
class Variation:
    """One way to vary examples; its name is the class's, in small letters.

    Raises:
        BadInput: a value of the wrong type or out of range.
    """

    moves: ClassVar[bool] = False  # pixels to other places: only where a target has no places
    mixes: ClassVar[bool] = False  # two examples and their targets
    needs_images: ClassVar[bool] = True
    limits: ClassVar[dict[str, tuple[float, float]]] = {}  # lowest and highest value of a setting

    def __post_init__(self) -> None:
        """Refuse what is no value of a setting."""
        for field in dataclasses.fields(self):
            value, kind = getattr(self, field.name), type(field.default)
            given = (int, float) if kind is float else kind
            low, high = self.limits.get(field.name, (0, 1))
            fine = isinstance(value, given) and isinstance(value, bool) == (kind is bool)
            if not fine or not low <= value <= high:
                expected = "True or False" if kind is bool else f"{kind.__name__} {low}..{high}"
                raise errors.BadInput(
                    f"--augment={self.name}({field.name}={value!r})",
                    f"{field.name} takes {expected}",
                    "Correct its value.",
                )

    @property
    def name(self) -> str:
        """As it is written."""
        return type(self).__name__.lower()


@dataclasses.dataclass(frozen=True)
class Flip(Variation):
    """Half of the images mirrored; each axis for itself."""

    moves: ClassVar[bool] = True
    horizontal: bool = True
    vertical: bool = False


@dataclasses.dataclass(frozen=True)
class Crop(Variation):
    """Images shifted by up to `padding` pixels; the rim is black or, with reflect, a mirror."""

    moves: ClassVar[bool] = True
    limits: ClassVar = {"padding": (1, 512)}
    padding: int = 2
    reflect: bool = False


@dataclasses.dataclass(frozen=True)
class Rotation(Variation):
    """Images turned by up to `degrees` either way."""

    moves: ClassVar[bool] = True
    limits: ClassVar = {"degrees": (0, 180)}
    degrees: float = 10.0


@dataclasses.dataclass(frozen=True)
class Zoom(Variation):
    """Images scaled by 1 - factor .. 1 + factor about their middle."""

    moves: ClassVar[bool] = True
    limits: ClassVar = {"factor": (0, 0.9)}
    factor: float = 0.1


@dataclasses.dataclass(frozen=True)
class Brightness(Variation):
    """Up to `factor` of the batch's range of values added or taken off, an image as a whole."""

    factor: float = 0.1


@dataclasses.dataclass(frozen=True)
class Contrast(Variation):
    """An image's distance from its mean multiplied by 1 - factor .. 1 + factor."""

    factor: float = 0.1


@dataclasses.dataclass(frozen=True)
class Cutout(Variation):
    """A square of `size` pixels replaced by the batch's mean (arXiv:1708.04552)."""

    moves: ClassVar[bool] = True
    limits: ClassVar = {"size": (1, 512)}
    size: int = 8


@dataclasses.dataclass(frozen=True)
class Mixup(Variation):
    """Two examples and their targets in shares of Beta(alpha, alpha) (arXiv:1710.09412)."""

    mixes: ClassVar[bool] = True
    needs_images: ClassVar[bool] = False
    limits: ClassVar = {"alpha": (0.01, 100)}
    alpha: float = 0.2


@dataclasses.dataclass(frozen=True)
class Cutmix(Variation):
    """A box of another image, of a share of Beta(alpha, alpha) (arXiv:1905.04899)."""

    mixes: ClassVar[bool] = True
    limits: ClassVar = {"alpha": (0.01, 100)}
    alpha: float = 1.0


KINDS: dict[str, type[Variation]] = {
    kind.__name__.lower(): kind
    for kind in (Flip, Crop, Rotation, Zoom, Brightness, Contrast, Cutout, Mixup, Cutmix)
}


def parse(text: str) -> tuple[Variation, ...]:
    """Read the text of `--augment`; "" varies nothing.

    Raises:
        BadInput: not this grammar, an unknown name, with the nearest one there is, or a bad value.
    """
    if not text.strip():
        return ()
    try:
        nodes = ast.parse(f"({text},)", mode="eval").body.elts  # type: ignore[attr-defined]
    except (SyntaxError, ValueError, MemoryError, RecursionError, AttributeError) as error:
        raise _unreadable(text) from error
    return tuple(_variation(text, node) for node in nodes)


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


def _variation(text: str, node: ast.expr) -> Variation:
    call = node if isinstance(node, ast.Call) else ast.Call(node, [], [])
    if not isinstance(call.func, ast.Name) or call.args:
        raise _unreadable(text)
    name = call.func.id
    _known(text, name, list(KINDS))
    names = [field.name for field in dataclasses.fields(KINDS[name])]
    settings = {}
    for word in call.keywords:
        _known(text, word.arg or "", names)
        try:
            settings[str(word.arg)] = ast.literal_eval(word.value)
        except (ValueError, TypeError, MemoryError, RecursionError) as error:
            raise _unreadable(text) from error
    return KINDS[name](**settings)


def _known(text: str, name: str, names: list[str]) -> None:
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise errors.BadInput(
            f"--augment={text}", f"there is no {name!r}{hint}", f"There are: {', '.join(names)}."
        )


def _unreadable(text: str) -> errors.BadInput:
    return errors.BadInput(
        f"--augment={text[:80]}",
        "expected names with settings, as in flip, crop(padding=2)",
        f"The names are {', '.join(KINDS)}.",
    )

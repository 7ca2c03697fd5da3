"""Metrics of boxes: `box_iou` and `mean_average_precision`.

Outputs and targets are alike: (n, boxes, 4 + classes), four numbers of a box and a score for each
class, or two outputs, boxes and scores. A target whose four numbers are 0, or none of whose
scores is above 0, is no box. Of two outputs the targets may be class numbers, (n, boxes).

`box_iou` is the mean, over all true boxes, of the intersection over union with the predicted box
that is given to it: one each, those that overlap most first, whatever their score and class.
`mean_average_precision` counts each predicted box once, for its highest class; `iou` asks for one
overlap instead of the mean of .5, .55, ..., .95.
"""

import abc
import dataclasses
import re
from typing import ClassVar

import numpy as np

from tfedge import errors, grammar, settings
from tfedge.data import metric_text, splits
from tfedge.data.scoring import average_precision, draws
from tfedge.data.scoring import boxes as lib

Sides = tuple[np.ndarray, np.ndarray]  # (n, boxes, 4) corners, (n, boxes, classes) or class numbers


@settings.declared
class Boxes(settings.Settings, abc.ABC):
    """A metric of boxes and its options.

    `outputs` is how many of several it looks at where none is named, `columns` the fewest that a
    single output has.
    """

    flag: ClassVar[str] = "metric "
    outputs: ClassVar[int]
    columns: ClassVar[int]
    boxes: str = settings.setting(
        lib.FORMATS[0], settings.Choice(lib.FORMATS), "What the four numbers of a box are."
    )

    @property
    def name(self) -> str:
        """The class's name as it is written: box_iou is BoxIou."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()

    @abc.abstractmethod
    def match(self, found: Sides, true: Sides) -> draws.Prepared:
        """The boxes of each image, matched with its true ones."""


@settings.declared
class BoxIou(Boxes):
    """The mean overlap of true boxes with the predicted ones given to them. Higher is better."""

    outputs: ClassVar[int] = 1
    columns: ClassVar[int] = 4

    def match(self, found: Sides, true: Sides) -> draws.Prepared:
        """See `Boxes.match`."""
        return _overlaps(found[0], true[0], _present(*true))


@settings.declared
class MeanAveragePrecision(Boxes):
    """COCO's mean average precision, over overlaps of .5 to .95 or at one. Higher is better."""

    outputs: ClassVar[int] = 2
    columns: ClassVar[int] = 5
    iou: float | None = settings.setting(
        None,
        settings.optional(settings.Real(above=0, below=1)),
        "The overlap that counts as found; None is the mean over .5, .55, ..., .95.",
    )

    @property
    def form(self) -> str:
        """See `Boxes.form`."""
        return self.boxes

    def match(self, found: Sides, true: Sides) -> draws.Prepared:
        """See `Boxes.match`."""
        levels = average_precision.LEVELS if self.iou is None else np.array([self.iou])
        images = [_image(*each) for each in zip(*found, *true, strict=True)]
        return average_precision.Matched.of(images, levels)


KINDS: dict[str, type[Boxes]] = {
    "box_iou": BoxIou,
    "mean_average_precision": MeanAveragePrecision,
}


@dataclasses.dataclass(frozen=True)
class Detection:
    """One metric of boxes over outputs and targets.

    Args:
        chosen: the metric.
        where: the outputs of boxes and of scores, of several; "" is the only one.
    """

    chosen: Boxes
    where: tuple[str, ...]

    def value(self, outputs: splits.Arrays, y: splits.Arrays) -> float:
        """The metric over all examples."""
        return self.prepare(outputs, y).value()

    def prepare(self, outputs: splits.Arrays, y: splits.Arrays) -> draws.Prepared:
        """The boxes of each image, matched with its true ones."""
        return self.chosen.match(self._sides(outputs), self._sides(y))

    def check(self, y: splits.Arrays) -> None:
        """Raises BadInput for targets that are no boxes."""
        shapes = [splits.named(y)[name].shape[1:] for name in self.where]
        least = 4 if len(shapes) > 1 else self.chosen.columns
        width = shapes[0][-1] if shapes[0] else 0
        if width < least or (len(shapes) > 1 and width != 4) or len(shapes[0]) > 2:
            raise errors.BadInput(
                f"metric {self.chosen.name}",
                f"targets of shape {', '.join(map(str, shapes))} for each example are no boxes",
                "Give (boxes, 4 + classes), or name two outputs, as in NAME:BOXES+SCORES.",
            )

    def _sides(self, arrays: splits.Arrays) -> Sides:
        first, *rest = (splits.named(arrays)[name] for name in self.where)
        rows = first if first.ndim > 2 else first[:, np.newaxis]
        corners = lib.corners(rows[..., :4], self.chosen.boxes)
        return corners, rest[0] if rest else rows[..., 4:]


def of(asked: metric_text.Named, y: splits.Arrays) -> Detection:
    """The metric that looks at these targets.

    Of several outputs, "BOXES+SCORES" names two and a single name one that joins both; without a
    name there are two, and the boxes are the first whose last axis has 4.

    Raises:
        BadInput: an option that there is not, an output that there is not, targets that are no
            boxes.
    """
    call = grammar.Call(asked.name, asked.options)
    chosen = settings.make(KINDS, call, metric_text.LANGUAGE)
    found = Detection(chosen, _outputs(chosen, asked.output, y))
    found.check(y)
    return found


def _outputs(chosen: Boxes, named: str, y: splits.Arrays) -> tuple[str, ...]:
    if not isinstance(y, dict):
        return ("",)
    where = tuple(named.split("+"))
    if not named:
        where = tuple(sorted(y, key=lambda name: y[name].ndim < 2 or y[name].shape[-1] != 4))
        where = where[:1] if chosen.outputs == 1 else where
    if not set(where) <= set(y) or len(where) > 2:
        raise errors.BadInput(
            f"metric {chosen.name}",
            f"expected an output or two, got {', '.join(where)}",
            f"Write NAME:BOXES+SCORES. Outputs: {', '.join(y)}.",
        )
    return where


def _present(corners: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(n, boxes) which rows of targets are boxes."""
    is_box = (corners != 0).any(axis=-1)
    has_scores = labels.ndim > 2 and labels.shape[-1]
    return np.logical_and(is_box, (labels > 0).any(axis=-1)) if has_scores else is_box


def _overlaps(found: np.ndarray, true: np.ndarray, present: np.ndarray) -> draws.Mean:
    """Each image's mean overlap, and as its weight how many true boxes it has."""
    best = [
        lib.best_overlaps(lib.overlaps(ours, theirs[there]))
        for ours, theirs, there in zip(found, true, present, strict=True)
    ]
    counts = np.array([len(each) for each in best])
    return draws.Mean(np.array([each.mean() if len(each) else 0.0 for each in best]), counts)


def _image(
    found: np.ndarray, scores: np.ndarray, true: np.ndarray, labels: np.ndarray
) -> average_precision.Image:
    there = _present(true[np.newaxis], labels[np.newaxis])[0]
    return average_precision.Image(
        corners=found,
        scores=scores.max(axis=-1),
        classes=scores.argmax(axis=-1),
        true_corners=true[there],
        true_classes=(labels.argmax(axis=-1) if labels.ndim > 1 else labels.astype(int))[there],
    )

"""Metrics of boxes: `box_iou` and `mean_average_precision`.

Outputs and targets are alike: (n, boxes, 4 + classes), four numbers of a box and a score for each
class, or two outputs, boxes and scores. A target whose four numbers are 0, or none of whose
scores is above 0, is no box. Of two outputs the targets may be class numbers, (n, boxes).

`box_iou` is the mean, over all true boxes, of the intersection over union with the predicted box
that is given to it: one each, those that overlap most first, whatever their score and class.
`mean_average_precision` counts each predicted box once, for its highest class; `iou` asks for one
overlap instead of the mean of .5, .55, ..., .95.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from tfedge import errors
from tfedge.data import average_precision, boxes, draws, metric_text, splits

NAMES = ("box_iou", "mean_average_precision")
_OPTIONS = {"box_iou": ("boxes",), "mean_average_precision": ("boxes", "iou")}


@dataclasses.dataclass(frozen=True)
class Detection:
    """One metric of boxes.

    Args:
        asked: name, options and outputs.
        where: the outputs of boxes and of scores, of several; "" is the only one.
    """

    asked: metric_text.Named
    where: tuple[str, ...]

    def value(self, outputs: splits.Arrays, y: splits.Arrays) -> float:
        """The metric over all examples."""
        return self.prepare(outputs, y).value()

    def prepare(self, outputs: splits.Arrays, y: splits.Arrays) -> draws.Prepared:
        """The boxes of each image, matched with its true ones."""
        found, scores = self._parts(outputs)
        true, labels = self._parts(y)
        if self.asked.name == "box_iou":
            return _overlaps(found, true, _present(true, labels))
        images = [_image(*each) for each in zip(found, scores, true, labels, strict=True)]
        return average_precision.Matched.of(images, self._levels())

    def check(self, y: splits.Arrays) -> None:
        """Raises BadInput for targets that are no boxes."""
        shapes = [splits.named(y)[name].shape[1:] for name in self.where]
        least = 4 if self.asked.name == "box_iou" or len(shapes) > 1 else 5
        width = shapes[0][-1] if shapes[0] else 0
        if width < least or (len(shapes) > 1 and width != 4) or len(shapes[0]) > 2:
            raise errors.BadInput(
                f"metric {self.asked.name}",
                f"targets of shape {', '.join(map(str, shapes))} for each example are no boxes",
                "Give (boxes, 4 + classes), or name two outputs, as in NAME:BOXES+SCORES.",
            )

    def _parts(self, arrays: splits.Arrays) -> tuple[np.ndarray, np.ndarray]:
        """(n, boxes, 4) corners, and (n, boxes, classes) scores or class numbers (n, boxes)."""
        first, *rest = (splits.named(arrays)[name] for name in self.where)
        rows = first if first.ndim > 2 else first[:, np.newaxis]
        form = self.asked.options.get("boxes", boxes.FORMATS[0])
        return boxes.corners(rows[..., :4], form), rest[0] if rest else rows[..., 4:]

    def _levels(self) -> np.ndarray:
        asked = self.asked.options.get("iou")
        return average_precision.LEVELS if asked is None else np.array([float(asked)])


def of(asked: metric_text.Named, y: splits.Arrays) -> Detection:
    """The metric that looks at these targets.

    Of several outputs, "BOXES+SCORES" names two and a single name one that joins both; without a
    name there are two, and the boxes are the first whose last axis has 4.

    Raises:
        BadInput: an option that there is not, an output that there is not, targets that are no
            boxes.
    """
    _check_options(asked.name, asked.options)
    found = Detection(asked, _outputs(asked, y))
    found.check(y)
    return found


def _outputs(asked: metric_text.Named, y: splits.Arrays) -> tuple[str, ...]:
    if not isinstance(y, dict):
        return ("",)
    chosen = tuple(asked.output.split("+")) if asked.output else tuple(y)
    if not asked.output:
        chosen = tuple(sorted(y, key=lambda name: y[name].ndim < 2 or y[name].shape[-1] != 4))
        chosen = chosen[:1] if asked.name == "box_iou" else chosen
    if not set(chosen) <= set(y) or len(chosen) > 2:
        raise errors.BadInput(
            f"metric {asked.name}",
            f"expected an output or two, got {', '.join(chosen)}",
            f"Write NAME:BOXES+SCORES. Outputs: {', '.join(y)}.",
        )
    return chosen


def _check_options(name: str, options: Mapping[str, str]) -> None:
    for key, value in options.items():
        remedy = f"Options: boxes={', '.join(boxes.FORMATS)}; iou=0.5 (of mean_average_precision)."
        if key not in _OPTIONS[name]:
            raise errors.BadInput(f"metric {name}", f"no option {key!r}", remedy)
        if not (value in boxes.FORMATS if key == "boxes" else _is_share(value)):
            raise errors.BadInput(f"metric {name}", f"{key} is {value}", remedy)


def _is_share(text: str) -> bool:
    try:
        return 0 < float(text) < 1
    except ValueError:
        return False


def _present(corners: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(n, boxes) which rows of targets are boxes."""
    is_box = (corners != 0).any(axis=-1)
    has_scores = labels.ndim > 2 and labels.shape[-1]
    return np.logical_and(is_box, (labels > 0).any(axis=-1)) if has_scores else is_box


def _overlaps(found: np.ndarray, true: np.ndarray, present: np.ndarray) -> draws.Mean:
    """Each image's mean overlap, and as its weight how many true boxes it has."""
    best = [
        boxes.best_overlaps(boxes.overlaps(ours, theirs[there]))
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

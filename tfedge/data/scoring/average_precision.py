"""Mean average precision of boxes, matched once and added up again for every draw of images.

The definition is COCO's (Lin et al. 2014, arXiv:1405.0312): boxes in order of their score, the
largest precision at or beyond each of 101 recalls, the mean over overlaps and over the classes
that have a true box. Non-maximum suppression is the model's, or there is none.
"""

import dataclasses
import functools
from collections.abc import Iterable

import numpy as np

from tfedge.data.scoring import boxes

LEVELS = np.arange(50, 100, 5) / 100  # overlaps that count as found
_MOST = 100  # boxes of one image, the surest
_RECALLS = np.linspace(0, 1, 101)
_APART = 2  # keeps the classes of one flat array from mixing: precision and recall are at most 1


@dataclasses.dataclass(frozen=True)
class Image:
    """One image's boxes, and the true ones.

    Args:
        corners: (f, 4) see `boxes.corners`.
        scores: (f,) how sure each is.
        classes: (f,) integers.
        true_corners: (t, 4).
        true_classes: (t,) integers.
    """

    corners: np.ndarray
    scores: np.ndarray
    classes: np.ndarray
    true_corners: np.ndarray
    true_classes: np.ndarray

    def surest(self) -> "Image":
        """The same with the surest first, and no more than count; a NaN is the least sure."""
        order = np.argsort(-self.scores, kind="stable")[:_MOST]
        return dataclasses.replace(
            self,
            corners=self.corners[order],
            scores=np.nan_to_num(self.scores[order], nan=-np.inf),
            classes=self.classes[order],
        )

    def hits(self, levels: np.ndarray) -> np.ndarray:
        """(f, levels) which boxes find a true one of their class."""
        same = self.classes[:, np.newaxis] == self.true_classes
        return boxes.hits(boxes.overlaps(self.corners, self.true_corners) * same, levels)


@dataclasses.dataclass(frozen=True, eq=False)
class Matched:
    """The boxes of all images, the surest of each class first, and how often each image counts.

    Attributes:
        classes: (m,) ascending; within one the scores descend.
        images: (m,) which image each box is of.
        hits: for each overlap the boxes that found a true one, as indices.
        true_classes, true_images: (t,) of the true boxes.
        counts: (n,) how often each image counts.
    """

    classes: np.ndarray
    images: np.ndarray
    hits: tuple[np.ndarray, ...]
    true_classes: np.ndarray
    true_images: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, images: Iterable[Image], levels: np.ndarray = LEVELS) -> "Matched":
        """Matches the boxes of each image with its true ones.

        Args:
            images: all of a split.
            levels: the overlaps over which the mean is taken.
        """
        ready = [each.surest() for each in images]
        classes, true_classes, scores = (
            np.concatenate([getattr(each, name) for each in ready])
            for name in ("classes", "true_classes", "scores")
        )
        found = np.concatenate([each.hits(levels) for each in ready])
        of_image = np.repeat(np.arange(len(ready)), [len(each.scores) for each in ready])
        order = np.lexsort((-scores, classes))
        return cls(
            classes=classes[order],
            images=of_image[order],
            hits=tuple(np.flatnonzero(level) for level in found[order].T),
            true_classes=true_classes,
            true_images=np.repeat(
                np.arange(len(ready)), [len(each.true_classes) for each in ready]
            ),
            counts=np.ones(len(ready)),
        )

    def __len__(self) -> int:
        return len(self.counts)

    def __getitem__(self, rows: np.ndarray) -> "Matched":
        """The same matches with each image as often as `rows` names it."""
        return dataclasses.replace(self, counts=np.bincount(rows, minlength=len(self)))

    def value(self) -> float:
        """The mean average precision; NaN where there is no true box."""
        size = 1 + int(max(self.classes.max(initial=0), self.true_classes.max(initial=0)))
        true = np.bincount(self.true_classes, self.counts[self.true_images], size)
        if not true.any():
            return float("nan")
        seen = np.cumsum(self.counts[self.images])
        before = np.append(0, seen)[np.searchsorted(self.classes, np.arange(size))]
        at = functools.partial(self._at, true=true, seen=seen, before=before)
        return float(np.mean([at(found) for found in self.hits]))

    def _at(
        self, found: np.ndarray, true: np.ndarray, seen: np.ndarray, before: np.ndarray
    ) -> float:
        """The mean over the classes at one overlap; only boxes that find one raise the recall."""
        own, classes = self.classes[found], np.arange(len(true))
        right = np.cumsum(self.counts[self.images[found]])
        starts = np.searchsorted(own, np.append(classes, len(true)))
        right = right - np.append(0, right)[starts][own]
        precision = right / np.maximum(seen[found] - before[own], 1)
        shift = _APART * (len(true) - own)
        best = np.maximum.accumulate((precision + shift)[::-1])[::-1] - shift
        recall = right / np.maximum(true, 1)[own] + _APART * own
        asked = _RECALLS + _APART * classes[:, np.newaxis]
        places = np.searchsorted(recall, asked)
        reached = places < starts[1:, np.newaxis]
        each = np.where(reached, np.append(best, 0)[places], 0).mean(axis=1)
        return float(each[true > 0].mean())

"""Near duplicates: held-out images that are one seen in training, hardly or only formally changed.

Re-encoded, brightened, mirrored, noisy or slightly shifted copies pass every exact comparison. The
fingerprints of all images lie in a k-d tree; the nearest one of each held-out image, if near
enough, is laid over it in each of four flips and nine shifts of up to one pixel. They are near
duplicates if then their pixels, averaged two by two, correlate to 0.9985, which gain and offset do
not change. Fashion-MNIST has 12 such held-out images, which to the eye show the same product; below
0.998 different trousers are among them.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfedge.data import splits
from tfedge.data.examined import Examined
from tfedge.data.finding import Check, Example, Finding
from tfedge.data.scanning import inputs

FINGERPRINT_DISTANCE = 0.04
CORRELATION = 0.9985
_FLIPS = {
    "": (1, 1),
    "mirrored": (1, -1),
    "upside down": (-1, 1),
    "turned by 180 degrees": (-1, -1),
}
_SHIFTS = sorted(itertools.product((-1, 0, 1), repeat=2), key=lambda shift: np.abs(shift).sum())
_BATCH = 64


@dataclass(frozen=True)
class Pair:
    """A held-out image and the one that training nearly saw.

    Args:
        index: of the held-out image.
        role: the other split.
        twin: the index there.
        correlation: of their pixels, laid over each other.
        change: what was undone for that, such as "mirrored, shifted by 0, 1 pixels".
    """

    index: int
    role: str
    twin: int
    correlation: float
    change: str


def near(parts: dict[str, tuple[splits.Split, inputs.Scan]]) -> tuple[Pair, ...]:
    """The held-out images with a near duplicate in another split, by index.

    Args:
        parts: by role; "holdout" among them. Inputs that are not images are not compared.
    """
    split, scan = parts["holdout"]
    if scan.image is None:
        return ()
    found = []
    for role, (other_split, other_scan) in parts.items():
        if role != "holdout" and len(other_scan.fingerprints):
            rows, twins = _candidates(scan.fingerprints, other_scan.fingerprints)
            alike = _compare((split, rows), (other_split, twins), scan.image)
            found += [Pair(int(rows[n]), role, int(twins[n]), r, how) for n, r, how in alike]
    return tuple(sorted(found, key=lambda pair: pair.index))


def _candidates(held_out: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of held-out images and of the image nearest to each, where it is near enough."""
    from scipy import spatial  # a third of a second that only this needs

    # Along its own axes the cloud is cut where it is widest; distances stay, the search halves.
    centred = others - others.mean(axis=0)
    axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1]
    tree = spatial.cKDTree(others @ axes, leafsize=8, balanced_tree=False)
    shown = np.flatnonzero(held_out.any(axis=1))  # blank images have no nearest one
    _, twins = tree.query(held_out[shown] @ axes, distance_upper_bound=FINGERPRINT_DISTANCE)
    found = twins < len(others)
    return shown[found], twins[found]


def _compare(
    ours: tuple[splits.Split, np.ndarray], theirs: tuple[splits.Split, np.ndarray], name: str
) -> Iterator[tuple[int, float, str]]:
    """Of images n of both rows that are alike: n, their correlation and what was undone."""
    for start in range(0, len(ours[1]), _BATCH):
        images, others = (
            splits.named(split.take(rows[start : start + _BATCH]).x)[name].astype(np.float32)
            for split, rows in (ours, theirs)
        )
        changes, correlations = zip(*_alignments(images, others), strict=True)
        for position, choice in enumerate(np.argmax(correlations, axis=0)):
            correlation = float(correlations[choice][position])
            if correlation >= CORRELATION:
                yield start + position, correlation, changes[choice]


def _alignments(images: np.ndarray, others: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Each flip and shift in words, with the correlations (n,) of the images under it."""
    images, others = _soft(images), _soft(others)
    for (flip, (up, left)), (dy, dx) in itertools.product(_FLIPS.items(), _SHIFTS):
        turned = others[:, ::up, ::left]
        ours, theirs = _overlap(images, dy, dx), _overlap(turned, -dy, -dx)
        shift = f"shifted by {dy}, {dx} pixels" if dy or dx else ""
        yield ", ".join(filter(None, (flip, shift))), _correlation(ours, theirs)


def _soft(images: np.ndarray) -> np.ndarray:
    """Means of 2x2 neighbouring pixels: compression and noise alternate, garments do not."""
    images = images[:, :-1] + images[:, 1:]
    return (images[:, :, :-1] + images[:, :, 1:]) / 4


def _overlap(images: np.ndarray, dy: int, dx: int) -> np.ndarray:
    height, width = images.shape[1:3]
    rows = slice(max(0, dy), height + min(0, dy))
    return images[:, rows, max(0, dx) : width + min(0, dx)]


def _correlation(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    ours, theirs = ours.reshape(len(ours), -1), theirs.reshape(len(theirs), -1)
    ours = ours - ours.mean(axis=1, keepdims=True)
    theirs = theirs - theirs.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return np.einsum("ij,ij->i", ours, theirs) / np.where(lengths > 0, lengths, 1)


def _look(data: Examined) -> Finding:
    if "holdout" not in data.splits:
        return Finding()
    fixed = {
        role: (split, data.scans[role])
        for role, split in data.splits.items()
        if data.has_fixed_order(role)
    }
    pairs = near(fixed) if "holdout" in fixed else ()
    warnings = [
        f"{data.where(role)}: it has an order of its own, so near duplicates of held-out"
        " examples were not looked for"
        for role in data.splits
        if role not in fixed
    ]
    found = np.unique(np.array([pair.index for pair in pairs], np.int64))
    count = len(data.splits["holdout"])
    if pairs:
        warnings.append(
            f"{data.where('holdout')}: {len(found)} of {count} images are nearly the same as one"
            f" the model is made with, the first at index {pairs[0].index}"
        )
    said = f"{len(found):,} of {count:,} held-out images" if pairs else "none found"
    if "holdout" not in fixed or data.scans["holdout"].image is None:
        said = "not looked for: the inputs are no images, or come in an order of their own"
    return Finding(
        warnings=tuple(warnings),
        looked=(("Near duplicates of training images", said),),
        rows=tuple(map(_row, pairs)),
        examples=tuple(map(_example, sorted(pairs, key=lambda pair: -pair.correlation))),
        shown_as="Held-out images that training nearly saw",
        worst="the likest {}",
        total=len(found),
        without=found,
    )


def _row(pair: Pair) -> dict[str, Any]:
    return {
        "holdout": pair.index,
        "split": pair.role,
        "example": pair.twin,
        "correlation": round(pair.correlation, 5),
        "undone": pair.change,
    }


def _example(pair: Pair) -> Example:
    return Example(
        places=(("holdout", pair.index), (pair.role, pair.twin)),
        lines=(f"held-out no. {pair.index}", f"{pair.role} no. {pair.twin}"),
        note=pair.change,
    )


CHECK = Check(90, _look, title="Held-out images that training nearly saw")

"""Near duplicates: held-out images that differ from one seen in training by almost nothing.

Re-encoded, resized or faintly noisy copies pass every exact comparison. A pair is near when its
8x8 thumbnails differ by at most 1 % of the data's range (root mean square) and its pixels by at
most 2 %. Fashion-MNIST has five such held-out images.
"""

import numpy as np

from tfedge.data import inputs, splits

NONE = np.empty(0, np.int64)
THUMBNAIL_TOLERANCE = 0.01
PIXEL_TOLERANCE = 0.02


def near(parts: dict[str, tuple[splits.Split, inputs.Scan]]) -> np.ndarray:
    """The sorted held-out indices that have a near duplicate in another split.

    Args:
        parts: by role; "holdout" among them. Inputs that are not images are not compared.
    """
    split, scan = parts["holdout"]
    if scan.image is None:
        return NONE
    found = [
        _near(split, scan, other_split, other_scan)
        for role, (other_split, other_scan) in parts.items()
        if role != "holdout"
    ]
    return np.unique(np.concatenate([NONE, *found]))


def _near(
    split: splits.Split, scan: inputs.Scan, other: splits.Split, other_scan: inputs.Scan
) -> np.ndarray:
    from scipy import spatial  # a third of a second that only this needs

    name = scan.image or ""
    low = min(scan.ranges[name][0], other_scan.ranges[name][0])
    span = max(scan.ranges[name][1], other_scan.ranges[name][1]) - low
    if not span:
        return NONE
    radius = THUMBNAIL_TOLERANCE * span * np.sqrt(scan.thumbnails.shape[1])
    tree = spatial.cKDTree(other_scan.thumbnails)
    distances, twins = tree.query(scan.thumbnails, distance_upper_bound=radius)
    candidates = np.flatnonzero(np.isfinite(distances))
    kept = [NONE]
    for start in range(0, len(candidates), 256):
        rows = candidates[start : start + 256]
        pixels = splits.named(split.take(rows).x)[name].astype(np.float32)
        others = splits.named(other.take(twins[rows]).x)[name].astype(np.float32)
        differences = np.sqrt(np.square(pixels - others).mean(axis=(1, 2, 3)))
        kept.append(rows[differences <= PIXEL_TOLERANCE * span])
    return np.concatenate(kept)

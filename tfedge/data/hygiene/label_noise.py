"""Label noise: examples that something which never saw their label is sure belong elsewhere.

Confident learning (Northcutt et al., 2021, arXiv:1911.00068): a class counts for an example when
its probability reaches the mean it has over the examples labelled so; the example is a candidate
when the most probable class that counts is not its label. Candidates are for a person to look at:
hard examples are among them, and no result depends on them.
"""

from dataclasses import dataclass

import numpy as np

from tfedge.data import splits, task
from tfedge.data.hygiene import inputs, thumbnails

NEIGHBOURS = 20
SURE = 0.7  # of 5 % labels changed at random in Fashion-MNIST 6 in 10 such candidates were changed
MOST_EXAMPLES = 10_000
MOST_FEATURES = 512
_BLOCK = 500


@dataclass(frozen=True, eq=False)
class Candidates:
    """Examples whose label may be wrong, surest first.

    Args:
        indices: (m,) of the examples.
        scores: (m,) probability of the suggested class less that of the label, up to 1.
        suggested: (m,) class numbers.
        looked_at: the number of examples looked at.
    """

    indices: np.ndarray
    scores: np.ndarray
    suggested: np.ndarray
    looked_at: int


def candidates(
    probabilities: np.ndarray, targets: np.ndarray, least_score: float = SURE
) -> Candidates:
    """Candidates by probabilities of a model that was not trained on these examples.

    Args:
        probabilities: (n, classes), or (n,) or (n, 1) of class 1 of two; not logits.
        targets: (n,) integers.
        least_score: below it nothing is a candidate.
    """
    if probabilities.ndim == 1 or probabilities.shape[1] == 1:
        probabilities = np.stack([1 - probabilities.ravel(), probabilities.ravel()], axis=1)
    rows, classes = np.arange(len(targets)), probabilities.shape[1]
    labels = targets.reshape(-1).astype(np.int64)
    counts = np.maximum(np.bincount(labels, minlength=classes), 1)
    own = probabilities[rows, labels]
    usual = np.bincount(labels, own, minlength=classes) / counts
    counting = np.where(probabilities >= np.where(usual > 0, usual, np.inf), probabilities, -1)
    best = counting.argmax(axis=1)
    scores = counting[rows, best] - own
    found = np.flatnonzero((best != labels) & (counting[rows, best] >= 0) & (scores >= least_score))
    order = found[np.argsort(-scores[found], kind="stable")]
    return Candidates(order, scores[order], best[order], len(labels))


def by_neighbours(made: "task.Task", role: str = "holdout") -> Candidates | None:
    """Candidates by the labels of the 20 nearest other examples of the split and of train.

    Images are compared by their thumbnails, anything else of up to 512 numbers by these, each
    scaled by its spread. At most 10,000 examples of the split and 10,000 of train are drawn.

    Returns:
        None where labels are not one class for each example, or inputs are of another kind.
    """
    chosen = made.splits()[role]
    if not made.kind_facts.one_class or isinstance(chosen.targets(), dict):
        return None
    generator = np.random.default_rng(made.seed)
    rows = _draw(chosen, generator)
    found = [_features(chosen, rows)]
    labels = [np.asarray(chosen.targets())[rows]]
    if role != "train":
        seen = _draw(made.train, generator)
        found.append(_features(made.train, seen))
        labels.append(np.asarray(made.train.targets())[seen])
    features = [each for each in found if each is not None]
    if len(features) < len(found) or min(each.min() for each in labels) < 0:
        return None
    everything = _standardised(np.concatenate(features))
    shares = _shares(everything, np.concatenate(labels).astype(np.int64), len(rows))
    result = candidates(shares, labels[0])
    return Candidates(rows[result.indices], result.scores, result.suggested, result.looked_at)


def _draw(split: splits.Split, generator: np.random.Generator) -> np.ndarray:
    if len(split) <= MOST_EXAMPLES:
        return np.arange(len(split))
    return np.sort(generator.choice(len(split), MOST_EXAMPLES, replace=False))


def _features(split: splits.Split, rows: np.ndarray) -> np.ndarray | None:
    """(m, features) float32 of these examples, read batch by batch."""
    parts = []
    for x, _ in split.batches(256, rows):
        arrays = splits.named(x)
        form: inputs.Form = {name: (a.shape[1:], str(a.dtype)) for name, a in arrays.items()}
        image = thumbnails.image_input(form)
        if image is not None:
            parts.append(thumbnails.shrink(thumbnails.grey(arrays[image])))
            continue
        flat = [array.reshape(len(array), -1).astype(np.float32) for array in arrays.values()]
        if sum(each.shape[1] for each in flat) > MOST_FEATURES:
            return None
        parts.append(np.concatenate(flat, axis=1))
    return np.concatenate(parts)


def _standardised(features: np.ndarray) -> np.ndarray:
    """Each feature by its spread; one that hardly ever varies would else outweigh the others."""
    centred = features - features.mean(axis=0)
    spread = centred.std(axis=0)
    return centred / np.maximum(spread, max(0.1 * float(spread.max(initial=0)), 1e-12))


def _shares(features: np.ndarray, labels: np.ndarray, n: int) -> np.ndarray:
    """(n, classes): the labels of the neighbours of each of the first n examples, less itself."""
    k = min(NEIGHBOURS, len(features) - 1)
    classes = int(labels.max()) + 1
    lengths, shares = np.square(features).sum(axis=1), np.zeros((n, classes), np.float32)
    for start in range(0, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        distances = lengths - 2 * (features[start:stop] @ features.T)
        distances[np.arange(stop - start), np.arange(start, stop)] = np.inf
        nearest = np.argpartition(distances, k - 1, axis=1)[:, :k]
        rows = np.repeat(np.arange(start, stop), k)
        np.add.at(shares, (rows, labels[nearest].ravel()), np.float32(1 / k))
    return shares

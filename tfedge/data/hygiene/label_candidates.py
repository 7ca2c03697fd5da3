"""Label noise: examples that something which never saw their label is sure belong elsewhere.

Confident learning (Northcutt et al., 2021, arXiv:1911.00068): a class counts for an example when
its probability reaches the mean it has over the examples labelled so; the example is a candidate
when the most probable class that counts is not its label. Candidates are for a person to look at:
hard examples are among them, and no result depends on them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfedge.data import splits, task
from tfedge.data.batch_split import BatchSplit
from tfedge.data.examined import Examined
from tfedge.data.finding import Check, Example, Finding
from tfedge.data.scanning import inputs, thumbnails

NEIGHBOURS = 20
SURE = 0.7  # of 5 % labels changed at random in Fashion-MNIST 6 in 10 such candidates were changed
MOST_EXAMPLES = 10_000
MOST_FEATURES = 512
MOST_BYTES = 2**28  # of inputs that are read once more where nobody is patient
_ROLES = ("train", "validation", "holdout")
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


def _look(data: Examined) -> Finding:
    why = _why_not(data)
    found = {
        role: None if why else by_neighbours(data.task, role)
        for role in _ROLES
        if role in data.splits
    }
    held_out = found.get("holdout")
    why = why or "examples are neither images nor short rows of numbers with one class each"
    said = f"not looked for: {why}"
    if held_out is not None:
        said = (
            f"{len(held_out.indices):,} of {held_out.looked_at:,} held-out labels: those of the"
            " nearest neighbours differ; hard examples may be among them"
        )
    rows = tuple(
        row for role, each in found.items() if each is not None for row in _rows(data, role, each)
    )
    examples = [_example(row) for row in rows if row["split"] == "holdout"]
    return Finding(
        looked=(("Doubtful labels", said),),
        rows=rows,
        examples=tuple(examples),
        shown_as="Held-out labels to look at",
        worst="the {} most doubtful",
        total=len(examples),
    )


def _why_not(data: Examined) -> str:
    """Why labels are not looked at; empty where they are. A release must not wait for it."""
    made = data.task
    if not made.kind_facts.one_class:
        return f"a {made.kind} task has no single class for each example"
    for split in (made.train, *data.splits.values()):
        if isinstance(split, BatchSplit) and split.own_order:
            return "the examples come in an order of their own"
        one = sum(array[0].nbytes for array in splits.named(next(split.batches(1))[0]).values())
        if one * min(len(split), MOST_EXAMPLES) > MOST_BYTES and not data.is_patient:
            return "the examples are large; tfedge check-data looks at them"
    return ""


def _rows(data: Examined, role: str, found: Candidates) -> Iterator[dict[str, Any]]:
    labels = np.asarray(data.splits[role].targets())
    each = zip(found.indices, found.suggested, found.scores, strict=True)
    for index, suggested, score in each:
        yield {
            "split": role,
            "example": int(index),
            "label": _name(data.task, int(labels[index])),
            "looks_like": _name(data.task, int(suggested)),
            "score": round(float(score), 3),
        }


def _example(row: dict[str, Any]) -> Example:
    number = row["example"]
    return Example(
        places=(("holdout", number),),
        name=row["label"],
        lines=(f"looks like {row['looks_like']}",),
        note=f"no. {number}",
    )


def _name(made: "task.Task", label: int) -> str:
    return made.labels[label] if label < len(made.labels) else str(label)


CHECK = Check(
    110,
    _look,
    title="Labels to look at (candidates, hard examples among them)",
    takes_time=True,
)

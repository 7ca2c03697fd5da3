"""Among how many tokens a model is as unsure as if it guessed evenly, at least 1. Lower is better.

The exponential of the mean negative logarithm of what the right tokens are given, over all steps
that count. A chance below 1e-6, which integers may round to 0, counts as that.
"""

import dataclasses
import functools

import numpy as np

from tfedge.data import answers
from tfedge.data.kind import Kind
from tfedge.data.metric import Metric
from tfedge.data.scoring import draws, scores

_SMALLEST = 1e-6
_ROWS = 64  # sequences at a time: chances of all tokens at all steps are large


def of(kind: Kind, logits: bool) -> Metric:
    """Whole sequences are drawn for its interval."""
    prepare = functools.partial(_prepare, logits)
    return Metric("perplexity", False, functools.partial(_value, prepare), prepare=prepare)


@dataclasses.dataclass(frozen=True, eq=False)
class _Nats:
    """The surprise of each sequence, ready to be drawn again and again."""

    mean: draws.Mean

    def __len__(self) -> int:
        return len(self.mean)

    def __getitem__(self, rows: np.ndarray) -> "_Nats":
        return _Nats(self.mean[rows])

    def value(self) -> float:
        """Their exponential."""
        return float(np.exp(self.mean.value()))


def _prepare(logits: bool, outputs: np.ndarray, y: np.ndarray) -> _Nats:
    steps = scores.counted(y)
    starts = range(0, len(y), _ROWS)
    nats = [_surprise(logits, outputs[at : at + _ROWS], y[at : at + _ROWS]) for at in starts]
    return _Nats(draws.Mean(np.concatenate(nats) / np.maximum(steps, 1), steps))


def _surprise(logits: bool, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n,) the negative logarithms of the right tokens' chances, over each sequence; NaN of NaN."""
    chances = answers.softmax(outputs) if logits else outputs
    right = np.take_along_axis(chances, np.maximum(y, 0)[..., np.newaxis], axis=-1)[..., 0]
    nats = -np.log(np.maximum(right.astype(np.float64), _SMALLEST))
    return np.where(y < 0, 0, nats).reshape(len(y), -1).sum(axis=1)


def _value(prepare: functools.partial, outputs: np.ndarray, y: np.ndarray) -> float:
    return prepare(outputs, y).value()

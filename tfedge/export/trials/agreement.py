"""Whether a finished file answers like the model it came from, on a few calibration examples.

A converter that drops a branch, a scale that rounds an input to nothing and an operator that
computes otherwise all leave a file that loads and runs; only its answers tell.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from tfedge.data.answers import Answers
from tfedge.data.task import Task
from tfedge.export.parity import snr

EXAMPLES = 64
MOST_CHANGED = 0.05
LEAST_DB = 15.0  # noise of 3 % of the signal's energy


@dataclasses.dataclass(frozen=True)
class Disagreement:
    """An output that is not the model's.

    Attributes:
        output: its name.
        described: how far it is off, in words.
    """

    output: str
    described: str


def find(
    expected: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray], task: Task | None
) -> Disagreement | None:
    """The first output that disagrees, None where all agree.

    Answers are the classes of a classifier and the two sides of a yes or no; where neither the
    task nor the values say that an output is one, its values are compared by signal-to-noise ratio.

    Args:
        expected: (n, ...) of the model, by output.
        found: likewise of the file, as real values. Outputs of other names go by their order.
        task: what the outputs mean.
    """
    if set(expected) != set(found):
        expected = dict(zip(found, expected.values(), strict=False))
    for name, wanted in expected.items():
        described = _compared(np.asarray(wanted), np.asarray(found[name]), task)
        if described:
            return Disagreement(name, described)
    return None


def _compared(wanted: np.ndarray, got: np.ndarray, task: Task | None) -> str:
    if wanted.size != got.size:
        return f"{got.shape} values, the model's are {wanted.shape}"
    got = got.reshape(wanted.shape)
    said = task.kind_facts.answers if task is not None else Answers.UNKNOWN
    if wanted.dtype.kind in "iub":
        return _changed(wanted, np.round(got))
    if not np.isfinite(got).all() and np.isfinite(wanted).all():
        return "values that are not finite"
    if _is_one_of_many(wanted, said):
        best = wanted.argmax(-1)
        is_a_best = np.take_along_axis(got, best[..., None], -1)[..., 0] >= got.max(-1)
        return _changed(best, np.where(is_a_best, best, got.argmax(-1)))  # a tie is no change
    if said is Answers.YES_OR_NO:
        threshold = 0.5 if wanted.min() >= 0 and wanted.max() <= 1 else 0.0
        return _changed(wanted > threshold, got > threshold)
    near = snr.decibels(wanted, got)
    return f"{near:.1f} dB of signal to noise, under {LEAST_DB:g}" if near < LEAST_DB else ""


def _is_one_of_many(values: np.ndarray, said: Answers) -> bool:
    if values.ndim < 2 or values.shape[-1] < 2 or said in (Answers.YES_OR_NO, Answers.VALUES):
        return False
    return said is Answers.ONE_OF_MANY or bool(
        (values >= 0).all() and np.allclose(values.sum(-1), 1, atol=1e-3)
    )


def _changed(wanted: np.ndarray, got: np.ndarray) -> str:
    changed = int(np.count_nonzero(wanted != got))
    if changed < 2 or changed <= MOST_CHANGED * wanted.size:
        return ""
    return f"{changed} of {wanted.size} answers changed"

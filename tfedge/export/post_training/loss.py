"""How much a quantized file loses against the float one on validation examples."""

import dataclasses

import numpy as np
from absl import logging

from tfedge import errors
from tfedge.data.answers import Answers
from tfedge.data.task import Task
from tfedge.device import inference, scoring
from tfedge.export.trials import dry_run

_ENOUGH = 1000  # examples; a paired difference of a point shows in fewer


@dataclasses.dataclass(frozen=True)
class Loss:
    """What quantization costs.

    Attributes:
        points: share of right answers lost, or of the float model's value of another metric.
        uncertainty: one standard error of it, 0 where it cannot be told.
        snr_db: variance of the float outputs over the power of the difference, in decibels; of
            several outputs the worst.
    """

    points: float
    uncertainty: float
    snr_db: float

    def within(self, tolerance: float) -> bool:
        """Whether it is, with a standard error to spare."""
        return self.points + self.uncertainty <= tolerance


class Judge:
    """Compares files with one float file on the same examples; runs that one once.

    Where the float model is no better than chance (made-up labels), or the task has no metric,
    answers that differ are counted instead.
    """

    def __init__(self, data: bytes, task: Task, at_most: int = _ENOUGH):
        self._task = task
        count = len(task.validation)
        chosen = np.unique(np.linspace(0, count - 1, min(count, at_most)).astype(int))
        self._split = task.validation.take(chosen)
        self._float = dry_run.run(data, self._split, task)

    def loss(self, data: bytes) -> Loss:
        """Of a file with float inputs and outputs; all is lost where it does not run."""
        try:
            run = dry_run.run(data, self._split, self._task)
        except dry_run.DoesNotRunError as error:
            logging.debug("it does not run: %s", error)
            return Loss(np.inf, 0.0, -np.inf)
        points, uncertainty = self._points(run)
        return Loss(points, uncertainty, self._snr_db(run.outputs))

    def snr_db(self, data: bytes) -> float:
        """Of a file's outputs; see `Loss`."""
        return self.loss(data).snr_db

    def _snr_db(self, outputs: dict[str, np.ndarray]) -> float:
        worst = np.inf
        for name, expected in self._float.outputs.items():
            signal = float(np.var(expected.astype(np.float64), axis=0).mean())
            noise = float(np.mean((outputs[name].astype(np.float64) - expected) ** 2))
            worst = min(worst, decibels(signal, noise))
        return worst

    def _points(self, run: inference.Run) -> tuple[float, float]:
        try:
            scores = scoring.score(self._task, run, self._float)
        except errors.BadInput:
            return self._differing(run)
        ours, theirs = scores.candidate, scores.baseline
        assert theirs is not None
        if ours.correct is not None and theirs.correct is not None:
            return _mean_and_error(theirs.correct.astype(float) - ours.correct)
        sign = 1 if scores.metric.higher_is_better else -1
        return sign * (theirs.value - ours.value) / max(abs(theirs.value), 1e-12), 0.0

    def _differing(self, run: inference.Run) -> tuple[float, float]:
        """Share of examples whose answer is another; for numbers, noise relative to signal."""
        shares, said = [], self._task.kind_facts.answers
        for name, expected in self._float.outputs.items():
            found = run.outputs[name]
            if expected.ndim < 2 or expected.shape[-1] == 1 or said is Answers.VALUES:
                return 10 ** (-self._snr_db(run.outputs) / 20), 0.0
            same = found.argmax(axis=-1) == expected.argmax(axis=-1)
            shares.append(1.0 - same.reshape(len(same), -1).mean(axis=1))
        return _mean_and_error(np.mean(shares, axis=0))


def decibels(signal: float, noise: float) -> float:
    """10 log10(signal / noise); infinite without noise."""
    if not np.isfinite(noise):
        return -np.inf
    if noise <= 0:
        return np.inf
    return float(10 * np.log10(max(signal, 1e-300) / noise))


def _mean_and_error(lost: np.ndarray) -> tuple[float, float]:
    return float(lost.mean()), float(lost.std() / np.sqrt(len(lost)))

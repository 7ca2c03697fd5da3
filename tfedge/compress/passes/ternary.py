"""Ternary weights: every weight of a channel is -s, 0 or s.

The file holds the integers -1, 0 and 1, at most 1.6 bits a weight once packed (`tfedge.pack`).
Ternary weight networks: Li et al. 2016, arXiv:1605.04711.
"""

import dataclasses

from tfedge import settings
from tfedge.compress.candidate import Candidate
from tfedge.compress.passes import base
from tfedge.compress.training import sign_training
from tfedge.data.task import Task


@settings.declared
class Ternary(base.TrainingPass):
    """Train weights of three values."""

    stage = base.Stage.VALUES

    threshold: float = settings.setting(
        0.7,
        settings.Real(above=0, below=2),
        "Share of the mean magnitude below which a weight is zero.",
        per_layer=True,
        search=settings.Search(0.3, 1.2),
    )
    per_channel: bool = settings.setting(
        True,
        settings.Flag(),
        "A scale for each output channel instead of one for the whole kernel.",
        per_layer=True,
    )
    epochs: int = base.epochs(8)
    learning_rate: float = base.learning_rate(1e-3)
    patience: int = base.patience()
    rules: base.Rules = base.layer_rules(
        "The first and the last layer and depthwise kernels are trained so only where a rule names "
        "them."
    )

    @property
    def zero_below(self) -> float:
        """See `sign_training.Settings`."""
        return self.threshold

    def requires(self, candidate: Candidate) -> None:
        """Kernels to train, rules that match, and no earlier promise of fewer values."""
        sign_training.require(self, candidate)

    def leaves(self, candidate: Candidate) -> dict[str, str]:
        """See `Pass.leaves`."""
        return sign_training.leaves(self, candidate)

    def apply(self, candidate: Candidate, task: Task) -> Candidate:
        """Fold, choose scales, train."""
        done = sign_training.train(self, candidate, task)
        report = self.report(done.touched, done.skipped, done.notes, done.history)
        return dataclasses.replace(done.candidate, reports=(*candidate.reports, report))

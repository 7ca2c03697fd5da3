"""Binary weights: every weight of a channel is -s or s.

The file holds the integers -1 and 1, one bit a weight once packed (`tfedge.pack`).
BinaryConnect: Courbariaux et al. 2015, arXiv:1511.00363; the scales are those of XNOR-Net's binary
weight networks: Rastegari et al. 2016, arXiv:1603.05279.
"""

import dataclasses

from tfedge import settings
from tfedge.compress.candidate import Candidate
from tfedge.compress.passes import base
from tfedge.compress.training import sign_training
from tfedge.data.task import Task


@settings.declared
class Binary(base.TrainingPass):
    """Train weights of two values, none of them zero."""

    stage = base.Stage.VALUES

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
    def zero_below(self) -> float | None:
        """See `sign_training.Settings`."""
        return None

    def requires(self, candidate: Candidate) -> None:
        """Kernels to train, rules that match, and no promise of fewer values or of zeros."""
        sign_training.require(self, candidate)

    def leaves(self, candidate: Candidate) -> dict[str, str]:
        """See `Pass.leaves`."""
        return sign_training.leaves(self, candidate)

    def apply(self, candidate: Candidate, task: Task) -> Candidate:
        """Fold, choose scales, train."""
        done = sign_training.train(self, candidate, task)
        report = self.report(done.touched, done.skipped, done.notes, done.history)
        return dataclasses.replace(done.candidate, reports=(*candidate.reports, report))

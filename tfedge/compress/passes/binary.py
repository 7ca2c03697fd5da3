"""Binary weights: every weight of a channel is -s or s.

The file holds the integers -1 and 1, one bit a weight once packed (`tfedge.pack`).
BinaryConnect: Courbariaux et al. 2015, arXiv:1511.00363; the scales are those of XNOR-Net's binary
weight networks: Rastegari et al. 2016, arXiv:1603.05279.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from tfedge.compress.candidate import Candidate
from tfedge.compress.passes import base
from tfedge.compress.training import sign_training
from tfedge.data.task import Task


@dataclasses.dataclass(frozen=True)
class Binary(base.Pass):
    """Train weights of two values, none of them zero.

    Attributes:
        per_channel: a scale for each output channel instead of one for the whole kernel.
        epochs, learning_rate, patience: see `finetune.Plan`.
        rules: layer regex -> settings that differ there, None to leave it alone. The first and
            the last layer and depthwise kernels are trained so only where a rule names them.
    """

    per_layer: ClassVar[tuple[str, ...]] = ("per_channel",)
    per_channel: bool = True
    epochs: int = 8
    learning_rate: float = 1e-3
    patience: int = 0
    rules: Mapping[str, Mapping[str, Any] | None] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse settings out of range."""
        self.check(isinstance(self.per_channel, bool), "per_channel", "True or False")
        self.check_training()

    @property
    def zero_below(self) -> float | None:
        """See `sign_training.Settings`."""
        return None

    def requires(self, candidate: Candidate) -> None:
        """Kernels to train, rules that match, and no promise of fewer values or of zeros."""
        sign_training.require(self, candidate)

    def apply(self, candidate: Candidate, task: Task) -> Candidate:
        """Fold, choose scales, train."""
        done = sign_training.train(self, candidate, task)
        report = self.report(done.touched, done.skipped, done.notes, done.history)
        return dataclasses.replace(done.candidate, reports=(*candidate.reports, report))

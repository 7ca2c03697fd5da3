"""8-bit quantization-aware training, for every functional model.

Kernels train on their per-channel int8 grid (`holds.Grid`), activations through TFMOT's fake
quantization with ranges that start from the calibration split. No layer makes it refuse: what
has no int8 form stays float, and the report says so.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from tfedge.compress import fake_quantization, finetune, folding, kernels
from tfedge.compress.candidate import Candidate, Quantization, export_route
from tfedge.compress.holds import Grid, Hold, on
from tfedge.compress.passes import base
from tfedge.data.task import Task
from tfedge.errors import BadInput


@dataclasses.dataclass(frozen=True)
class Quantize(base.Pass):
    """Train the model as the phone will compute it.

    Attributes:
        bits: of kernels; 8.
        epochs, learning_rate, patience: see `finetune.Plan`.
        rules: no setting differs by layer yet; kept empty.
    """

    bits: int = 8
    epochs: int = 4
    learning_rate: float = 5e-4
    patience: int = 0
    rules: Mapping[str, Mapping[str, Any] | None] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse settings out of range."""
        self.check(self.bits == 8, "bits", "8")
        self.check_training()

    @property
    def exports(self) -> tuple[str, ...]:
        """See `Pass.exports`: what the default bits ask for, whatever rules say."""
        return (export_route(self.bits),)

    def requires(self, candidate: Candidate) -> None:
        """There must be a kernel to quantize."""
        if not kernels.find(candidate.model):
            raise BadInput(self.name, "no layer of the model has a kernel", "Leave it out.")

    def apply(self, candidate: Candidate, task: Task) -> Candidate:
        """Fold, calibrate, train under fake quantization."""
        model, folded = folding.fold(candidate.model)
        model, scaled = folding.scale_by_convolution(model)
        found = kernels.find(model)
        ready = dataclasses.replace(candidate, model=model).with_holds(
            *(_grid(kernel, candidate.holds) for kernel in found)
        )
        stay_float = fake_quantization.float_layers(model)
        learned = Quantization(fake_quantization.calibrate(model, task), stay_float, self.bits)
        ready = dataclasses.replace(ready, quantization=learned)
        plan = finetune.Plan(self.epochs, self.learning_rate, self.patience)
        label = f"{len(candidate.reports)}-{self.name}"
        tuned, history = finetune.finetune(ready, task, plan, label)
        touched = tuple(layer.name for layer in model.layers if layer.name not in stay_float)
        notes = {"folded": folded, "batch_normalization_as_convolution": scaled}
        report = self.report(touched, stay_float, notes, history)
        return dataclasses.replace(tuned, reports=(*candidate.reports, report))


def _grid(kernel: kernels.Kernel, holds: tuple[Hold, ...]) -> Hold:
    """The int8 promise, on scales that an earlier hold has frozen."""
    grid: Hold = Grid(kernel.layer, kernel.kind)
    value: np.ndarray = kernel.numpy()
    for hold in on(holds, kernel.layer):
        frozen = hold.scales(value)
        if frozen is not None and not isinstance(hold, Grid):
            grid = grid.rescaled(frozen)
    return grid

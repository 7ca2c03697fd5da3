"""Quantization-aware training at 2 to 8 bits, for every functional model.

Kernels train on their per-channel integer grid (`holds.Grid`), activations at 8 bits through
TFMOT's fake quantization with ranges that start from the calibration split, or as the floats that
they stay in the file (`activations="float"`). Below 8 bits a
kernel's scales are those of the least squared error, found anew ten times in the first half of
the training and frozen then (`step_sizes`). No layer makes it refuse: what has no int8 form stays
float, and the report says so.
"""

import dataclasses
from typing import Any

from tfedge import settings
from tfedge.compress import folding, rules
from tfedge.compress import holds as holds_lib
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate, Quantization, export_route
from tfedge.compress.holds import Grid, Hold, on
from tfedge.compress.integers import step_sizes
from tfedge.compress.layers import kernels
from tfedge.compress.passes import base
from tfedge.compress.ranges import fake_quantization, softmax_masks, uneven_inputs
from tfedge.compress.training import finetune
from tfedge.data.task import Task
from tfedge.errors import BadInput

_REFITS = 10
_FITS = 0.5  # a code may be this much above the largest, by rounding


@settings.declared
class Quantize(base.TrainingPass):
    """Train the model as the phone will compute it.

    The export follows the default of `bits`: on int4 layers of more bits are stored in int8, on
    int8 all are: 4 bits in int8 download 15 % larger than in int4 (resnet8) and run as fast as 8.
    """

    stage = base.Stage.INTEGERS

    bits: int = settings.setting(
        8,
        settings.Whole(2, 8),
        "Of kernels. Up to 4 the export is int4, which stores two weights in a byte (smaller, not "
        "faster); above it is int8.",
        per_layer=True,
        search=settings.Search(values=(4, 8)),
    )
    activations: str = settings.setting(
        "int8",
        settings.Choice(("int8", "float")),
        "Float ones are quantized on the fly: the export is dynamic, or in up to 4 bits "
        'int4(activations="float"). What serves transformers on a CPU; accelerators need int8.',
    )
    block_size: int = settings.setting(
        32,
        settings.Choice((0, 32, 64, 128, 256)),
        "Under float activations and in up to 4 bits, one scale for so many weights of a row of a "
        "dense layer or a table, where its rows are a multiple; 0 is one scale per channel.",
        unit="weights",
    )
    normalization: str = settings.setting(
        "float",
        settings.Choice(("float", "int8")),
        "LayerNormalization and RMSNormalization: float ones are what a CPU computes fastest; "
        "int8 ones train on the integers of each of their operators, for an accelerator.",
    )
    epochs: int = base.epochs(4)
    learning_rate: float = base.learning_rate(5e-4)
    patience: int = base.patience()
    rules: base.Rules = base.layer_rules(
        'None is refused: all kernels of the file are integers; {"bits": 8} is what comes nearest.'
    )

    def __post_init__(self) -> None:
        """No kernel stays float in a file of integer ones."""
        super().__post_init__()
        expected = "no None: all kernels of the file are integers"
        remedy = 'Write {"bits": 8} instead of None.'
        self.check(None not in self.rules.values(), "rules", expected, remedy)
        self.check(
            self.activations == "int8" or self.normalization == "float",
            "normalization",
            '"float" beside activations="float"',
            "Leave one of the two out.",
        )

    @property
    def exports(self) -> tuple[str, ...]:
        """See `Pass.exports`."""
        route = export_route(self.bits)
        if self.activations == "int8":
            return (route,)
        if route == "int8":
            return ("dynamic",)
        blocks = f", block_size={self.block_size}" if self.block_size else ""
        return (f'{route}(activations="float"{blocks})',)

    def under_float_activations(self) -> "Quantize":
        """See `Pass.under_float_activations`."""
        return dataclasses.replace(self, activations="float", normalization="float")

    def for_integers_alone(self) -> "Quantize":
        """See `Pass.for_integers_alone`."""
        if self._has_float_activations:
            return self
        return dataclasses.replace(self, normalization="int8")

    def for_older_runtimes(self, tables: str) -> "Quantize":
        """See `Pass.for_older_runtimes`."""
        own = {tables: {"bits": 8}} if tables else {}
        return dataclasses.replace(self, block_size=0, rules={**own, **self.rules})

    def requires(self, candidate: Candidate) -> None:
        """Kernels to quantize, rules that match, and no earlier promise of fewer bits."""
        found = kernels.find(candidate.model)
        if not found:
            raise BadInput(self.name, "no layer of the model has a kernel", "Leave it out.")
        rules.check(self.rules, [kernel.layer for kernel in found], self.name)
        if self._has_float_activations and candidate.quantization is not None:
            raise BadInput(
                f'{self.name}(activations="float")',
                "an earlier pass has trained ranges of integer activations",
                "Leave one of the two out.",
            )
        self._check_shifts(candidate.quantization)
        for hold in candidate.holds:
            if isinstance(hold, Grid) and hold.bits < self._bits(hold.layer):
                raise BadInput(
                    f"{self.name}(bits={self._bits(hold.layer)})",
                    f"layer {hold.layer} already promises {hold.bits} bits",
                    "Give as many or fewer, or put this pass first.",
                )

    def _check_shifts(self, earlier: Quantization | None) -> None:
        """Ranges that are powers of two stay as they are, so there are no more of them."""
        if earlier is None or not earlier.power_of_two:
            return
        if earlier.normalization != self.normalization:
            raise BadInput(
                f"{self.name}(normalization={self.normalization!r})",
                "an earlier pass has set ranges for normalization in "
                f"{earlier.normalization}, which are powers of two and stay",
                "Put this pass first.",
            )

    def leaves(self, candidate: Candidate) -> dict[str, str]:
        """See `Pass.leaves`."""
        if self._has_float_activations:
            return kernels.unknown(candidate.model)
        return fake_quantization.float_layers(candidate.model, self.normalization)

    def apply(self, candidate: Candidate, task: Task) -> Candidate:
        """Fold, put kernels on their grids and activations in their ranges, train."""
        model, folded = folding.fold(candidate.model)
        ready = dataclasses.replace(candidate, model=model)
        notes: dict[str, Any] = {"folded": folded}
        if not self._has_float_activations:
            ready, more = self._ranged(ready, task)
            notes |= more
        held = [
            self._held(kernel, candidate.holds, self._bits(kernel.layer))
            for kernel in kernels.find(ready.model)
        ]
        if self.rules:
            notes["bits"] = {holds[0].layer: holds[0].bits for holds, _ in held}
        ready = ready.with_holds(*(hold for holds, _ in held for hold in holds))
        free = tuple(holds[0] for holds, is_free in held if is_free)
        update = _ScaleUpdate(free, self.epochs * finetune.steps_per_epoch(task)) if free else None
        tuned, history = self.train(ready, task, update)
        skipped, touched = self.leaves(ready), [holds[0].layer for holds, _ in held]
        if not self._has_float_activations:
            touched = [layer.name for layer in ready.model.layers if layer.name not in skipped]
        report = self.report(tuple(touched), skipped, notes, history)
        return dataclasses.replace(tuned, reports=(*candidate.reports, report))

    @property
    def _has_float_activations(self) -> bool:
        return self.activations == "float"

    def _ranged(self, ready: Candidate, task: Task) -> tuple[Candidate, dict[str, Any]]:
        """A folded candidate with ranges of its activations, and what to report of them."""
        model, scaled = folding.scale_by_convolution(ready.model)
        model = softmax_masks.bound(model, task)
        ready = dataclasses.replace(ready, model=model)
        measured = fake_quantization.integer_ready(model, self.normalization)
        quantization = self._ranges(ready, measured, task)
        notes: dict[str, Any] = {"batch_normalization_as_convolution": scaled}
        uneven = uneven_inputs.find(model)
        if uneven:
            notes["inputs_normalized_in_float"] = tuple(uneven.columns)
        joined = fake_quantization.joined_in_float(measured, quantization.ranges)
        if joined:
            notes["outputs_joined_in_float"] = tuple(each.name for each in joined)
        return dataclasses.replace(ready, quantization=quantization), notes

    def _bits(self, layer: str) -> int:
        settings = rules.settings_for(self, layer)
        return self.bits if settings is None else settings.bits

    def _ranges(self, ready: Candidate, measured: k.Model, task: Task) -> Quantization:
        """Of the calibration split; those that are powers of two by a promise stay."""
        stay_float = fake_quantization.float_layers(ready.model, self.normalization)
        earlier = ready.quantization
        if earlier is not None and earlier.power_of_two:
            return dataclasses.replace(earlier, bits=self.bits, float_layers=stay_float)
        ranges = fake_quantization.calibrate(measured, task)
        return Quantization(ranges, stay_float, self.bits, normalization=self.normalization)

    def _block(self, kernel: kernels.Kernel, bits: int) -> int:
        """How many weights of a row share a scale, where LiteRT has such kernels; 0 for all."""
        size, found = self.block_size, kernels.axes(kernel.layer_class)
        if not self._has_float_activations or export_route(bits) != "int4" or not found.is_matrix:
            return 0
        length = kernel.shape[kernels.row_axis(kernel.layer_class)]
        return size if size and length > size and length % size == 0 else 0

    def _held(
        self, kernel: kernels.Kernel, holds: tuple[Hold, ...], bits: int
    ) -> tuple[tuple[Any, ...], bool]:
        """The grid, then the kernel's other holds in its scales; whether scales are free to move.

        Raises:
            BadInput: an earlier promise cannot be kept at so few bits.
        """
        block = self._block(kernel, bits)
        grid = Grid(kernel.layer, kernel.layer_class, bits, block=block)
        value, top = kernel.numpy(), grid.largest_code
        others = tuple(hold for hold in on(holds, kernel.layer) if not isinstance(hold, Grid))
        frozen = [scales for hold in others if (scales := hold.scales(value)) is not None]
        if not frozen:
            return (grid,), bits < 8
        if abs(value / frozen[-1]).max() < top + _FITS:
            return (grid.rescaled(frozen[-1]),), False
        fitted = [scales for hold in others if (scales := hold.fit(value, top)) is not None]
        scales = fitted[0] if fitted else step_sizes.least_squares(value, kernel.layer_class, top)
        try:
            moved = holds_lib.rescaled(kernel, others, scales, top)
        except ValueError as error:
            raise BadInput(
                f"{self.name}(bits={bits})",
                f"the earlier promise of {error} cannot be kept at {bits} bits",
                "Give more bits, or put this pass first.",
            ) from error
        return (grid.rescaled(scales), *moved), False


class _ScaleUpdate:
    """Scales of least squared error, while the weights move."""

    def __init__(self, grids: tuple[Grid, ...], total: int):
        self._grids = grids
        self._every = max(1, total // (2 * _REFITS))
        self.settled = max(0, total // 2 - 1)

    def fires(self, step: int) -> bool:
        """See `finetune.Update`."""
        return step <= self.settled and step % self._every == 0

    def __call__(
        self, step: int, latents: finetune.Latents, current: tuple[Hold, ...]
    ) -> tuple[Hold, ...]:
        """See `finetune.Update`."""
        found = []
        for grid in self._grids:
            earlier = tuple(hold for hold in on(current, grid.layer) if hold.stage < grid.stage)
            value = holds_lib.project(latents[grid.layer], earlier)
            found.append(grid.refitted(value))
        return tuple(found)

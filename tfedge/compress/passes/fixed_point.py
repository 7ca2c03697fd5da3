"""Fixed point: every scale is a power of two, W = round(W / 2^k) 2^k.

That is what integer-only and DSP targets want: a shift takes the place of a multiplication. Batch
normalization is folded first, for its factors are no powers of two. k is that of the least squared
error, and the file's own scales are these exactly. Power-of-two scales in quantization-aware
training: Jain et al. 2020, arXiv:1903.08066.
"""

import dataclasses
from typing import Any

import numpy as np

from tfedge import settings
from tfedge.compress import folding, rules
from tfedge.compress import holds as holds_lib
from tfedge.compress.candidate import Candidate, Quantization, export_route
from tfedge.compress.holds import Hold, PowerOfTwo, on
from tfedge.compress.integers import step_sizes
from tfedge.compress.layers import kernels
from tfedge.compress.passes import base
from tfedge.compress.ranges import fake_quantization, softmax_masks
from tfedge.data.task import Task
from tfedge.errors import BadInput

# The largest value over 2^k that still counts as held by codes up to 127, so that pixels of 0..1
# take steps of 1/128.
_FILLED = 136.0


@settings.declared
class FixedPoint(base.TrainingPass):
    """Train with power-of-two scales."""

    stage = base.Stage.INTEGERS

    bits: int = settings.setting(
        8,
        settings.Whole(2, 8),
        "Of kernels; up to 4 the export is int4.",
        per_layer=True,
        search=settings.Search(values=(4, 8)),
    )
    per_channel: bool = settings.setting(
        False,
        settings.Flag(),
        "A k for each output channel instead of one for the whole kernel.",
        per_layer=True,
    )
    activations: bool = settings.setting(
        True,
        settings.Flag(),
        "Their scales too, with zero points of 0, at 8 bits. Softmax, sigmoid and tanh keep the "
        "power of two and the zero point that LiteRT gives them.",
    )
    epochs: int = base.epochs(4)
    learning_rate: float = base.learning_rate(5e-4)
    patience: int = base.patience()
    rules: base.Rules = base.layer_rules()

    @property
    def exports(self) -> tuple[str, ...] | None:
        """See `Pass.exports`."""
        return (export_route(self.bits),) if self.activations else None

    def requires(self, candidate: Candidate) -> None:
        """Kernels to work on, and rules that match."""
        found = kernels.find(candidate.model)
        rules.check(self.rules, [kernel.layer for kernel in found], self.name)
        if all(rules.settings_for(self, kernel.layer) is None for kernel in found):
            raise BadInput(self.name, "no layer of the model has a kernel to set", "Leave it out.")

    def apply(self, candidate: Candidate, task: Task) -> Candidate:
        """Fold, choose exponents, train with them."""
        model, folded = folding.fold(candidate.model)
        scaled: tuple[str, ...] = ()
        if self.activations:
            model, scaled = folding.scale_by_convolution(model)
            model = softmax_masks.bound(model, task)
        skipped, held = kernels.unknown(model), []
        for kernel in kernels.find(model):
            settings = rules.settings_for(self, kernel.layer)
            if settings is None:
                skipped[kernel.layer] = "left alone by a rule"
            else:
                held.append(settings._held(kernel, on(candidate.holds, kernel.layer)))
        ready = dataclasses.replace(candidate, model=model)
        ready = ready.with_holds(*(hold for holds in held for hold in holds))
        if self.activations:
            ready = dataclasses.replace(ready, quantization=self._ranges(ready, task))
        tuned, history = self.train(ready, task)
        notes = {
            "folded": folded,
            "batch_normalization_as_convolution": scaled,
            "exponents": {holds[0].layer: holds[0].described for holds in held},
        }
        report = self.report(tuple(holds[0].layer for holds in held), skipped, notes, history)
        return dataclasses.replace(tuned, reports=(*candidate.reports, report))

    def ensures(self, candidate: Candidate) -> None:
        """Ranges of activations are those of a shift."""
        quantization = candidate.quantization
        if quantization is None or not quantization.power_of_two:
            return
        for name, (low, high) in quantization.ranges.items():
            if np.frexp(high / 127)[0] != 0.5 or low != -high / 127 * 128:
                raise RuntimeError(f"{name} has a range of {low} to {high}")

    def _held(self, kernel: kernels.Kernel, holds: tuple[Hold, ...]) -> tuple[Any, ...]:
        """The new hold, then the kernel's other ones in its scales; stricter earlier ones stay.

        Raises:
            BadInput: an earlier promise cannot be kept in such scales.
        """
        earlier = [hold for hold in holds if isinstance(hold, PowerOfTwo)]
        bits = min((self.bits, *(hold.bits for hold in earlier)))
        per_channel = self.per_channel and all(hold.exponents.size > 1 for hold in earlier)
        top = min((2 ** (bits - 1) - 1, *(hold.largest_code for hold in holds)))
        chosen = step_sizes.exponents(kernel.numpy(), kernel.layer_class, top, per_channel)
        new = PowerOfTwo(kernel.layer, kernel.layer_class, chosen, bits)
        others = tuple(hold for hold in holds if not isinstance(hold, PowerOfTwo))
        try:
            moved = holds_lib.rescaled(kernel, others, new.scales(kernel.numpy()), top)
        except ValueError as error:
            raise BadInput(
                str(self),
                f"the earlier promise of {error} cannot be kept with power-of-two scales",
                "Put this pass first, or leave the layer alone by a rule.",
            ) from error
        return (new, *moved)

    def _ranges(self, ready: Candidate, task: Task) -> Quantization:
        """Those that were learned, else those of the calibration split, as powers of two."""
        model, earlier = ready.model, ready.quantization
        if earlier is None:
            stay_float = fake_quantization.float_layers(model)
            earlier = Quantization(
                fake_quantization.calibrate(model, task), stay_float, bits=self.bits
            )
        ranges = {name: _shifted(*span) for name, span in earlier.ranges.items()}
        return dataclasses.replace(earlier, ranges=ranges, power_of_two=True)


def _shifted(low: float, high: float) -> tuple[float, float]:
    """The range of int8 codes times the power of two that just holds low..high."""
    step = float(2.0 ** np.ceil(np.log2(max(-low, high) / _FILLED)))
    return -128 * step, 127 * step

"""Magnitude pruning while training: weights go to zero by a schedule and stay there.

Schedules, N:M and block patterns mean what they mean in TFMOT. A weight under the mask keeps
its value and returns when others become smaller, until the schedule ends.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
from absl import logging

from tfedge import settings
from tfedge.compress import masks, rules, schedules
from tfedge.compress.candidate import Candidate
from tfedge.compress.holds import Hold, Zeros, on
from tfedge.compress.layers import kernels
from tfedge.compress.passes import base
from tfedge.compress.training import finetune
from tfedge.data.task import Task
from tfedge.errors import BadInput


@settings.declared
class Prune(base.TrainingPass):
    """Zero small weights."""

    stage = base.Stage.ZEROS

    final_sparsity: float = settings.setting(
        0.5,
        settings.Real(at_least=0, below=1),
        'Share of zeros, per kernel, or over all with distribution="lamp".',
        per_layer=True,
        search=settings.Search(0.3, 0.95, step=0.05),
    )
    initial_sparsity: float = settings.setting(
        0.0, settings.Real(at_least=0, below=1), "Where polynomial decay starts."
    )
    schedule: str = settings.setting(
        "polynomial_decay",
        settings.Choice(("polynomial_decay", "constant", "one_shot")),
        "How the share of zeros grows; one_shot is at once, then recover.",
    )
    begin_step: int = settings.setting(
        0, settings.Whole(0), "Masks change from here on.", unit="steps"
    )
    end_step: int = settings.setting(
        -1, settings.Whole(-1), "And up to here; -1 is half of all steps.", unit="steps"
    )
    frequency: int = settings.setting(
        100,
        settings.Whole(1),
        "Between two changes; less when there are not that many.",
        unit="steps",
    )
    power: float = settings.setting(3.0, settings.Real(above=0), "Exponent of the decay.")
    distribution: str = settings.setting(
        "uniform",
        settings.Choice(("uniform", "lamp")),
        "Every kernel alike, or the sparsity goes where it costs least.",
        search=settings.Search(),
    )
    threshold: float | None = settings.setting(
        None,
        settings.optional(settings.Real(above=0)),
        "Instead of a sparsity, one shot: zero what is smaller in magnitude.",
        per_layer=True,
    )
    sparsity_m_by_n: tuple[int, int] | None = settings.setting(
        None,
        settings.optional(settings.Several(settings.Whole(1), 2)),
        "(m, n): zero m of every n weights.",
        per_layer=True,
    )
    block_size: tuple[int, int] = settings.setting(
        (1, 1),
        settings.Several(settings.Whole(1), 2),
        "Rows and columns of the (inputs, outputs) matrix that go together.",
        per_layer=True,
    )
    block_pooling_type: str = settings.setting(
        "AVG", settings.Choice(("AVG", "MAX")), "Magnitude of a block.", per_layer=True
    )
    epochs: int = base.epochs(4)
    learning_rate: float = base.learning_rate(1e-3)
    patience: int = base.patience()
    rules: base.Rules = base.layer_rules("A depthwise kernel is pruned only where a rule names it.")

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        super().__post_init__()
        fine = self.initial_sparsity <= self.final_sparsity
        self.check(fine, "initial_sparsity", "0 <= initial_sparsity <= final_sparsity")
        fine = self.end_step == -1 or self.end_step >= self.begin_step
        self.check(fine, "end_step", "-1 or a whole number >= begin_step")
        pattern = self.sparsity_m_by_n
        self.check(pattern is None or pattern[0] < pattern[1], "sparsity_m_by_n", "0 < m < n")
        structured = pattern is not None or tuple(self.block_size) != (1, 1)
        fine = not (structured and self.distribution == "lamp")
        self.check(fine, "distribution", '"uniform" with N:M or block patterns')

    def requires(self, candidate: Candidate) -> None:
        """There must be something to prune, and each rule must name a layer."""
        rules.check(
            self.rules, [kernel.layer for kernel in kernels.find(candidate.model)], self.name
        )
        targets = self._targets(candidate)[0]
        if not targets:
            raise BadInput(
                f"{self.name}", "no layer of the model has a kernel to prune", "Leave it out."
            )
        for hold in candidate.holds:
            if hold.layer in targets and not hold.allows_zeros:
                raise BadInput(
                    self.name,
                    f"the weights of layer {hold.layer} are promised to be never zero",
                    f"Leave the layer alone by a rule: rules={{{hold.layer!r}: None}}.",
                )

    def leaves(self, candidate: Candidate) -> dict[str, str]:
        """See `Pass.leaves`."""
        return self._targets(candidate)[1]

    def apply(self, candidate: Candidate, task: Task) -> Candidate:
        """Choose masks along the schedule, then fine-tune under the last ones."""
        targets, skipped = self._targets(candidate)
        fitted = self._fit_schedule(self.epochs * finetune.steps_per_epoch(task))
        update = _MaskUpdate(targets, fitted, self._end, _earlier_masks(candidate))
        tuned, history = self.train(candidate, task, update)
        zeros = {
            hold.layer: round(1.0 - float(np.mean(hold.mask)), 4)
            for hold in tuned.holds
            if isinstance(hold, Zeros)
        }
        report = self.report(tuple(targets), skipped, {"sparsity": zeros}, history)
        return dataclasses.replace(tuned, reports=(*candidate.reports, report))

    def _targets(self, candidate: Candidate) -> tuple[dict[str, "_Target"], dict[str, str]]:
        targets, skipped = {}, kernels.unknown(candidate.model)
        for kernel in kernels.find(candidate.model):
            settings = rules.settings_for(self, kernel.layer)
            named = rules.matching(self.rules, kernel.layer) is not None
            if settings is None:
                skipped[kernel.layer] = "left alone by a rule"
            elif kernel.is_depthwise and not named:
                skipped[kernel.layer] = "depthwise: few weights, each counts; a rule can name it"
            else:
                targets[kernel.layer] = _Target(kernel.layer_class, settings, own=named)
        return targets, skipped

    @property
    def _end(self) -> float:
        """Of the schedule, which rules follow in proportion, also where nothing else is pruned."""
        return self.final_sparsity or 1.0

    def _fit_schedule(self, total: int) -> schedules.Schedule:
        """The schedule over the steps there are."""
        if self.schedule == "one_shot" or self.threshold is not None or total == 0:
            return schedules.ConstantSparsity(0, 0, 1, self._end)
        end = min(self.end_step, total - 1) if self.end_step >= 0 else total // 2
        if self.begin_step > end:
            raise BadInput(
                f"{self.name}(begin_step={self.begin_step})",
                f"masks would never change in the {total} steps of {self.epochs} epochs",
                "Begin earlier or train for more epochs.",
            )
        frequency = min(self.frequency, max(1, (end - self.begin_step) // 20))
        if frequency < self.frequency:
            logging.debug("prune: masks change every %d steps, %d in all", frequency, total)
        if self.schedule == "constant":
            return schedules.ConstantSparsity(self.begin_step, end, frequency, self._end)
        return schedules.PolynomialDecay(
            self.begin_step, end, frequency, self.initial_sparsity, self._end, self.power
        )


@dataclasses.dataclass(frozen=True)
class _Target:
    """A kernel to prune: its settings, and whether a rule gave it its own."""

    layer_class: str
    settings: Prune
    own: bool

    def mask(self, weights: np.ndarray, progress: float) -> np.ndarray:
        """The mask when this share, 0..1, of the final sparsity is reached."""
        settings = self.settings
        if settings.threshold is not None:
            return (np.abs(weights) >= settings.threshold).astype(np.float32)
        if settings.sparsity_m_by_n is not None:
            return masks.m_by_n(weights, self.layer_class, *settings.sparsity_m_by_n)
        sparsity = progress * settings.final_sparsity
        if tuple(settings.block_size) != (1, 1):
            size = (settings.block_size[0], settings.block_size[1])
            return masks.block(weights, sparsity, size, settings.block_pooling_type)
        return masks.unstructured(weights, sparsity)

    @property
    def pattern(self) -> str:
        """For the report."""
        if self.settings.sparsity_m_by_n is not None:
            return "{}:{}".format(*self.settings.sparsity_m_by_n)
        if tuple(self.settings.block_size) != (1, 1):
            return "block {}x{}".format(*self.settings.block_size)
        return "unstructured"


class _MaskUpdate:
    """New masks whenever the schedule fires."""

    def __init__(
        self,
        targets: Mapping[str, _Target],
        schedule: schedules.Schedule,
        end: float,
        earlier: Mapping,
    ):
        self._targets, self._schedule, self._earlier = targets, schedule, earlier
        self._end = end
        self.settled = schedule.end_step

    def fires(self, step: int) -> bool:
        """See `finetune.Update`."""
        return self._schedule.fires(step)

    def __call__(
        self, step: int, latents: finetune.Latents, current: tuple[Hold, ...]
    ) -> tuple[Zeros, ...]:
        """See `finetune.Update`."""
        fires = self._schedule.begin_step <= step
        sparsity = self._schedule.sparsity(step) if fires else 0.0
        shares = self._shares(sparsity, latents)
        return tuple(
            Zeros(
                layer, target.layer_class, self._mask(layer, latents, shares[layer]), target.pattern
            )
            for layer, target in self._targets.items()
        )

    def _mask(self, layer: str, latents: finetune.Latents, share: float) -> np.ndarray:
        if share <= 0 and self._targets[layer].settings.final_sparsity > 0:
            mask = np.ones_like(latents[layer], np.float32)
        else:
            mask = self._targets[layer].mask(latents[layer], share)
        return mask * self._earlier.get(layer, 1.0)

    def _shares(self, sparsity: float, latents: finetune.Latents) -> dict[str, float]:
        """Layer -> share of its own final sparsity that it has at an overall sparsity now."""
        shares = dict.fromkeys(self._targets, sparsity / self._end)
        pooled = [
            layer
            for layer, target in self._targets.items()
            if target.settings.distribution == "lamp"
            and target.settings.final_sparsity > 0
            and not target.own
        ]
        if pooled and sparsity > 0:
            scores = {layer: masks.lamp_scores(latents[layer]) for layer in pooled}
            every = np.concatenate([score.reshape(-1) for score in scores.values()])
            threshold = np.quantile(every, sparsity)
            for layer, score in scores.items():
                shares[layer] = float(np.mean(score < threshold)) / self._end
        return shares


def _earlier_masks(candidate: Candidate) -> dict[str, np.ndarray]:
    return {
        kernel.layer: hold.mask
        for kernel in kernels.find(candidate.model)
        for hold in on(candidate.holds, kernel.layer)
        if isinstance(hold, Zeros)
    }

"""Structured pruning: channels and neurons go for good, and every shape gets smaller.

What belongs to a channel is followed through the graph (`channels`), what it is worth is
measured (`importance`), and the least worth goes until a budget is met. In a transformer these
are heads of attention, whole; neurons between the two layers of a feed-forward part; and the
width of the model, one group along all of its residual sums. Right after a cut the kernels behind
it are fitted by least squares, to give on some calibration inputs what they gave before
(`refitting`), and training goes on from there. The epochs are split: half of them, shared evenly,
go to the training under a penalty (if there is one) and to those between steps; the rest recover
the model after the last cut.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import logging

from tfedge import settings
from tfedge.compress import channels, costs, holds, rules
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.channels import (
    budgets,
    depth,
    fading,
    importance,
    input_columns,
    narrowing,
    refitting,
    surgery,
)
from tfedge.compress.graph import residual
from tfedge.compress.layers import kernels
from tfedge.compress.passes import base
from tfedge.compress.training import finetune
from tfedge.data import splits, targets
from tfedge.data.task import Task
from tfedge.errors import BadInput

_BRANCHES = (0, 1, 2)  # that a search drops


@settings.declared
class Slim(base.TrainingPass):
    """Cut whole channels."""

    stage = base.Stage.SHAPES

    reduction: float = settings.setting(
        0.3,
        settings.Real(above=0, below=1),
        "Share of the budget's quantity that goes; in a rule, of the channels of its layers.",
        per_layer=True,
        search=settings.Search(0.1, 0.8, step=0.05),
    )
    budget: str = settings.setting(
        "multiply_adds",
        settings.Choice(budgets.QUANTITIES),
        "What is counted; latency is of int8, predicted for the profile's device (its processor or "
        "NPU), or measured on this host, one thread, where there is none.",
        search=settings.Search(values=("multiply_adds", "parameters")),
    )
    criterion: str = settings.setting(
        "l1",
        settings.Choice(importance.CRITERIA),
        "What a channel is worth: l1, l2, fpgm or random by its weights; activation, taylor or "
        "entropy on the calibration split.",
        search=settings.Search(values=("l1", "fpgm", "activation", "taylor")),
    )
    scope: str = settings.setting(
        "global",
        settings.Choice(("global", "layer")),
        "The least worth of the whole model goes, or every layer loses the same share.",
    )
    multiple_of: int = settings.setting(
        8,
        settings.Whole(1),
        "Widths become multiples of it, which kernels for SIMD like; a layer that is no wider "
        "becomes a multiple of the half, and so on, and never vanishes.",
        unit="channels",
    )
    steps: int = settings.setting(
        1, settings.Whole(1), "Cuts on the way to the reduction, with training between."
    )
    penalty: str | None = settings.setting(
        None,
        settings.optional(settings.Choice(fading.PENALTIES)),
        "Train under it first, so that channels fade.",
    )
    penalty_weight: float = settings.setting(
        1e-5,
        settings.Real(above=0),
        "Of the penalty in the loss.",
        search=settings.Search(1e-6, 1e-3, log=True, when={"penalty": fading.PENALTIES}),
    )
    blocks: int = settings.setting(
        0,
        settings.Whole(0),
        "Residual branches that go first and whole (an attention, a feed-forward part, what a "
        "shortcut goes around): those without which the outputs on the calibration split change "
        "least. They count for the reduction; channels then give what is missing.",
        unit="branches",
        search=settings.Search(values=_BRANCHES),
    )
    inputs: bool = settings.setting(
        False,
        settings.Flag(),
        "Whether columns of flat inputs may go, too. The model's input keeps its shape; the "
        "columns that are not read any more are named in the report.",
    )
    epochs: int = base.epochs(4)
    learning_rate: float = base.learning_rate(1e-3)
    patience: int = base.patience()
    rules: base.Rules = base.layer_rules()

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        super().__post_init__()
        trained = self.penalty is None or self.epochs > 0
        self.check(trained, "epochs", "1 or more under a penalty", "Write slim(epochs=4).")

    def requires(self, candidate: Candidate) -> None:
        """Channels to cut, rules that match, and a budget that can be reached."""
        rules.check(
            self.rules, [kernel.layer for kernel in kernels.find(candidate.model)], self.name
        )
        if self.inputs and candidate.quantization is not None:
            raise BadInput(
                f"{self.name}(inputs=True)",
                "the ranges of the inputs are already learned",
                f"Put {self.name} before quantize.",
            )
        found = self._channels(candidate)
        if self.blocks:
            depth.check(self.name, self.blocks, len(self._branches(candidate.model)), candidate)
        elif not found.blocks:
            why = next(iter(found.fixed.values()), "it has no kernel")
            raise BadInput(self.name, f"no channel of the model can go: {why}", "Leave it out.")
        if self.inputs:
            makers = [name for block in found.blocks for name in block.sources]
            input_columns.check(self.name, candidate.model, makers, found.reasons())
        self._budget.check(self.name)
        if self.budget != "latency" and not self.blocks:  # which of them go is known with data
            cost = self._budget.cost(candidate.model, found)
            every = np.ones(found.count)
            order = self._order(found, every, found, 1.0)
            self._check_reach(cost, order, cost(every.astype(bool)))

    def suits(self, task: Task) -> None:
        """A loss has gradients where there are targets."""
        targets_of = splits.named(task.calibration.targets())
        if self.criterion == "taylor" and any(map(targets.is_unlabelled, targets_of.values())):
            raise BadInput(
                f"{self.name}(criterion='taylor')",
                f"the calibration split of {task.name} has no targets",
                "Use criterion='activation', or label its examples.",
            )

    def leaves(self, candidate: Candidate) -> dict[str, str]:
        """Layers of which no channel can go, neither one they make nor one they read."""
        found = self._channels(candidate)
        free = {
            member.layer
            for member in found.members
            if any(int(unit) not in found.fixed for unit in member.units)
        }
        reasons, other = found.reasons(), kernels.unknown(candidate.model)
        layers = [*(kernel.layer for kernel in kernels.find(candidate.model)), *other]
        usual = "no channel of it can go"
        return {
            layer: reasons.get(layer, other.get(layer, usual))
            for layer in layers
            if layer not in free
        }

    def groups(self, candidate: Candidate) -> tuple[tuple[str, ...], ...]:
        """The layers that own the same channels, those that make them first."""
        found = self._channels(candidate)
        return tuple(dict.fromkeys(map(found.owners, found.blocks)))

    @classmethod
    def searched(cls, model: k.Model) -> dict[str, tuple[Any, ...]]:
        """No more branches than there are."""
        count = len(residual.branches(model))
        return {"blocks": tuple(each for each in _BRANCHES if each <= count)}

    def apply(self, candidate: Candidate, task: Task) -> Candidate:
        """Fade, then cut and recover, step by step."""
        start, epochs = candidate, self._epochs()
        history: list[Mapping[str, float]] = []
        first = self._channels(candidate)
        before = self._budget.of_whole(candidate.model, first)
        dropped: tuple[str, ...] = ()
        if self.blocks:
            free = self._branches(candidate.model)
            dropped = depth.least_missed(candidate.model, free, self.blocks, task)
            shallower = residual.without(candidate.model, dropped)
            candidate = dataclasses.replace(candidate, model=shallower)
            first = self._channels(candidate)
        label = f"{len(candidate.reports)}-{self.name}"
        if self.penalty is not None and epochs[0]:
            candidate, entries = self._fade(candidate, task, first, epochs[0], label)
            history.extend(entries)
        for step in range(1, self.steps + 1):
            candidate, refitted = self._cut(candidate, task, first, step, before)
            logging.info("%s: cut %d of %d is done", self.name, step, self.steps)
            plan = finetune.Plan(epochs[step], self.learning_rate, self.patience)
            if plan.epochs:
                part = label if self.steps == 1 else f"{label}-{step}"
                candidate, entries = finetune.finetune(candidate, task, plan, part)
                history.extend(entries)
            else:
                _project(candidate)
        notes = {**self._notes(start, candidate, first, before), "epochs": epochs}
        notes |= {"refitted": refitted.shares, "not_refitted": refitted.left}
        if self.blocks:
            notes["dropped_blocks"] = dropped
        touched, skipped = self._covered(start.model, candidate.model, first)
        report = self.report(touched, skipped, notes, tuple(history))
        return dataclasses.replace(candidate, reports=(*start.reports, report))

    def _cut(
        self, candidate: Candidate, task: Task, first: channels.Channels, step: int, whole: float
    ) -> tuple[Candidate, refitting.Refitted]:
        """The candidate after a step on the way down from what the `whole` model costs."""
        found = self._channels(candidate)
        cost = self._budget.cost(candidate.model, found)
        scores = importance.scores(self.criterion, candidate.model, found, task)
        order = self._order(found, scores, first, step / self.steps)
        if step == 1:  # before any training between cuts
            self._check_reach(cost, order, whole)
        alive = self._budget.choose(cost, order, whole, step / self.steps)
        smaller, cuts = surgery.cut(candidate.model, found, alive)
        held = {hold.layer for hold in candidate.holds}
        refitted = refitting.refit(candidate.model, smaller, cuts, task, held)
        return candidate.with_cut(refitted.model, cuts), refitted

    def _notes(
        self, start: Candidate, candidate: Candidate, first: channels.Channels, before: float
    ) -> dict[str, Any]:
        return {
            **self._budget.before_and_after(start.model, candidate.model, before),
            "widths": surgery.widths(start.model, candidate.model),
            "kept_widths": first.reasons(),
            "dropped_inputs": input_columns.dropped(candidate.model),
        }

    @property
    def _budget(self) -> budgets.Budget:
        return budgets.Budget(self.budget, self.reduction)

    def _epochs(self) -> list[int]:
        """Under the penalty, then after each cut."""
        early = self.steps - 1 + (self.penalty is not None)
        each = self.epochs // (2 * early) if early else 0
        late = self.epochs - early * each
        return [each if self.penalty else 0, *[each] * (self.steps - 1), late]

    def _channels(self, candidate: Candidate) -> channels.Channels:
        kept = {}
        for kernel in kernels.find(candidate.model):
            for hold in holds.on(candidate.holds, kernel.layer):
                if hold.taken(0, np.arange(kernel.shape[0])) is None:
                    kept[kernel.layer] = f"the promise {hold.kind!r} of {kernel.layer} is of all"
        return channels.analyse(candidate.model, kept, self.inputs)

    def _fade(
        self, candidate: Candidate, task: Task, found: channels.Channels, epochs: int, label: str
    ) -> tuple[Candidate, tuple[dict[str, float], ...]]:
        """Train under the penalty; the last epoch is the one that goes on."""
        penalty = fading.penalty(str(self.penalty), self.penalty_weight, candidate.model, found)
        last = fading.LastEpochOnly((epochs - 1) * finetune.steps_per_epoch(task))
        plan = finetune.Plan(epochs, self.learning_rate)
        label = f"{label}-fading"
        return finetune.finetune(candidate, task, plan, label, last, penalty=penalty)

    def _order(
        self,
        found: channels.Channels,
        scores: np.ndarray,
        first: channels.Channels,
        progress: float,
    ) -> narrowing.Order:
        """What goes in which order; `progress` of what rules want, 0..1, of the first widths."""
        blocks: list[channels.Block] = []
        shares: dict[int, float] = {}
        for block in found.blocks:
            names = found.owners(block) if self.rules else ()
            own = [rules.settings_for(self, n) for n in names if rules.matching(self.rules, n)]
            if None in own:
                continue
            if own:
                name = block.sources[0]
                whole = len(first.sources[name]) / len(found.sources[name])
                least = min(settings.reduction for settings in own if settings)
                shares[len(blocks)] = max(0.0, 1 - whole * (1 - least * progress))
            blocks.append(block)
        multiple, scope = self.multiple_of, self.scope
        return narrowing.order(blocks, scores, multiple, scope=scope, shares=shares)

    def _branches(self, model: k.Model) -> list[str]:
        """The sums of residual branches in which no layer is left alone by a rule."""
        alone = {
            kernel.layer
            for kernel in kernels.find(model)
            if rules.settings_for(self, kernel.layer) is None
        }
        return [name for name, layers in residual.inside(model).items() if not layers & alone]

    def _check_reach(self, cost: costs.Cost, order: narrowing.Order, whole: float) -> None:
        why = ", or all by a rule" if self.rules else ""
        self._budget.check_reach(self.name, cost, order, whole, why)

    def _covered(
        self, before: Any, after: Any, found: channels.Channels
    ) -> tuple[tuple[str, ...], dict[str, str]]:
        """Layers that got smaller, and the others with the reason."""
        touched = surgery.smaller(before, after)
        skipped, fixed = kernels.unknown(before), found.reasons()
        for kernel in kernels.find(before):
            by_rule = rules.matching(self.rules, kernel.layer) is not None
            skipped[kernel.layer] = fixed.get(
                kernel.layer,
                "left alone by a rule" if by_rule else "other channels are worth less",
            )
        return touched, {name: why for name, why in skipped.items() if name not in touched}


def _project(candidate: Candidate) -> None:
    """What is left of held kernels keeps its promises, without a training that would see to it."""
    for kernel in kernels.find(candidate.model):
        on = holds.on(candidate.holds, kernel.layer)
        if on:
            kernel.variable.assign(holds.project(kernel.numpy(), on))

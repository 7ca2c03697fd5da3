"""Low-rank factorisation: a layer becomes a chain of thinner ones, then all are fine-tuned.

Truncated SVD of dense kernels and 1x1 convolutions (Denton et al. 2014, arXiv:1404.0736), spatial
SVD (Jaderberg et al. 2014, arXiv:1405.3866) and Tucker-2 (Kim et al. 2015, arXiv:1511.06530) of
others. Only where that saves multiply-adds; batch normalization is folded first. The last layer
of a chain keeps the name, so rules and outputs go on meaning what they meant.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from absl import logging

from tfedge import settings
from tfedge.compress import factors, folding, rules
from tfedge.compress import holds as holds_lib
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.factors import chains, ranks, tolerance
from tfedge.compress.layers import kernels, multiply_adds
from tfedge.compress.passes import base
from tfedge.compress.training import activation_statistics
from tfedge.data.task import Task
from tfedge.errors import BadInput

_METHODS = ("auto", *(way.name for way in factors.ALL))
_FITS = ("responses", "weights")
_STEPS = 8  # options tried per layer when validation decides


@settings.declared
class LowRank(base.TrainingPass):
    """Split layers into chains with fewer multiply-adds.

    How far: `rank` goes before `ratio`, `ratio` before `tolerance`, `tolerance` before `energy`.
    """

    stage = base.Stage.SHAPES

    method: str = settings.setting(
        "auto",
        settings.Choice(_METHODS),
        "svd (window, then 1x1), spatial (k x 1, then 1 x k), tucker (1x1, k x k, 1x1), or auto, "
        "the best of them. Dense and 1x1 kernels are always cut by SVD.",
        per_layer=True,
    )
    fit: str = settings.setting(
        "responses",
        settings.Choice(_FITS),
        "An SVD keeps what the outputs on the calibration split need most, or the weights; the "
        "other methods always fit weights.",
        per_layer=True,
    )
    energy: float = settings.setting(
        0.9,
        settings.Real(above=0, at_most=1),
        "Share of the kernel's squared singular values to keep.",
        per_layer=True,
        search=settings.Search(0.5, 0.99),
    )
    ratio: float | None = settings.setting(
        None,
        settings.optional(settings.Real(above=0, below=1)),
        "Instead, share of the layer's multiply-adds to keep.",
        per_layer=True,
    )
    rank: int | tuple[int, int] | None = settings.setting(
        None,
        settings.Either(
            (settings.Whole(1), settings.Several(settings.Whole(1), 2), settings.Choice((None,)))
        ),
        "Instead, the channels between; (inputs, outputs) of the window for tucker.",
        per_layer=True,
        unit="channels",
    )
    tolerance: float | None = settings.setting(
        None,
        settings.optional(settings.Real(at_least=0)),
        "Instead, the smallest ranks whose loss of the validation metric, all layers together and "
        "before fine-tuning, stays within this.",
        unit="of the metric",
    )
    multiple_of: int = settings.setting(
        8,
        settings.Whole(1),
        "Ranks are rounded up to it (down for ratio) where that still saves.",
        per_layer=True,
        unit="channels",
    )
    epochs: int = base.epochs(4)
    learning_rate: float = base.learning_rate(1e-3)
    patience: int = base.patience()
    rules: base.Rules = base.layer_rules()

    def requires(self, candidate: Candidate) -> None:
        """Something to split, no ranks above a kernel's, and no ranges learned for it as it is."""
        if candidate.quantization is not None:
            raise BadInput(
                self.name,
                "the ranges that quantize has learned are not those of the layers to come",
                "Put low_rank before quantize.",
            )
        found = kernels.find(candidate.model)
        rules.check(self.rules, [kernel.layer for kernel in found], self.name)
        targets, skipped = self._targets(candidate.model, candidate.holds)
        if not targets:
            reasons = "; ".join(sorted(set(skipped.values()))) or "there is no kernel"
            raise BadInput(
                self.name,
                f"no layer of the model can be split: {reasons}",
                "Leave it out, or put it first.",
            )
        for kernel, own in targets:
            if own.rank is not None and not _ways_at(
                own.rank, _ways(own.method, kernel.shape), kernel.shape
            ):
                raise BadInput(
                    f"{self.name}(rank={own.rank!r})",
                    f"layer {kernel.layer} has a kernel {kernel.shape},"
                    f" whose highest ranks are {_highest(own, kernel.shape)}",
                    "Give a lower rank, or one for this layer in rules.",
                )

    def leaves(self, candidate: Candidate) -> dict[str, str]:
        """See `Pass.leaves`."""
        left = self._targets(candidate.model, candidate.holds)[1]
        return left | kernels.unknown(candidate.model)

    def apply(self, candidate: Candidate, task: Task) -> Candidate:
        """Fold, choose ranks, split, fine-tune."""
        model, folded = folding.fold(candidate.model)
        targets, skipped = self._targets(model, candidate.holds)
        skipped |= kernels.unknown(model)
        before = multiply_adds.of(model)
        chosen, unsaved = self._choose(model, task, targets, before)
        skipped |= unsaved
        split, errors = chains.split(model, chosen)
        ready = dataclasses.replace(candidate, model=split)
        history: tuple[Mapping[str, float], ...] = ()
        if chosen:
            ready, history = self.train(ready, task)
        else:
            logging.warning("%s: no layer is split, nothing would be saved", self.name)
        notes = {
            "folded": folded,
            "multiply_adds_before": sum(before.values()),
            "multiply_adds_after": sum(multiply_adds.of(split).values()),
            "layers": {
                layer: {
                    "method": option.way.name,
                    "ranks": option.ranks,
                    "multiply_adds_before": before[layer],
                    "multiply_adds_after": option.multiply_adds,
                    "error": round(errors[layer], 4),
                }
                for layer, option in chosen.items()
            },
        }
        report = self.report(tuple(chosen), skipped, notes, history)
        return dataclasses.replace(ready, reports=(*candidate.reports, report))

    def _targets(
        self, model: k.Model, holds: tuple[holds_lib.Hold, ...]
    ) -> tuple[list[tuple[kernels.Kernel, "LowRank"]], dict[str, str]]:
        """Kernels that can be split with their settings, and the others with the reason."""
        targets, skipped = [], {}
        for kernel in kernels.find(model):
            settings = rules.settings_for(self, kernel.layer)
            held = sorted({hold.kind for hold in holds_lib.on(holds, kernel.layer)})
            if settings is None:
                skipped[kernel.layer] = "left alone by a rule"
            elif kernel.is_table:
                skipped[kernel.layer] = "a table multiplies nothing, so there is nothing to save"
            elif kernel.is_depthwise:
                skipped[kernel.layer] = "depthwise: an output reads one input, nothing to split"
            elif kernel.is_transposed:
                skipped[kernel.layer] = "transposed convolutions are not split"
            elif model.get_layer(kernel.layer).get_config().get("groups", 1) > 1:
                skipped[kernel.layer] = "convolutions in groups are not split"
            elif held:
                skipped[kernel.layer] = f"what is promised of its kernel ({', '.join(held)})"
                skipped[kernel.layer] += " would be lost"
            else:
                targets.append((kernel, settings))
        return targets, skipped

    def _choose(
        self,
        model: k.Model,
        task: Task,
        targets: Sequence[tuple[kernels.Kernel, "LowRank"]],
        before: Mapping[str, int],
    ) -> tuple[dict[str, ranks.Option], dict[str, str]]:
        """Layer -> what it becomes, and the layers where nothing is saved with the reason."""
        chosen, ladders, unsaved = {}, {}, {}
        observed = [each.layer for each, settings in targets if settings.fit == "responses"]
        covariances = activation_statistics.covariances(model, task, observed)
        for kernel, own in targets:
            ways = _ways(own.method, kernel.shape, covariances.get(kernel.layer))
            found = _Choices.of(kernel, own, ways, model.get_layer(kernel.layer))
            if own.rank is None and own.ratio is None and self.tolerance is not None:
                ladders[kernel.layer] = found.ladder()
                continue
            option, reason = found.choose()
            if option is not None:
                chosen[kernel.layer] = option
            else:
                unsaved[kernel.layer] = reason
        if self.tolerance is not None and ladders:
            taken = tolerance.choose(model, task, ladders, before, self.tolerance)
            chosen |= taken
            reason = f"no cut that saves keeps the validation metric within {self.tolerance:g}"
            unsaved |= {layer: reason for layer in ladders if layer not in taken}
        in_order = {layer: chosen[layer] for layer in before if layer in chosen}
        return in_order, unsaved


@dataclasses.dataclass(frozen=True)
class _Choices:
    """All ways to cut one kernel, and the settings to choose by."""

    settings: LowRank
    ways: tuple[factors.Factorisation, ...]
    places: multiply_adds.Positions
    kernel: Any
    options: tuple[ranks.Option, ...]
    even: tuple[ranks.Option, ...]
    whole: int

    @classmethod
    def of(
        cls,
        kernel: kernels.Kernel,
        settings: LowRank,
        ways: Sequence[factors.Factorisation],
        layer: k.Layer,
    ) -> "_Choices":
        """The choices for a kernel of a built layer."""
        value, places = kernel.numpy(), multiply_adds.positions(layer)
        found = ranks.options(value, places, ways)
        even = ranks.rounded(found, value, places, settings.multiple_of)
        return cls(settings, tuple(ways), places, value, found, even, value.size * places.outputs)

    def choose(self) -> tuple[ranks.Option | None, str]:
        """What the settings ask for; or None and why."""
        if self.settings.rank is not None:
            exact = self._at_rank(self.settings.rank)
            return self._if_saving(exact, f"rank {self.settings.rank}")
        if self.settings.ratio is not None:
            budget = self.settings.ratio * self.whole
            option = ranks.nearest(self.even, budget) or ranks.nearest(self.options, budget)
            reason = f"even rank 1 takes more than {self.settings.ratio:.3g} of its multiply-adds"
            return option, "" if option else reason
        even = ranks.cheapest(self.even, self.settings.energy)
        if even is not None and even.multiply_adds < self.whole:
            return even, ""
        needed = ranks.cheapest(self.options, self.settings.energy)
        return self._if_saving(needed, f"keeping {self.settings.energy:.3g} of the energy")

    def ladder(self) -> tuple[ranks.Option, ...]:
        """Options that save, from dear to cheap."""
        even = [each for each in self.even if each.multiply_adds < self.whole]
        every = [each for each in self.options if each.multiply_adds < self.whole]
        return ranks.ladder(even or every, _STEPS)

    def _at_rank(self, rank: int | tuple[int, int]) -> ranks.Option:
        """The way that keeps most with ranks given outright."""
        ways = _ways_at(rank, self.ways, self.kernel.shape)
        exact = [
            ranks.option(self.kernel, self.places, way, wanted) for way, wanted in ways.items()
        ]
        saving = [each for each in exact if each.multiply_adds < self.whole]
        return max(saving or exact, key=lambda each: each.kept)

    def _if_saving(
        self, option: ranks.Option | None, asked: str
    ) -> tuple[ranks.Option | None, str]:
        if option is not None and option.multiply_adds < self.whole:
            return option, ""
        cost = f"{option.multiply_adds:,}" if option else "more"
        return None, f"{asked} takes {cost} multiply-adds, the layer {self.whole:,}"


def _ways(
    method: str, shape: tuple[int, ...], covariance: np.ndarray | None = None
) -> list[factors.Factorisation]:
    """The factorisations to choose from; a window of 1 leaves only the SVD.

    Where the covariance of the outputs is known, the SVD is the one of the outputs.
    """
    svd = factors.Svd() if covariance is None else factors.Responses(covariance)
    every = [svd, factors.Spatial(), factors.Tucker()]
    return [way for way in every if way.fits(shape) and method in ("auto", way.name)] or [svd]


def _ways_at(
    rank: Any, ways: Sequence[factors.Factorisation], shape: tuple[int, ...]
) -> dict[factors.Factorisation, factors.Ranks]:
    """The factorisations that can have the rank asked for, with their ranks."""
    given, found = _as_ranks(rank), {}
    for way in ways:
        full = way.full(shape)
        wanted = given * len(full) if len(given) == 1 else given
        if len(wanted) == len(full) and all(
            rank <= most for rank, most in zip(wanted, full, strict=True)
        ):
            found[way] = wanted
    return found


def _highest(settings: LowRank, shape: tuple[int, ...]) -> str:
    ways = _ways(settings.method, shape)
    return ", ".join(f"{way.name} {' and '.join(map(str, way.full(shape)))}" for way in ways)


def _as_ranks(rank: Any) -> tuple[Any, ...]:
    return tuple(rank) if isinstance(rank, tuple | list) and len(rank) == 2 else (rank,)

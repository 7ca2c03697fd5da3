"""Trains kernels whose weights are a sign times their channel's scale, with or without zero.

The unconstrained copy that `finetune` keeps gets the gradients of the kernel of signs
(BinaryConnect, Courbariaux et al. 2015, arXiv:1511.00363). The scale is the mean magnitude of the
weights that are not zero, which is the nearest one (XNOR-Net, Rastegari et al. 2016,
arXiv:1603.05279); weights below a share of the mean magnitude become zero (ternary weight networks,
Li et al. 2016, arXiv:1605.04711).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from tfedge.compress import folding, rules
from tfedge.compress import holds as holds_lib
from tfedge.compress.candidate import Candidate
from tfedge.compress.holds import Grid, Hold, Signs, Zeros, on
from tfedge.compress.layers import kernels
from tfedge.compress.training import finetune
from tfedge.data.task import Task
from tfedge.errors import BadInput

_TOP = 1  # the largest integer
_REFITS = 100  # scales follow the weights so often
_MANTISSA_STEPS = 32  # short mantissas: hundreds of scales of 24 bits would cost a download more
_DEAD = 1e-6  # scale of a channel without weights: next to nothing
_BELOW_SCALE = 0.9  # a threshold stays under the scale, so that a projected weight stays


class Settings(Protocol):
    """What a pass that trains signs has; see there."""

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def per_channel(self) -> bool: ...  # noqa: D102

    @property
    def epochs(self) -> int: ...  # noqa: D102

    @property
    def learning_rate(self) -> float: ...  # noqa: D102

    @property
    def patience(self) -> int: ...  # noqa: D102

    @property
    def rules(self) -> Mapping[str, Mapping[str, Any] | None]: ...  # noqa: D102

    @property
    def zero_below(self) -> float | None:
        """Share of the mean magnitude below which a weight becomes zero; None: none does."""


@dataclasses.dataclass(frozen=True)
class Trained:
    """What a pass reports, and the candidate."""

    candidate: Candidate
    touched: tuple[str, ...]
    skipped: Mapping[str, str]
    notes: Mapping[str, Any]
    history: tuple[Mapping[str, float], ...]


def require(settings: Settings, candidate: Candidate) -> None:
    """Refuse what cannot be trained to signs; see `Pass.requires`."""
    found = kernels.find(candidate.model)
    rules.check(settings.rules, [kernel.layer for kernel in found], settings.name)
    chosen, _ = targets(settings, found)
    if not chosen:
        raise BadInput(
            settings.name,
            "the model has no kernel between its first and its last layer",
            "Name layers by a rule, or leave it out.",
        )
    values = 2 if settings.zero_below is None else 3
    for hold in candidate.holds:
        if hold.layer not in chosen:
            continue
        cause = None
        if hold.most_values is not None and hold.most_values < values:
            cause = f"already promises {hold.most_values} values"
        elif isinstance(hold, Zeros) and values == 2 and not hold.mask.all():
            cause = "promises zeros, and a binary weight has none"
        if cause:
            raise BadInput(
                settings.name,
                f"layer {hold.layer} {cause}",
                f"Leave the layer alone by a rule: rules={{{hold.layer!r}: None}}.",
            )


def targets(
    settings: Settings, found: tuple[kernels.Kernel, ...]
) -> tuple[dict[str, tuple[kernels.Kernel, Settings]], dict[str, str]]:
    """Layer -> (kernel, settings), and the skipped ones with the reason."""
    chosen, skipped = {}, {}
    ends = [kernel.layer for kernel in found if not kernel.is_table]
    for kernel in found:
        own = rules.settings_for(settings, kernel.layer)
        named = rules.matching(settings.rules, kernel.layer) is not None
        if own is None:
            skipped[kernel.layer] = "left alone by a rule"
        elif not named and kernel.is_table:
            skipped[kernel.layer] = "a table: few bits a row; a rule can name it"
        elif not named and kernel.layer in (ends[0], ends[-1]):
            place = "first" if kernel.layer == ends[0] else "last"
            skipped[kernel.layer] = f"{place} layer: accuracy is lost here; a rule can name it"
        elif not named and kernel.is_depthwise:
            skipped[kernel.layer] = "depthwise: few weights, each counts; a rule can name it"
        else:
            chosen[kernel.layer] = (kernel, own)
    return chosen, skipped


def leaves(settings: Settings, candidate: Candidate) -> dict[str, str]:
    """See `Pass.leaves`."""
    return targets(settings, kernels.find(candidate.model))[1] | kernels.unknown(candidate.model)


def train(settings: Settings, candidate: Candidate, task: Task) -> Trained:
    """Fold, choose scales, train."""
    model, folded = folding.fold(candidate.model)
    plain = dataclasses.replace(candidate, model=model)
    chosen, skipped = targets(settings, kernels.find(model))
    total = settings.epochs * finetune.steps_per_epoch(task)
    update = _SignUpdate(chosen, plain, total)
    latents = {layer: kernel.numpy() for layer, (kernel, _) in chosen.items()}
    held = plain.with_holds(*update(0, latents, plain.holds))
    plan = finetune.Plan(settings.epochs, settings.learning_rate, settings.patience)
    label = f"{len(candidate.reports)}-{settings.name}"
    tuned, history = finetune.finetune(held, task, plan, label, update)
    skipped |= kernels.unknown(model)
    notes = {"folded": folded, "zeros": _zeros(tuned, chosen)}
    return Trained(tuned, tuple(chosen), skipped, notes, history)


class _SignUpdate:
    """Scales and thresholds follow the weights in the first three quarters of the training."""

    def __init__(self, chosen: Mapping, candidate: Candidate, total: int):
        self._chosen = {
            layer: (kernel.layer_class, settings, _fixed(kernel, candidate))
            for layer, (kernel, settings) in chosen.items()
        }
        self._every = max(1, total // _REFITS)
        self.settled = (3 * total) // 4

    def fires(self, step: int) -> bool:
        """See `finetune.Update`."""
        return step <= self.settled and step % self._every == 0

    def __call__(
        self, step: int, latents: finetune.Latents, current: tuple[Hold, ...]
    ) -> tuple[Hold, ...]:
        """See `finetune.Update`."""
        found: list[Hold] = []
        for layer, (kind, settings, fixed) in self._chosen.items():
            mine = on(current, layer)
            earlier = tuple(hold for hold in mine if hold.stage < Signs.stage)
            weights = holds_lib.project(latents[layer], earlier)
            signs = nearest(layer, kind, weights, settings.zero_below, settings.per_channel)
            if fixed is not None:
                signs = signs.rescaled(*fixed)
            found.append(signs)
            grids = () if fixed is not None else mine
            found += [g.rescaled(signs.channel_scales) for g in grids if isinstance(g, Grid)]
        return tuple(found)


def nearest(
    layer: str, kind: str, weights: np.ndarray, zero_below: float | None, per_channel: bool
) -> Signs:
    """The scales, and thresholds, that come near these weights.

    Args:
        layer: its name.
        kind: its class.
        weights: Keras' shape; those that are zero already say nothing about the others.
        zero_below: share of the mean magnitude, or None for binary weights.
        per_channel: a scale for each output channel, or one for all.
    """
    every = tuple(range(weights.ndim))
    axes = kernels.per_channel(kind, weights.ndim, _TOP) if per_channel else every
    magnitudes = np.abs(weights.astype(np.float64))
    limits = (zero_below or 0.0) * _mean(magnitudes, magnitudes > 0, axes)
    scales = _mean(magnitudes, magnitudes > limits, axes)
    mantissas, exponents = np.frexp(np.maximum(scales, _DEAD))
    scales = np.ldexp(np.round(mantissas * _MANTISSA_STEPS) / _MANTISSA_STEPS, exponents)
    scales = scales.astype(np.float32)
    if zero_below is None:
        return Signs(layer, kind, scales, None)
    limits = np.minimum(np.maximum(limits, 0.5 * _DEAD), _BELOW_SCALE * scales)
    return Signs(layer, kind, scales, limits.astype(np.float32))


def _mean(magnitudes: np.ndarray, counted: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    total = np.sum(magnitudes * counted, axis=axes, keepdims=True)
    return total / np.maximum(np.sum(counted, axis=axes, keepdims=True), 1)


def _fixed(kernel: kernels.Kernel, candidate: Candidate) -> tuple[np.ndarray, int] | None:
    """Scales that another promise insists on, and its largest integer; a grid's own may move."""
    for hold in on(candidate.holds, kernel.layer):
        scales = hold.scales(kernel.numpy())
        if scales is not None and hold.kind != Signs.kind and not isinstance(hold, Grid):
            return scales, hold.largest_code
    return None


def _zeros(tuned: Candidate, chosen: Mapping) -> dict[str, float]:
    return {
        kernel.layer: round(float(np.mean(kernel.numpy() == 0)), 4)
        for kernel in kernels.find(tuned.model)
        if kernel.layer in chosen
    }

"""Cross-layer equalization: channels get similar ranges, the function stays what it was.

Nagel et al. 2019, "Data-free quantization through weight equalization and bias correction",
arXiv:1906.04721. A channel is divided by s where it is made and multiplied by s where it is
read, which a ReLU in between lets through. Kernels have a scale per output channel in a .tflite,
activations one for all: by default it is therefore the activations that become alike, at the
price of the kernel that reads them (Xiao et al. 2022, arXiv:2211.10438, equation 4). So are the
channels of a LayerNormalization or RMSNormalization that only kernels read, by its own factors: a
trained vit_tiny in which three channels of each are 50 times as large loses 3.7 points of 10,000
examples by post-training int8 and 2.6 by int4 in blocks, none and .7 behind this pass.

ReLU6 scales only below 6, so what stands before one is left alone unless `relu6` says otherwise.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from absl import logging

from tfedge import settings
from tfedge.compress import folding, graph
from tfedge.compress import holds as holds_lib
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.graph import scale_pairs, scaled_norms
from tfedge.compress.graph.scale_pairs import Link
from tfedge.compress.layers import kernels
from tfedge.compress.passes import base
from tfedge.compress.training import activation_statistics
from tfedge.data.task import Task
from tfedge.errors import BadInput

_RANGES = ("activations", "weights")
_ROOM = 0.5  # of the cap of a ReLU6, for what the calibration split has not shown
_ENLARGED = 2.0  # before a ReLU6 at most: a channel silent on the calibration split may still speak
_MOST = 100.0  # no channel is scaled further: next to nothing stays next to nothing
_CONVERGED = 1e-3  # largest change of a logarithm in a sweep

Factors = dict[Link, np.ndarray]


@settings.declared
class Equalize(base.Pass):
    """Scale channels between kernels so that int8 serves them all alike."""

    stage = base.Stage.SHAPES

    ranges: str = settings.setting(
        "activations",
        settings.Choice(_RANGES),
        "activations, the range of each channel on the calibration split against that of the "
        "weights that read it; or weights, those that make it against those that read it, which "
        "needs no data (Nagel et al.).",
        search=settings.Search(),
    )
    relu6: bool = settings.setting(
        False,
        settings.Flag(),
        "Also scale before a ReLU6 the channels that stay below half of its cap on the calibration "
        "split, before and after, and at most double them. Other inputs may take a channel further "
        "and then be cut elsewhere than they were: check what comes out.",
    )
    iterations: int = settings.setting(50, settings.Whole(1), "Sweeps over all pairs, at most.")

    def requires(self, candidate: Candidate) -> None:
        """Kernels, and no learned ranges of activations that scaling would make wrong."""
        if candidate.quantization is not None:
            raise BadInput(
                self.name,
                "quantize has learned ranges for the activations as they are",
                "Put equalize before quantize.",
            )
        if not kernels.find(candidate.model):
            raise BadInput(self.name, "no layer of the model has a kernel", "Leave it out.")

    def apply(self, candidate: Candidate, task: Task) -> Candidate:
        """Fold, find the pairs, scale."""
        model, folded = folding.fold(candidate.model)
        model = graph.rebuild(model)
        found, skipped = scale_pairs.find(model)
        found, refused = _without_promises(model, found, candidate.holds)
        skipped |= refused
        smoothed: dict[str, tuple[str, ...]] = {}
        if self.ranges == "activations":
            candidate, smoothed, others = _smoothed(candidate, model, task)
            skipped |= others
        seen = activation_statistics.highest(model, task, [link.between for link in found])
        found, capped = _below_caps(found, seen, self.relu6)
        skipped |= capped
        known = {kernel.layer: kernel for kernel in kernels.find(model)}
        factors, sweeps = self._factors(known, found, seen)
        holds = _scale(model, known, factors, candidate.holds)
        touched = {name for link in found for name in (link.first, link.second)}
        touched.update(smoothed, *smoothed.values())
        skipped = {layer: reason for layer, reason in skipped.items() if layer not in touched}
        notes = {
            "folded": folded,
            "pairs": tuple((link.first, link.second) for link in found),
            "normalizations": smoothed,
            "sweeps": sweeps,
            "largest_factor": {
                link.first: round(float(np.exp(np.abs(np.log(scale)).max())), 3)
                for link, scale in factors.items()
            },
            "held_below_cap": tuple(link.first for link in found if link.cap is not None),
        }
        if not found and not smoothed:
            logging.warning("%s: no two kernels can be scaled against each other", self.name)
        in_order = tuple(layer.name for layer in model.layers if layer.name in touched)
        report = self.report(in_order, {**skipped, **kernels.unknown(model)}, notes)
        reports = (*candidate.reports, report)
        return dataclasses.replace(candidate, model=model, reports=reports).with_holds(*holds)

    def _factors(
        self,
        known: Mapping[str, kernels.Kernel],
        found: Sequence[Link],
        seen: activation_statistics.PerChannel,
    ) -> tuple[Factors, int]:
        """What each pair divides its channels by where they are made, and the sweeps it took."""
        factors: Factors = {link: np.ones(len(seen[link.between])) for link in found}
        for sweep in range(1, self.iterations + 1):
            moved = 0.0
            for link, before in list(factors.items()):
                factors[link] = np.ones(len(before))
                wanted = self._wanted(known, link, factors, seen[link.between])
                factors[link] = _limited(wanted, link, seen[link.between])
                moved = max(moved, float(np.abs(np.log(factors[link] / before)).max()))
            if moved < _CONVERGED:
                return factors, sweep
        return factors, self.iterations

    def _wanted(
        self,
        known: Mapping[str, kernels.Kernel],
        link: Link,
        factors: Factors,
        seen: np.ndarray,
    ) -> np.ndarray:
        """(channels,) sqrt(r1 / r2), the other pairs' factors being what they are."""
        first, second = known[link.first], known[link.second]
        reads = scale_pairs.read(second, _kernel(second, factors), len(seen))
        if self.ranges == "weights":
            return _root_of_ratio(scale_pairs.made(first, _kernel(first, factors)), reads)
        if second.is_depthwise:  # each reader has a scale of its own: the activations decide alone
            wanted = _root_of_ratio(seen**2, np.ones(len(seen)))
        else:
            wanted = _root_of_ratio(seen, reads)
        # A factor of the whole tensor is nothing to its int8 scale.
        return wanted / np.exp(np.mean(np.log(wanted)))


def _smoothed(
    candidate: Candidate, model: k.Model, task: Task
) -> tuple[Candidate, dict[str, tuple[str, ...]], dict[str, str]]:
    """Channels of normalizations against the weights that read them, in place.

    Returns:
        The candidate with the holds of what was scaled; normalization -> its readers; why others
        were left.
    """
    norms, reasons = scaled_norms.find(model)
    known = {kernel.layer: kernel for kernel in kernels.find(model)}
    seen = activation_statistics.highest(model, task, [norm.layer for norm in norms])
    done: dict[str, tuple[str, ...]] = {}
    for norm in norms:
        readers = [known[name] for name in norm.readers]
        count = len(seen[norm.layer])
        reads = np.max([scale_pairs.read(each, each.numpy(), count) for each in readers], axis=0)
        wanted = _root_of_ratio(seen[norm.layer], reads)
        factors = np.clip(wanted / np.exp(np.mean(np.log(wanted))), 1 / _MOST, _MOST)
        holds = [
            hold.scaled(scale_pairs.incoming(each, factors))
            for each in readers
            for hold in holds_lib.on(candidate.holds, each.layer)
        ]
        if None in holds:
            reasons[norm.layer] = "scaling would break what is promised of a kernel behind it"
            continue
        scaled_norms.divide(model.get_layer(norm.layer), factors)
        for each in readers:
            value = each.numpy() * scale_pairs.incoming(each, factors)
            each.variable.assign(value.astype(np.float32))
        candidate = candidate.with_holds(*(hold for hold in holds if hold is not None))
        done[norm.layer] = norm.readers
    return candidate, done, reasons


def _root_of_ratio(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    """sqrt(over / under), and what is typical of the others for a channel dead on either side."""
    alive = (over > 0) & (under > 0)
    if not alive.any():
        return np.ones(len(over))
    root = np.sqrt(np.where(alive, over, 1.0) / np.where(alive, under, 1.0))
    return np.where(alive, root, np.exp(np.log(root[alive]).mean()))


def _limited(wanted: np.ndarray, link: Link, seen: np.ndarray) -> np.ndarray:
    """Factors within bounds, and such that no channel comes near the cap it has been below."""
    limited = np.clip(wanted, 1 / _MOST, _MOST)
    if link.cap is None:
        return limited
    room = _ROOM * link.cap
    least = np.maximum(seen / room, 1 / _ENLARGED)
    return np.where(seen <= room, np.maximum(limited, least), 1.0)


def _below_caps(
    found: Sequence[Link], seen: activation_statistics.PerChannel, allowed: bool
) -> tuple[tuple[Link, ...], dict[str, str]]:
    """The links whose activation stays below its cap in some channel, and the others' reasons."""
    kept, reasons = list[Link](), {}
    for link in found:
        if link.cap is None:
            kept.append(link)
        elif not allowed:
            reasons[link.first] = f"{link.between} is cut at {link.cap:g}; see relu6=True"
        elif np.any(seen[link.between] <= _ROOM * link.cap):
            kept.append(link)
        else:
            reasons[link.first] = (
                f"{link.between} is cut at {link.cap:g}, and every channel comes within"
                f" {1 - _ROOM:.0%} of that on the calibration split"
            )
    return tuple(kept), reasons


def _without_promises(
    model: k.Model, found: Sequence[Link], holds: tuple[holds_lib.Hold, ...]
) -> tuple[tuple[Link, ...], dict[str, str]]:
    """The links that no promise about a kernel forbids, and the others' reasons."""
    known = {kernel.layer: kernel for kernel in kernels.find(model)}
    kept, reasons = list[Link](), {}
    for link in found:
        first, second = known[link.first], known[link.second]
        channels = int(
            np.prod([first.shape[axis] for axis in kernels.channel_axes(first.layer_class)])
        )
        trial = 1.0 + np.arange(channels)
        scaled = (
            (first, scale_pairs.outgoing(first, trial)),
            (second, scale_pairs.incoming(second, trial)),
        )
        lost = [
            f"{hold.kind} of {kernel.layer}"
            for kernel, factors in scaled
            for hold in holds_lib.on(holds, kernel.layer)
            if hold.scaled(factors) is None
        ]
        if lost:
            reasons[link.first] = f"scaling would break what is promised: {', '.join(lost)}"
        else:
            kept.append(link)
    return tuple(kept), reasons


def _of_layer(kernel: kernels.Kernel, factors: Factors) -> np.ndarray:
    """What a kernel is multiplied by, broadcasting with it."""
    value = np.ones([1] * len(kernel.shape))
    for link, factor in factors.items():
        if link.first == kernel.layer:
            value = value / scale_pairs.outgoing(kernel, factor)
        if link.second == kernel.layer:
            value = value * scale_pairs.incoming(kernel, factor)
    return value


def _kernel(kernel: kernels.Kernel, factors: Factors) -> np.ndarray:
    return kernel.numpy() * _of_layer(kernel, factors)


def _scale(
    model: k.Model,
    known: Mapping[str, kernels.Kernel],
    factors: Factors,
    holds: tuple[holds_lib.Hold, ...],
) -> tuple[holds_lib.Hold, ...]:
    """Scale kernels and biases in place; returns the holds of what was scaled."""
    scaled = []
    for kernel in known.values():
        factor = _of_layer(kernel, factors)
        scaled += [hold.scaled(factor) for hold in holds_lib.on(holds, kernel.layer)]
        kernel.variable.assign((kernel.numpy() * factor).astype(np.float32))
    for link, factor in factors.items():
        bias = getattr(model.get_layer(link.first), "bias", None)
        if bias is not None:
            bias.assign((bias.numpy() / factor).astype(np.float32))
    return tuple(hold for hold in scaled if hold is not None)

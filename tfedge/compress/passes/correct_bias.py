"""Bias correction: what rounding kernels shifts on average, the biases take back.

Nagel et al. 2019, arXiv:1906.04721, section 4.2, in its empirical form. Layer after layer, the
mean of each output channel over the calibration split is compared with the float model's, with
this kernel and all before it rounded; the difference goes into the bias. Kernels stay float
here: post-training quantization rounds them later, just as was assumed.
"""

import dataclasses

import numpy as np

from tfedge import settings
from tfedge.compress import folding, graph
from tfedge.compress import holds as holds_lib
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.layers import kernels
from tfedge.compress.passes import base
from tfedge.compress.training import activation_statistics
from tfedge.data.task import Task
from tfedge.errors import BadInput


@settings.declared
class CorrectBias(base.Pass):
    """Prepare biases for kernels that will be rounded without training."""

    stage = base.Stage.INTEGERS

    bits: int = settings.setting(
        8,
        settings.Whole(2, 8),
        "Of the kernels in the export to come: 8 for int8, int16x8 and dynamic, 4 for int4.",
    )

    def requires(self, candidate: Candidate) -> None:
        """Kernels to be rounded, and no training that has seen them rounded."""
        if candidate.quantization is not None:
            raise BadInput(
                self.name,
                "quantize has trained the biases together with rounded kernels",
                "Leave it out, or quantize: it is for post-training quantization.",
            )
        if all(kernel.is_table for kernel in kernels.find(candidate.model)):
            raise BadInput(self.name, "no layer of the model has a kernel", "Leave it out.")

    def leaves(self, candidate: Candidate) -> dict[str, str]:
        """See `Pass.leaves`."""
        return self._without_biases(candidate.model)

    def _without_biases(self, model: k.Model) -> dict[str, str]:
        tables = [kernel.layer for kernel in kernels.find(model) if kernel.is_table]
        return kernels.unknown(model) | dict.fromkeys(tables, "a table has no bias")

    def apply(self, candidate: Candidate, task: Task) -> Candidate:
        """Fold, measure the means, correct layer by layer."""
        model, folded = folding.fold(candidate.model)
        rounding = _Rounding(model, candidate.holds, self.bits)
        corrections, before, after = rounding.correct(task)
        touched = tuple(layer for layer, shift in corrections.items() if np.any(shift))
        skipped = {
            layer: "its kernel and those before it lie on their integers: nothing shifts"
            for layer in corrections
            if layer not in touched
        }
        notes = {
            "folded": folded,
            "shift_before": {layer: before[layer] for layer in touched},
            "shift_after": {layer: after[layer] for layer in touched},
        }
        report = self.report(touched, skipped | self._without_biases(model), notes)
        corrected = _with_biases(model, {layer: corrections[layer] for layer in touched})
        return dataclasses.replace(candidate, model=corrected, reports=(*candidate.reports, report))


class _Rounding:
    """A model whose kernels are rounded one depth after the other."""

    def __init__(self, model: k.Model, holds: tuple[holds_lib.Hold, ...], bits: int):
        self._biased = {
            kernel.layer: np.zeros(()) for kernel in kernels.find(model) if not kernel.is_table
        }
        biased = _with_biases(model, self._biased)
        self._model = activation_statistics.without_activations(biased)
        self._kernels = {kernel.layer: kernel for kernel in kernels.find(self._model)}
        self._rounded = {
            layer: _round(kernel, holds_lib.on(holds, layer), bits)
            for layer, kernel in self._kernels.items()
        }
        self._means = activation_statistics.means(self._model, tuple(self._biased))

    def correct(
        self, task: Task
    ) -> tuple[activation_statistics.PerChannel, dict[str, float], dict[str, float]]:
        """Corrections per layer, and the mean shift of its channels without and with them all."""
        wanted = self._means(task)
        for layer, kernel in self._kernels.items():
            kernel.variable.assign(self._rounded[layer])
        before = found = self._means(task)
        corrections = {layer: np.zeros(len(mean)) for layer, mean in wanted.items()}
        for names in self._by_depth():
            for layer in names:
                corrections[layer] = wanted[layer] - found[layer]
                bias = self._model.get_layer(layer).bias
                bias.assign_add(corrections[layer].astype(np.float32))
            found = self._means(task)
        return corrections, _shift(wanted, before), _shift(wanted, found)

    def _by_depth(self) -> list[list[str]]:
        """Layers with kernels, those that read no other's output together, from the input on."""
        by_depth, seen = self._model._nodes_by_depth, set[str]()
        groups = []
        for depth in sorted(by_depth, reverse=True):
            names = {node.layer.name for node in by_depth[depth]} & set(self._biased) - seen
            seen |= names
            groups.append(sorted(names))
        return [names for names in groups if names]


def _round(kernel: kernels.Kernel, holds: tuple[holds_lib.Hold, ...], bits: int) -> np.ndarray:
    """The kernel as the export will have it; one whose integers are promised is so already."""
    value = kernel.numpy()
    if any(hold.scales(value) is not None for hold in holds):
        return value
    return holds_lib.project(value, (holds_lib.Grid(kernel.layer, kernel.layer_class, bits),))


def _shift(
    wanted: activation_statistics.PerChannel, found: activation_statistics.PerChannel
) -> dict[str, float]:
    return {layer: float(np.abs(wanted[layer] - found[layer]).mean()) for layer in wanted}


def _with_biases(model: k.Model, corrections: activation_statistics.PerChannel) -> k.Model:
    replace = {
        name: [_with_bias(model.get_layer(name), correction)]
        for name, correction in corrections.items()
    }
    return graph.rebuild(model, replace)


def _with_bias(layer: k.Layer, more: np.ndarray) -> graph.Replacement:
    """A layer's twin with this much more bias; one without a bias gets one."""
    config = {**layer.get_config(), "use_bias": True}
    kernel, *rest = layer.get_weights()
    bias = rest[0] if rest else np.zeros(layer.get_output_shape_at(0)[-1])
    weights = [kernel, (bias + more).astype(np.float32)]
    return graph.Replacement(type(layer).from_config(config), weights)

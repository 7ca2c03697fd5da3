"""Weight clustering: each channel takes its weights from a few values.

Batch normalization is folded first and a channel's weights are measured in units of its own
frozen int8 scale, so the centroids are int8 codes and the file holds exactly these (Deep
Compression, Han et al. 2016, arXiv:1510.00149, for kernels with one scale per channel).
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from tfedge import settings
from tfedge.compress import folding, rules
from tfedge.compress.candidate import Candidate
from tfedge.compress.holds import Grid, Hold, Levels, on
from tfedge.compress.integers import centroids
from tfedge.compress.integers.codes import INT8_MAX
from tfedge.compress.layers import kernels
from tfedge.compress.passes import base
from tfedge.compress.training import finetune
from tfedge.data.task import Task
from tfedge.errors import BadInput

# Scales are rounded up to quarters of a power of two: a few distinct floats with short mantissas
# deflate, hundreds with long ones do not.
_STEPS_PER_OCTAVE = 4


@settings.declared
class Cluster(base.TrainingPass):
    """Few distinct values per channel."""

    stage = base.Stage.VALUES

    number_of_clusters: int = settings.setting(
        16,
        settings.Whole(2, 2 * INT8_MAX + 1),
        "Values a channel may take, zero among them.",
        per_layer=True,
        search=settings.Search(4, 64, log=True),
    )
    cluster_centroids_init: str = settings.setting(
        "kmeans++",
        settings.Choice(centroids.INITIALIZATIONS),
        "How the first centroids are chosen.",
        per_layer=True,
    )
    cluster_per_channel: bool = settings.setting(
        False,
        settings.Flag(),
        "Each channel has its own centroids instead of its kernel's.",
        per_layer=True,
    )
    epochs: int = base.epochs(4)
    learning_rate: float = base.learning_rate(1e-3)
    patience: int = base.patience()
    rules: base.Rules = base.layer_rules()

    def requires(self, candidate: Candidate) -> None:
        """Kernels to cluster, rules that match, and no earlier promise of fewer values."""
        found = kernels.find(candidate.model)
        rules.check(self.rules, [kernel.layer for kernel in found], self.name)
        if not self._targets(found)[0]:
            raise BadInput(
                self.name, "no layer of the model has a kernel to cluster", "Leave it out."
            )
        for hold in candidate.holds:
            settings = rules.settings_for(self, hold.layer)
            most = hold.most_values
            if settings is None or most is None:
                continue
            if not isinstance(hold, Levels) or most < settings.number_of_clusters:
                raise BadInput(
                    f"{self.name}(number_of_clusters={settings.number_of_clusters})",
                    f"layer {hold.layer} already promises {most} values",
                    "Give as many or fewer, put this pass first, or leave the layer alone by a "
                    f"rule: rules={{{hold.layer!r}: None}}.",
                )

    def leaves(self, candidate: Candidate) -> dict[str, str]:
        """See `Pass.leaves`."""
        return self._targets(kernels.find(candidate.model))[1] | kernels.unknown(candidate.model)

    def apply(self, candidate: Candidate, task: Task) -> Candidate:
        """Fold, freeze scales, choose centroids and train with them."""
        model, folded = folding.fold(candidate.model)
        is_spare = candidate.is_spare or bool(folded)
        plain = dataclasses.replace(candidate, model=model, is_spare=is_spare)
        found = kernels.find(model)
        targets, skipped = self._targets(found)
        skipped |= kernels.unknown(model)
        scales = {
            kernel.layer: _scales(kernel, candidate) for kernel in found if kernel.layer in targets
        }
        held = plain.with_holds(
            *(hold.rescaled(scales[hold.layer]) for hold in plain.holds if hold.layer in scales)
        )
        total = self.epochs * finetune.steps_per_epoch(task)
        update = _LevelUpdate(targets, scales, total, task.seed)
        tuned, history = self.train(held, task, update)
        notes = {"folded": folded}
        report = self.report(tuple(targets), skipped, notes, history)
        return dataclasses.replace(tuned, reports=(*candidate.reports, report))

    def _targets(
        self, found: tuple[kernels.Kernel, ...]
    ) -> tuple[dict[str, tuple[str, "Cluster"]], dict[str, str]]:
        """Layer -> (layout, settings), and the skipped ones with the reason."""
        targets, skipped = {}, {}
        for kernel in found:
            settings = rules.settings_for(self, kernel.layer)
            channels = np.prod(
                [kernel.shape[axis] for axis in kernels.channel_axes(kernel.layer_class)]
            )
            if settings is None:
                skipped[kernel.layer] = "left alone by a rule"
            elif np.prod(kernel.shape) == channels:
                skipped[kernel.layer] = "one weight a channel: nothing to share"
            else:
                targets[kernel.layer] = (kernel.layer_class, settings)
        return targets, skipped


class _LevelUpdate:
    """Centroids follow the weights fifteen times in the first three quarters of the training."""

    def __init__(self, targets: Mapping, scales: Mapping, total: int, seed: int):
        self._targets, self._scales, self._seed = targets, scales, seed
        self._every = max(1, total // 20)
        self.settled = (3 * total) // 4

    def fires(self, step: int) -> bool:
        """See `finetune.Update`."""
        return step <= self.settled and step % self._every == 0

    def __call__(
        self, step: int, latents: finetune.Latents, current: tuple[Hold, ...]
    ) -> tuple[Hold, ...]:
        """See `finetune.Update`."""
        known = {hold.layer: hold.levels for hold in current if isinstance(hold, Levels)}
        found = []
        for layer, (kind, own) in self._targets.items():
            before = known[layer] if step > 0 else None
            tops = (hold.largest_code for hold in on(current, layer))
            top = min(tops, default=INT8_MAX)
            normalised = np.clip(latents[layer] / self._scales[layer], -top, top)
            levels = self._fit(kind, own, normalised, before)
            count = own.number_of_clusters
            found.append(Levels(layer, kind, self._scales[layer], levels, count))
        return tuple(found)

    def _fit(
        self, kind: str, settings: Cluster, normalised: np.ndarray, before: np.ndarray | None
    ) -> np.ndarray:
        """(1 or channels, number_of_clusters) int8 codes, from those `before` or chosen first."""
        rows = kernels.deployed(kind, normalised)
        rows = np.moveaxis(rows, kernels.deployed_channel_axis(kind), 0)
        apart = settings.cluster_per_channel and kernels.scale_axes(kind, INT8_MAX)
        rows = rows.reshape(rows.shape[0] if apart else 1, -1)
        count = settings.number_of_clusters
        levels = []
        for number, row in enumerate(rows):
            alive = row[row != 0]
            if before is None:
                start = centroids.initial(
                    alive, count, settings.cluster_centroids_init, self._seed + number
                )
            else:
                start = np.unique(before[number])
            levels.append(centroids.whole(centroids.refit(alive, start), count))
        return np.stack(levels)


def _scales(kernel: kernels.Kernel, candidate: Candidate) -> np.ndarray:
    """Frozen int8 scale of each channel, keepdims: what a hold fixed, else the weights' own."""
    value = kernel.numpy()
    axes = kernels.per_channel(kernel.layer_class, value.ndim)
    scales = np.abs(value).max(axis=axes, keepdims=True) / INT8_MAX
    for hold in on(candidate.holds, kernel.layer):
        fixed = None if isinstance(hold, Grid) and hold.frozen is None else hold.scales(value)
        if fixed is not None:
            return np.broadcast_to(fixed, scales.shape).astype(np.float32)
    octave = np.exp2(np.floor(np.log2(np.where(scales > 0, scales, 1.0))))
    steps = np.ceil(np.where(scales > 0, scales, 1.0) / octave * _STEPS_PER_OCTAVE)
    return (octave * steps / _STEPS_PER_OCTAVE).astype(np.float32)

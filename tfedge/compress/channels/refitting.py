"""After a cut the kernels behind it are fitted anew, to give what they gave before.

Channels are never quite alone: what is left of them tells much of what those said that are gone.
Layer by layer, from the input on, the kernel and the bias change by least squares so that on some
calibration inputs a layer makes of what is left what it made in the whole model (He et al. 2017,
arXiv:1707.06168, section 3.1; Luo et al. 2017, ThiNet, arXiv:1707.06342). The whole model's outputs
are the aim at every layer, so each also mends what those before it could not. Every fourth example
is kept back, and a layer for which the fit does harm on these stays as it was cut.
"""

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.candidate import Cut
from tfedge.compress.channels import examples, kernel_rows, least_squares, stepwise
from tfedge.compress.keras import tf
from tfedge.compress.layers import facts, kernels
from tfedge.data.task import Task

_MOST = 256  # examples
_FEWEST = 32
_BATCH = 64
_ROOM = 1 << 28  # bytes, for a tensor between two layers; a few are kept at a time
_KEPT_BACK = 4  # one of so many
_WIDEST = 4096  # inputs of an output: the sums are a matrix of its square, in float64


@dataclasses.dataclass(frozen=True, eq=False)
class Refitted:
    """A model whose kernels were fitted anew.

    Attributes:
        model: with the same layers.
        shares: layer -> share of its outputs' variance that was missing, straight after the cut of
            this layer and after the fit, on examples that were kept back.
        left: layer behind the cut -> why it stays as it was cut.
    """

    model: Any
    shares: Mapping[str, list[float]]
    left: Mapping[str, str]


def refit(
    whole: k.Model, model: k.Model, cuts: Sequence[Cut], task: Task, held: Collection[str] = ()
) -> Refitted:
    """Fit all kernels behind a cut.

    Args:
        whole: flat tf_keras model.
        model: what is left of it.
        cuts: of its kernels.
        task: up to 256 inputs of its calibration split are run, 64 of large images.
        held: layers whose kernels keep a promise; of these the bias alone changes.
    """
    model = graph.rebuild(model)
    places = [
        _Place(whole.get_layer(layer.name), layer, kept, _readers(model, layer))
        for layer, kept in _behind(model, cuts)
    ]
    left = {place.name: reason for place in places if (reason := place.unfit())}
    batches = _examples(whole, task)
    if sum(map(examples.size, batches)) < _FEWEST:
        left = dict.fromkeys(
            (place.name for place in places), f"fewer than {_FEWEST} calibration examples"
        )
    fitted = [place for place in places if place.name not in left]
    before = stepwise.Run(whole, batches, [place.old.input for place in fitted])
    after = stepwise.Run(model, batches, [place.new.input for place in fitted])
    generator = np.random.default_rng(task.seed)
    shares: dict[str, list[float]] = {}
    for place in fitted:
        sums = _sums(place, before.take(place.old.input), after.take(place.new.input), generator)
        fit = least_squares.best(*sums, kernel=place.name not in held, shift=place.shifts)
        if fit is None:
            left[place.name] = "a fit does harm on examples that it has not seen"
            continue
        place.change(fit.change)
        shares[place.name] = [round(fit.before, 4), round(fit.after, 4)]
    return Refitted(model, shares, left)


def _examples(whole: k.Model, task: Task) -> list[Any]:
    """Fewer where what is between layers is large, as of images of many pixels."""
    first = examples.first(whole, task, 1, _BATCH)
    longest = max(size for each in tf.nest.flatten(first) for size in each.shape)
    room = _ROOM // stepwise.largest_bytes(whole, longest)
    most = int(np.clip(room, _BATCH, _MOST))
    return examples.first(whole, task, most, _BATCH)


def _behind(model: k.Model, cuts: Sequence[Cut]) -> Iterator[tuple[Any, np.ndarray | None]]:
    """Layers whose kernels read other values than before, in order, and the outputs they have left.

    None: all of them.
    """
    axes = {name: facts.of(model.get_layer(name)).kernel for name in {cut.layer for cut in cuts}}
    kept = {cut.layer: cut.kept for cut in cuts if (a := axes[cut.layer]) and cut.axis in a.outputs}
    reads_less = {cut.layer for cut in cuts if (a := axes[cut.layer]) and cut.axis == a.input}
    changed: set[str] = set()
    compressed = {kernel.layer for kernel in kernels.find(model) if not kernel.is_table}
    for node in graph.nodes(model):
        read = {tensor._keras_history.layer.name for tensor in tf.nest.flatten(node.keras_inputs)}
        name = node.layer.name
        if node.is_input or name in changed or not (name in reads_less or read & changed):
            continue
        changed.add(name)
        if name in compressed:
            yield node.layer, kept.get(name)


def _readers(model: k.Model, layer: k.Layer) -> list[Any]:
    is_output = any(tensor._keras_history.layer is layer for tensor in model.outputs)
    return [] if is_output else graph.consumers(model)[layer.name]


class _Place:
    """A layer with a kernel, in the whole model and in what is left."""

    def __init__(self, old: k.Layer, new: k.Layer, kept: np.ndarray | None, readers: list[Any]):
        self.name, self.old, self.new, self._kept = new.name, old, new, kept
        normed = readers and all(type(each).__name__ == "BatchNormalization" for each in readers)
        self._norms = [] if new.use_bias or not normed else readers

    def unfit(self) -> str:
        """Why there is no fit for it, or ""."""
        if len(self.new.inbound_nodes) > 1:
            return "it is used several times"
        if reason := kernel_rows.unread(self.new):
            return reason
        wide = int(np.prod(self.new.kernel.shape[:-1]))
        return f"an output reads {wide:,} values, more than {_WIDEST:,}" if wide > _WIDEST else ""

    @property
    def shifts(self) -> bool:
        """Whether its outputs can be shifted: by a bias, or by the means of normalization."""
        return bool(self.new.use_bias or self._norms)

    def maps(self) -> list[tuple[np.ndarray, Any]]:
        """[whole, left]: the kernel (inputs, outputs) and bias of the outputs that are left."""
        kept = slice(None) if self._kept is None else self._kept
        return [
            (
                layer.kernel.numpy().reshape(-1, layer.kernel.shape[-1])[:, outputs],
                layer.bias.numpy()[outputs] if layer.use_bias else 0.0,
            )
            for layer, outputs in ((self.old, kept), (self.new, slice(None)))
        ]

    def change(self, change: least_squares.Change) -> None:
        """Add to the kernel, and to the bias or what stands for it."""
        kernel = self.new.kernel
        kernel.assign_add(change.kernel.astype(np.float32).reshape(kernel.shape))
        shift = change.shift.astype(np.float32)
        if self.new.use_bias:
            self.new.bias.assign_add(shift)
        for norm in self._norms:
            norm.moving_mean.assign_sub(shift)


def _sums(
    place: _Place, before: list[k.Tensor], after: list[k.Tensor], generator: np.random.Generator
) -> tuple[least_squares.Sums, least_squares.Sums]:
    """Of the examples to learn from, and of those kept back, by what came and comes in."""
    maps, layers = place.maps(), (place.old, place.new)
    parts: tuple[list[least_squares.Sums], ...] = ([], [])
    seen = 0
    for inputs in zip(before, after, strict=True):
        at = tuple(generator.uniform(size=2))
        rows = [kernel_rows.read(each, x, at) for each, x in zip(layers, inputs, strict=True)]
        wanted, found = (r @ kernel + bias for r, (kernel, bias) in zip(rows, maps, strict=True))
        kept_back = np.arange(seen, seen + len(rows[0])) % _KEPT_BACK == _KEPT_BACK - 1
        seen += len(rows[0])
        for part, chosen in zip(parts, (~kept_back, kept_back), strict=True):
            if chosen.any():
                part.append(_summed(rows[1][chosen], wanted[chosen], found[chosen]))
    learned, kept = (sum(part[1:], part[0]) for part in parts)
    return learned, kept


def _summed(rows: k.Tensor, wanted: k.Tensor, found: k.Tensor) -> least_squares.Sums:
    """Of (examples, positions, ...) each."""
    # In float64: what channels that are nearly the same differ by is lost in sums of float32.
    rows, wanted, found = (
        tf.cast(tf.reshape(each, (-1, each.shape[-1])), tf.float64)
        for each in (rows, wanted, found)
    )
    missing = wanted - found
    ones = tf.concat([rows, tf.ones_like(rows[:, :1])], axis=1)
    products = tf.matmul(ones, tf.concat([ones, missing], axis=1), transpose_a=True)
    spread = tf.reduce_sum(tf.square(wanted - tf.reduce_mean(wanted, axis=0)))
    return least_squares.Sums(
        products.numpy(),
        float(tf.reduce_sum(tf.square(missing))),
        float(spread),
    )

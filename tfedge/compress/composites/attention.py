"""Multi-head attention by Dense, Reshape, Permute, matmul and Softmax (Vaswani et al. 2017).

So every technique sees four ordinary kernels, and every count two ordinary products. Outputs are
those of the layer to float rounding: its 1 / sqrt(key_dim) is a factor of the query's kernel here.
Masks are choices of -1e9, as `ranges.softmax_masks` knows them.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.composites import mask_layers

MASKED = -1e9  # what Keras adds to a score that does not count
PARTS = ("query", "key", "value", "output")


@dataclasses.dataclass(frozen=True)
class Form:
    """What the plain form of a layer looks like.

    Attributes:
        name: of the layer, before the dot in the names of all parts.
        rank: of what it reads.
        axes: of the query that attend; the others between batch and channels are alike.
        heads: of the query.
        groups: of keys and values; each serves heads / groups heads.
        key_dim, value_dim: of one head.
        output: shape of what comes out, in place of the query's channels.
        use_bias: of the four kernels.
        dropout: share of the scores that training leaves out.
        window: from how far a step is seen, None from anywhere.
    """

    name: str
    rank: int
    axes: tuple[int, ...]
    heads: int
    groups: int
    key_dim: int
    value_dim: int
    output: tuple[int, ...]
    use_bias: bool
    dropout: float
    window: int | None = None

    @property
    def free(self) -> tuple[int, ...]:
        """Axes that do not attend."""
        return tuple(axis for axis in range(1, self.rank - 1) if axis not in self.axes)

    @property
    def factor(self) -> float:
        """Of the query."""
        return 1.0 / math.sqrt(self.key_dim)

    @property
    def is_sequence(self) -> bool:
        """Whether one axis attends and there is no other, as masks want it."""
        return len(self.axes) == 1 and not self.free

    def width(self, part: str) -> int:
        """Columns of the kernel of a part."""
        return {
            "query": self.heads * self.key_dim,
            "key": self.groups * self.key_dim,
            "value": self.groups * self.value_dim,
            "output": math.prod(self.output),
        }[part]

    def kernels(self, weights: Mapping[str, Sequence[np.ndarray]]) -> list[np.ndarray]:
        """Weights of the plain form's kernels and biases, part by part.

        Args:
            weights: part -> kernel with its heads apart, and a bias where there is one.
        """
        found: list[np.ndarray] = []
        for part in PARTS:
            kernel, *bias = weights[part]
            factor = self.factor if part == "query" else 1.0
            found.append(np.reshape(kernel * factor, (-1, self.width(part))))
            found += [np.reshape(each * factor, -1) for each in bias]
        return [each.astype(np.float32) for each in found]

    def weights(self, parts: Mapping[str, Sequence[np.ndarray]]) -> list[np.ndarray]:
        """The weights of the layer, in its order: the opposite of `kernels`.

        Args:
            parts: part -> weights of its kernel in the plain form.
        """
        columns = {
            "query": (self.heads, self.key_dim),
            "key": (self.groups, self.key_dim),
            "value": (self.groups, self.value_dim),
            "output": self.output,
        }
        found: list[np.ndarray] = []
        for part in PARTS:
            kernel, *bias = parts[part]
            factor = self.factor if part == "query" else 1.0
            rows = (self.heads, self.value_dim) if part == "output" else (len(kernel),)
            found.append(np.reshape(kernel / factor, (*rows, *columns[part])))
            found += [np.reshape(each / factor, columns[part]) for each in bias]
        return [each.astype(np.float32) for each in found]


@dataclasses.dataclass(frozen=True, eq=False)
class Call:
    """What a layer is called with, in its order."""

    query: Any
    value: Any
    key: Any = None
    attention_mask: Any = None
    return_attention_scores: bool = False
    training: bool | None = None
    use_causal_mask: bool = False

    @property
    def keys(self) -> Any:
        """Those of the values where none are given."""
        return self.value if self.key is None else self.key


class Attention:
    """The plain form: it is called as the layer is, and then takes its weights.

    Args:
        form: what it looks like.
        settings: more of the four kernels.
    """

    def __init__(self, form: Form, settings: Mapping[str, Any]):
        self._form, self._calls = form, 0
        self._kernels = {
            part: k.tf_keras.layers.Dense(
                form.width(part), use_bias=form.use_bias, name=f"{form.name}.{part}", **settings
            )
            for part in PARTS
        }

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs, with the scores if asked for; arguments as of the layer, see `Call`."""
        self._calls += 1
        call = Call(*args, **kwargs)
        keys = self._by_column(self._heads("key", call.keys))
        scores = self._op("matmul", "scores", self._heads("query", call.query), keys)
        for name, mask in self._masks(call, scores).items():
            scores = self._op("where", f"{name}_masked", mask, scores, MASKED)
        chances = scores = self._layer("Softmax", "softmax")(scores)
        if self._form.dropout:
            given = {} if call.training is None else {"training": call.training}
            chances = self._layer("Dropout", "dropout", self._form.dropout)(scores, **given)
        mixed = self._op("matmul", "mixed", chances, self._heads("value", call.value))
        outputs = self._outputs(mixed, call.query)
        return (outputs, scores) if call.return_attention_scores else outputs

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Those that `Form.kernels` gives."""
        each = 1 + self._form.use_bias
        for number, part in enumerate(PARTS):
            self._kernels[part].set_weights(weights[each * number :][:each])

    def _heads(self, part: str, tensor: Any) -> Any:
        """(batch, free, heads, steps, channels) of what a kernel makes of a tensor."""
        form, sizes = self._form, _sizes(tensor)
        count = form.heads if part == "query" else form.groups
        wide = self._kernels[part](tensor)
        width = form.width(part) // count
        apart = self._reshape(f"{part}_heads", wide, (*sizes, count, width))
        order = (*form.free, form.rank - 1, *form.axes, form.rank)
        heads = self._layer("Permute", f"{part}_by_head", order)(apart)
        if len(form.axes) > 1:
            free = [sizes[axis - 1] for axis in form.free]
            steps = math.prod(sizes[axis - 1] for axis in form.axes)
            heads = self._reshape(f"{part}_steps", heads, (*free, count, steps, width))
        if count == form.heads:
            return heads
        return self._op("repeat", f"{part}_shared", heads, form.heads // count, 1)

    def _by_column(self, keys: Any) -> Any:
        """(..., channels, steps) of (..., steps, channels)."""
        rank = len(keys.shape)
        order = (*range(1, rank - 2), rank - 1, rank - 2)
        return self._layer("Permute", "key_by_column", order)(keys)

    def _outputs(self, mixed: Any, query: Any) -> Any:
        form, sizes = self._form, _sizes(query)
        if len(form.axes) > 1:
            each = [sizes[axis - 1] for axis in (*form.free, *form.axes)]
            each.insert(len(form.free), form.heads)
            mixed = self._reshape("mixed_steps", mixed, (*each, form.value_dim))
        order = (*form.free, form.rank - 1, *form.axes, form.rank)
        back = tuple(order.index(axis) + 1 for axis in range(1, form.rank + 1))
        apart = self._layer("Permute", "mixed_by_step", back)(mixed)
        wide = self._reshape("mixed_heads", apart, (*sizes, form.heads * form.value_dim))
        outputs = self._kernels["output"](wide)
        if len(form.output) != 1:
            outputs = self._reshape("output_shape", outputs, (*sizes, *form.output))
        if not _has_mask(query):
            return outputs
        handing = mask_layers.WithMaskOf(name=self._name("with_mask"))
        return handing([outputs, query])

    def _masks(self, call: "Call", scores: Any) -> dict[str, Any]:
        """Name -> booleans that broadcast to the scores; as Keras' layer has them."""
        found: dict[str, Any] = {}
        steps, seen = scores.shape[-2:]
        if call.attention_mask is not None:
            mask = call.attention_mask
            apart = len(mask.shape) < len(scores.shape)
            found["given"] = self._op("expand_dims", "mask", mask, 1) if apart else mask
        travelling = {"query": (call.query, (1, -1, 1)), "value": (call.value, (1, 1, -1))}
        if call.keys is not call.value:
            travelling["key"] = (call.keys, (1, 1, -1))
        for part, (tensor, shape) in travelling.items():
            if _has_mask(tensor):
                found[part] = mask_layers.MaskOf(shape, name=self._name(f"{part}_mask"))(tensor)
        if call.use_causal_mask:
            found["causal"] = np.tri(steps, seen, dtype=bool)
        if self._form.window is not None:
            found["window"] = _near(steps, seen, self._form.window)
        return found

    def _reshape(self, name: str, tensor: Any, shape: Sequence[int]) -> Any:
        return self._layer("Reshape", name, tuple(shape))(tensor)

    def _layer(self, kind: str, name: str, *args: Any) -> Any:
        return getattr(k.tf_keras.layers, kind)(*args, name=self._name(name))

    def _op(self, op: str, name: str, *arguments: Any) -> Any:
        """The output of an operation on tensors and constants."""
        from tfedge.compress.bridge import operation

        return operation.in_tf_keras(operation.Operation(op, arguments), self._name(name), True)

    def _name(self, part: str) -> str:
        """Of a layer; those that later calls need are numbered."""
        number = f"_{self._calls - 1}" if self._calls > 1 else ""
        return f"{self._form.name}.{part}{number}"


def _sizes(tensor: Any) -> tuple[int, ...]:
    """Between batch and channels, -1 where it is not known."""
    return tuple(size or -1 for size in tensor.shape[1:-1])


def _near(steps: int, seen: int, window: int) -> np.ndarray:
    """(steps, seen) booleans: no step sees one that is so far away, or farther."""
    return np.abs(np.subtract.outer(np.arange(steps), np.arange(seen))) < window


def is_plain(form: Form, layer: Any) -> bool:
    """Whether all uses of a layer have the plain form.

    Several axes that attend have no masks here, and what is reshaped has one unknown size at most.
    """
    return all(_has_form(form, node) for node in layer.inbound_nodes)


def _has_form(form: Form, node: Any) -> bool:
    call = Call(*node.call_args, **node.call_kwargs)
    read = (call.query, call.value, call.keys)
    sizes = [_sizes(tensor) for tensor in read]
    fixed = call.use_causal_mask or form.window is not None
    masked = fixed or call.attention_mask is not None or any(map(_has_mask, read))
    return (
        all(len(each) == form.rank - 2 and each.count(-1) <= 1 for each in sizes)
        and not (fixed and any(-1 in each for each in sizes))
        and (form.is_sequence or not (masked or call.return_attention_scores))
    )


def _has_mask(tensor: Any) -> bool:
    return getattr(tensor, "_keras_mask", None) is not None

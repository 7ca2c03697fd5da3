"""MultiHeadAttention in place of its parts, as `attention` names them."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.composites import attention
from tfedge.compress.keras import tf

_HEADS = tuple(f"{part}_heads" for part in ("query", "key", "value"))


def names(model: k.Model) -> set[str]:
    """Of the layers whose parts a flat tf_keras model may have."""
    layers = {layer.name: layer for layer in model.layers}
    needed = (*attention.PARTS, *_HEADS, "query_by_head")
    return {
        name
        for name in (each.removesuffix(".query") for each in layers if each.endswith(".query"))
        if all(f"{name}.{part}" in layers for part in needed) and _is_a_layer(name, layers)
    }


def _is_a_layer(name: str, layers: Mapping[str, Any]) -> bool:
    """Whether a layer can have this form: one kernel a part, and as Keras has the widths."""
    form = _form(name, layers)
    reads = layers[f"{name}.query"].input_shape[-1]
    whole = layers[f"{name}.output"].input_shape[-1] == form.heads * form.value_dim
    # One of groups gives as many channels as it reads.
    return whole and (form.heads == form.groups or form.output == (reads,))


def made(model: k.Model, chosen: Set[str]) -> dict[str, Sequence[graph.Replacement]]:
    """What stands in the place of each part of those that are chosen."""
    layers = {layer.name: layer for layer in model.layers}
    found: dict[str, Sequence[graph.Replacement]] = {}
    for name in sorted(names(model) & chosen):
        found |= _Whole(_form(name, layers), layers).replacements()
    return found


def with_biases(model: k.Model) -> k.Model:
    """The model with a bias, of zeros, where all kernels of a layer have one but keys and values.

    See `graph.idle_biases`.
    """
    layers = {layer.name: layer for layer in model.layers}
    replace = {}
    for name in names(model):
        parts = [layers[f"{name}.{part}"] for part in ("key", "value")]
        for layer in parts if layers[f"{name}.output"].use_bias else ():
            if not layer.use_bias:
                twin = type(layer).from_config({**layer.get_config(), "use_bias": True})
                weights = [*layer.get_weights(), np.zeros(layer.units, np.float32)]
                replace[layer.name] = [graph.Replacement(twin, weights)]
    return graph.rebuild(model, replace) if replace else model


def _form(name: str, layers: Mapping[str, Any]) -> attention.Form:
    query, key, value = (layers[f"{name}.{heads}"].target_shape for heads in _HEADS)
    rank = len(query)
    order = tuple(layers[f"{name}.query_by_head"].dims)
    output, shape = layers[f"{name}.output"], layers.get(f"{name}.output_shape")
    dropout = layers.get(f"{name}.dropout")
    return attention.Form(
        name=name,
        rank=rank,
        axes=tuple(order[order.index(rank - 1) + 1 : -1]),
        heads=query[-2],
        groups=key[-2],
        key_dim=query[-1],
        value_dim=value[-1],
        output=(output.units,) if shape is None else tuple(shape.target_shape[rank - 2 :]),
        use_bias=output.use_bias,
        dropout=0.0 if dropout is None else dropout.rate,
        window=_window(layers.get(f"{name}.window_masked")),
    )


def _window(masked: k.Layer | None) -> int | None:
    """From how far a step is seen, by the booleans that say so."""
    if masked is None:
        return None
    return int(np.sum(masked.arguments[0]["array"][0]))


class _Whole:
    """A layer of all calls that its parts were called in; each of the parts hands on what it reads.

    So the product of chances and values, in whose place the layer is called, reads the query and
    the value themselves; on the way keys and masks are put aside.
    """

    def __init__(self, form: attention.Form, layers: Mapping[str, Any]):
        self._form, self._layers = form, layers
        self._aside: dict[str, dict[str, Any]] = {}
        self._layer = _of_groups(form) if form.heads > form.groups else _of_heads(form)

    def replacements(self) -> dict[str, Sequence[graph.Replacement]]:
        """By the names of all parts."""
        special = {"scores": self._keys, "mixed": self._call}
        found: dict[str, Sequence[graph.Replacement]] = {}
        for name in self._layers:
            if not name.startswith(f"{self._form.name}."):
                continue
            part, call = _numbered(name.removeprefix(f"{self._form.name}."))
            function = special.get(part)
            if part.endswith("_masked"):
                function = self._masked(part.removesuffix("_masked"))
            found[name] = [graph.Replacement(_Step(function, call))] if function else []
        return found

    def _keys(self, call: str, query: Any, key: Any) -> Any:
        self._aside[call] = {"key": key}
        return query

    def _masked(self, kind: str) -> Any:
        def put_aside(call: str, *tensors: Any) -> Any:
            if kind == "causal":
                self._aside[call]["use_causal_mask"] = True
            elif kind == "given":
                self._aside[call]["attention_mask"] = tensors[0]
            return tensors[-1]

        return put_aside

    def _call(self, call: str, query: Any, value: Any) -> Any:
        outputs = self._layer(query, value, **self._aside[call])
        parts = {
            part: self._layers[f"{self._form.name}.{part}"].get_weights()
            for part in attention.PARTS
        }
        weights = self._form.weights(parts)
        if [each.shape for each in weights] == [tuple(each.shape) for each in self._layer.weights]:
            self._layer.set_weights(weights)  # else parts have changed, as a look at them will show
        return outputs


def _of_heads(form: attention.Form) -> k.Layer:
    return k.tf_keras.layers.MultiHeadAttention(
        form.heads,
        form.key_dim,
        value_dim=form.value_dim,
        dropout=form.dropout,
        use_bias=form.use_bias,
        output_shape=form.output,
        attention_axes=form.axes,
        name=form.name,
    )


def _of_groups(form: attention.Form) -> k.Layer:
    from tfedge.compress.bridge import grouped_attention

    return grouped_attention.GroupedQueryAttention(
        form.key_dim,
        form.heads,
        form.groups,
        dropout=form.dropout,
        use_bias=form.use_bias,
        sliding_window=form.window,
        name=form.name,
    )


class _Step:
    """Stands in the place of a part."""

    def __init__(self, function: Any, call: str):
        self._function, self._call = function, call

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(self._call, *tf.nest.flatten(args))


def _numbered(part: str) -> tuple[str, str]:
    """A part's name without the number of the call, and that number, "" for the first."""
    name, _, number = part.rpartition("_")
    return (name, number) if number.isdecimal() else (part, "")

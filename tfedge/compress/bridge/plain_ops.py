"""Operations of Keras 3 in plain ones: what every technique, count and report knows.

Products that are written as an equation or as one operation of attention become Transpose, Reshape
and matmul, as TensorFlow computes them itself; what only says a shape becomes what moves values.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tfedge.compress import keras
from tfedge.compress.bridge import operation, replay
from tfedge.compress.bridge.operation import Operation
from tfedge.compress.composites import attention

Named = Callable[[str], str]


def in_tf_keras(found: Operation, shape: Sequence[int] | None, named: Named) -> Any:
    """The outputs of an operation on tensors of tf_keras, None where it is plain.

    Args:
        found: the operation.
        shape: of its output for one example, None where there are several.
        named: a part's name -> the name of its layer.

    Raises:
        BadInput: an operation without counterpart.
    """
    form = _FORMS.get(found.op)
    return None if form is None else form(found, shape, named)


def products(found: Operation, named: Named) -> Any:
    """The outputs of an equation or of attention as plain products, None of what is neither."""
    form = _PRODUCTS.get(found.op)
    return None if form is None else form(found, None, named)


def masked_softmax(scores: Any, mask: Any, layer: Any, named: Named) -> Any:
    """Softmax of the scores that a mask lets through; `layer` is that without a mask."""
    if mask.dtype != "bool":
        mask = _op("greater", named("mask"), mask, 0.5)
    chances = layer(_op("where", named("masked"), mask, scores, attention.MASKED))
    return chances


def _op(op: str, name: str, *arguments: Any, **settings: Any) -> Any:
    return operation.in_tf_keras(Operation(op, arguments, settings), name, True)


def _cast(found: Operation, shape: Sequence[int] | None, named: Named) -> Any:
    tensor, dtype = found.arguments[0], found.settings.get("dtype")
    wanted = None if dtype is None else np.dtype(_single(dtype)).name
    if wanted is None or tensor.dtype.name == wanted:
        return tensor
    return _op("cast", named("cast"), tensor, dtype=wanted)


def _single(dtype: Any) -> str:
    name = str(getattr(dtype, "name", dtype))
    return "float32" if "float" in name else name


def _reshaped(found: Operation, shape: Sequence[int] | None, named: Named) -> Any:
    """The batch is what is left over."""
    assert shape is not None
    return _to(found.arguments[0], shape[1:], named("reshape"))


def _to(tensor: Any, shape: Sequence[int], name: str) -> Any:
    if tuple(tensor.shape[1:]) == tuple(shape):
        return tensor
    return keras.tf_keras.layers.Reshape(tuple(shape), name=name)(tensor)


def _expanded(found: Operation, shape: Sequence[int] | None, named: Named) -> Any:
    """Each axis as often as it has to be; what is missing in front is one."""
    assert shape is not None
    tensor = found.arguments[0]
    if len(tensor.shape) < len(shape):
        return None
    repeats = [1, *(new // old for new, old in zip(shape[1:], tensor.shape[1:], strict=True))]
    return _repeated(tensor, repeats, named)


def _tiled(found: Operation, shape: Sequence[int] | None, named: Named) -> Any:
    repeats = found.settings.get("repeats") or found.arguments[1]
    return _repeated(found.arguments[0], list(repeats), named)


def _repeated(tensor: Any, repeats: Sequence[int], named: Named) -> Any:
    if all(number == 1 for number in repeats):
        return tensor
    return _op("tile", named("tile"), tensor, repeats=list(repeats))


def _cut(found: Operation, shape: Sequence[int] | None, named: Named) -> Any:
    """A slice of known places, all examples of it."""
    tensor, starts = found.arguments[:2]
    sizes = found.settings["shape"]
    if any(replay.is_symbolic(start) for start in replay.flat(starts)):
        return None
    key = [slice(int(start), int(start) + size) for start, size in zip(starts, sizes, strict=True)]
    return _op("get_item", named("slice"), tensor, [slice(None), *key[1:]])


def _moved(found: Operation, shape: Sequence[int] | None, named: Named) -> Any:
    """Axes that stay where they are need no operation."""
    source, destination = (found.settings[name] for name in ("source", "destination"))
    rank = len(found.arguments[0].shape)
    same = all(
        a % rank == b % rank
        for a, b in zip(replay.flat(source), replay.flat(destination), strict=True)
    )
    return found.arguments[0] if same else None


def _equation(found: Operation, shape: Sequence[int] | None, named: Named) -> Any:
    """A product of two tensors: their axes in order, and one matmul."""
    if len(found.arguments) != 2 or "." in found.settings["subscripts"]:
        return None
    left, right = found.arguments
    if not all(replay.is_symbolic(each) for each in (left, right)):
        return None
    return product(left, right, found.settings["subscripts"], named)


def product(left: Any, right: Any, subscripts: str, named: Named) -> Any:
    """What an equation makes of two tensors; None where a matmul does not.

    Both have the batch in front, and no letter stands for one tensor alone that is summed over.
    """
    read, made = subscripts.replace(" ", "").split("->")
    first, second = read.split(",")
    both = [c for c in first if c in second and c in made]
    summed = [c for c in first if c in second and c not in made]
    rows = [c for c in first if c not in second]
    columns = [c for c in second if c not in first]
    letters = {*first, *second}
    whole = len(letters) == len(both) + len(summed) + len(rows) + len(columns)
    plain = all(len(set(each)) == len(each) for each in (first, second, made))
    if not (summed and whole and plain and {*rows, *columns} <= set(made)):
        return None
    if not (both and both[0] == first[0] == second[0] == made[0]):
        return None
    sizes = {
        **dict(zip(first, left.shape, strict=True)),
        **dict(zip(second, right.shape, strict=True)),
    }
    if any(sizes[c] is None for c in letters - {made[0]}):
        return None

    def ordered(tensor: Any, letters: str, groups: Sequence[Sequence[str]], part: str) -> Any:
        order = [letters.index(c) for group in groups for c in group]
        tensor = _permuted(tensor, order, named(f"{part}_in_order"))
        batch = [sizes[c] for c in groups[0][1:]]
        inner = [math.prod(sizes[c] for c in group) for group in groups[1:]]
        return _to(tensor, [*batch, *inner], named(f"{part}_as_matrix"))

    a = ordered(left, first, (both, rows, summed), "left")
    b = ordered(right, second, (both, summed, columns), "right")
    found = _op("matmul", named("product"), a, b)
    found = _to(found, [sizes[c] for c in (*both[1:], *rows, *columns)], named("product_shape"))
    order = [(*both, *rows, *columns).index(c) for c in made]
    return _permuted(found, order, named("product_in_order"))


def _permuted(tensor: Any, order: Sequence[int], name: str) -> Any:
    if list(order) == sorted(order):
        return tensor
    return keras.tf_keras.layers.Permute(tuple(order[1:]), name=name)(tensor)


def _attended(found: Operation, shape: Sequence[int] | None, named: Named) -> Any:
    """(batch, steps, heads, channels) queries, keys and values: the sum of what is looked at."""
    query, key, value = found.arguments[:3]
    bias, mask = [*found.arguments[3:], None, None][:2]
    bias, mask = found.settings.get("bias", bias), found.settings.get("mask", mask)
    scale = found.settings.get("scale") or 1.0 / math.sqrt(query.shape[-1])
    key, value = (_shared(each, query.shape[2], named) for each in (key, value))
    scores = product(query, key, "btnh,bsnh->bnts", named)
    scores = _op("multiply", named("scaled"), scores, float(scale))
    if bias is not None:
        scores = _op("add", named("biased"), scores, bias)
    if mask is not None:
        scores = _op("where", named("masked"), mask, scores, attention.MASKED)
    if found.settings.get("is_causal"):
        seen = np.tri(*scores.shape[-2:]) > 0
        scores = _op("where", named("causal"), seen, scores, attention.MASKED)
    chances = keras.tf_keras.layers.Softmax(name=named("softmax"))(scores)
    return product(chances, value, "bnts,bsnh->btnh", named)


def _shared(tensor: Any, heads: int, named: Named) -> Any:
    """Keys or values that serve several heads, once for each."""
    times = heads // tensor.shape[2]
    return tensor if times == 1 else _op("repeat", named("shared"), tensor, times, axis=2)


_Form = Callable[[Operation, Sequence[int] | None, Named], Any]
_PRODUCTS: Mapping[str, _Form] = {"einsum": _equation, "dot_product_attention": _attended}
_FORMS: Mapping[str, _Form] = {
    **_PRODUCTS,
    "cast": _cast,
    "convert_to_tensor": _cast,
    "reshape": _reshaped,
    "broadcast_to": _expanded,
    "tile": _tiled,
    "slice": _cut,
    "moveaxis": _moved,
}

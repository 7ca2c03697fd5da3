"""Which layers of a student are shown which layers of its teacher.

A hint (FitNets' word, arXiv:1412.6550) is a pair of layers. Pairs are found by what the tensors
look like, never by name, so that they can be found again after layers were folded, renamed or
cut to another width, or left out.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.graph import residual
from tfedge.compress.keras import tf
from tfedge.compress.layers import facts, kernels, operations

Pairs = tuple[tuple[str, str], ...]  # (student's layer, teacher's layer)


def tensors(model: k.Model) -> dict[str, Any]:
    """Layer -> its first output, where that is a batch of float features; in topological order."""
    found = {}
    for layer in model.layers:
        if layer.name in model.input_names or facts.of(layer).noisy:
            continue
        outputs = tf.nest.flatten(layer.get_output_at(0))
        shape = outputs[0].shape
        if outputs[0].dtype.is_floating and shape.rank >= 2 and None not in shape[1:]:
            found[layer.name] = outputs[0]
    return found


@dataclasses.dataclass(frozen=True)
class Kind:
    """What a method shows a student.

    Attributes:
        matched: (student, teacher) -> the pairs there are without being told.
        misfit: (student, teacher, pair) -> why one cannot be shown to the other, or "".
        missing: what a model lacks where there are no pairs.
    """

    matched: Callable[[k.Model, k.Model], Pairs]
    misfit: Callable[[k.Model, k.Model, tuple[str, str]], str]
    missing: str = "no layer of the two is of the same size"


def matched(student: k.Model, teacher: k.Model, places_only: bool) -> Pairs:
    """The pairs there are without being told.

    The last layers of the same height and width; of a network of dense layers alone, the hidden
    ones of the same relative depth.

    Args:
        student: flat tf_keras model.
        teacher: likewise.
        places_only: leave out tensors that have channels and nothing else.
    """
    ours, theirs = _last_of_each_size(student), _last_of_each_size(teacher)
    pairs = tuple((ours[size], theirs[size]) for size in ours if size in theirs)
    if pairs or places_only:
        return pairs
    return by_depth(_hidden_dense(student), _hidden_dense(teacher))


def by_depth(ours: Sequence[str], theirs: Sequence[str]) -> Pairs:
    """Each of the student's layers with the teacher's of the same relative depth."""
    if not theirs:
        return ()
    last = [(number + 1) * len(theirs) / len(ours) for number in range(len(ours))]
    return tuple(
        (name, theirs[max(0, round(place) - 1)]) for name, place in zip(ours, last, strict=True)
    )


def misfit(student: k.Model, teacher: k.Model, pair: tuple[str, str], places_only: bool) -> str:
    """Why one of these layers cannot be shown to the other, or "".

    Args:
        student: flat tf_keras model.
        teacher: likewise.
        pair: (student's layer, teacher's layer).
        places_only: whether only where a tensor is strong is to be shown.
    """
    found = []
    for whose, model, name in (("student", student, pair[0]), ("teacher", teacher, pair[1])):
        known = tensors(model)
        if name not in known:
            return f"the {whose} has no layer {name!r} with features"
        found.append(known[name].shape)
    ours, theirs = found
    if ours.rank != theirs.rank or (ours.rank != 4 and ours[1:-1] != theirs[1:-1]):
        return f"{pair[0]} gives {tuple(ours[1:])}, {pair[1]} gives {tuple(theirs[1:])}"
    if places_only and ours.rank < 3:
        return f"{pair[0]} has channels and no places"
    return ""


def chosen(
    student: k.Model, teacher: k.Model, told: Mapping[str, str], kind: Kind
) -> tuple[Pairs, Mapping[str, str]]:
    """The pairs to use: those told, or else those found; and which do not fit, with the reason."""
    pairs = tuple(told.items()) if told else kind.matched(student, teacher)
    reasons = {pair: kind.misfit(student, teacher, pair) for pair in pairs}
    fine = tuple(pair for pair in pairs if not reasons[pair])
    return fine, {": ".join(pair): reason for pair, reason in reasons.items() if reason}


def _sums(model: k.Model) -> list[str]:
    """Sums of residual branches that have places: what goes through all blocks, after each."""
    known = tensors(model)
    return [name for name in residual.branches(model) if name in known and _has_places(known[name])]


def _maps(model: k.Model) -> list[str]:
    """Shares of places, which products of them with values weigh: attention maps."""
    known, outputs = tensors(model), {t._keras_history.layer.name for t in model.outputs}
    return [
        layer.name
        for layer in model.layers
        if operations.name(layer) == "softmax"
        and layer.name in known.keys() - outputs
        and _has_places(known[layer.name])
    ]


def _has_places(tensor: Any) -> bool:
    return tensor.shape.rank > 2


def _heads_apart(student: k.Model, teacher: k.Model, pair: tuple[str, str]) -> str:
    """Maps are of the same places, by however many heads."""
    whose = {"student": (student, pair[0]), "teacher": (teacher, pair[1])}
    for who, (model, name) in whose.items():
        if name not in _maps(model):
            return f"{name} of the {who} gives no attention map"
    ours, theirs = (tuple(tensors(model)[name].shape[1:]) for model, name in whose.values())
    if (*ours[:-3], *ours[-2:]) != (*theirs[:-3], *theirs[-2:]):
        return f"{pair[0]} gives {ours}, {pair[1]} gives {theirs}"
    return ""


def _kind_of_features(places_only: bool) -> Kind:
    return Kind(
        lambda student, teacher: matched(student, teacher, places_only),
        lambda student, teacher, pair: misfit(student, teacher, pair, places_only),
    )


KINDS = {
    "features": _kind_of_features(places_only=False),
    "attention": _kind_of_features(places_only=True),
    "hidden_states": Kind(
        lambda student, teacher: by_depth(_sums(student), _sums(teacher)),
        lambda student, teacher, pair: misfit(student, teacher, pair, places_only=False),
        "one of the two has no residual sums of a sequence or an image",
    ),
    "attention_maps": Kind(
        lambda student, teacher: by_depth(_maps(student), _maps(teacher)),
        _heads_apart,
        "one of the two has no softmax between its layers",
    ),
}


def _last_of_each_size(model: k.Model) -> dict[tuple[int, ...], str]:
    """(height, width) or (length,) -> the last layer of that size, if it is not 1."""
    return {
        tuple(tensor.shape[1:-1]): name
        for name, tensor in tensors(model).items()
        if tensor.shape.rank > 2 and tensor.shape[1:-1].num_elements() > 1
    }


def _hidden_dense(model: k.Model) -> list[str]:
    """Layers with a kernel that give (batch, channels) which another kernel reads, if late."""
    features, readers = tensors(model), graph.consumers(model)
    dense = {kernel.layer for kernel in kernels.find(model)}
    read: dict[str, bool] = {}
    for layer in reversed(model.layers):
        behind = [reader.name for reader in readers[layer.name]]
        read[layer.name] = any(name in dense or read[name] for name in behind)
    return [
        layer.name
        for layer in model.layers
        if layer.name in dense & features.keys()
        and read[layer.name]
        and features[layer.name].shape.rank == 2
    ]

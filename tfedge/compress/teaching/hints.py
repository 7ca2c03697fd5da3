"""Which layers of a student are shown which layers of its teacher.

A hint (FitNets' word, arXiv:1412.6550) is a pair of layers. Pairs are found by what the tensors
look like, never by name, so that they can be found again after layers were folded, renamed or
cut to another width.
"""

from collections.abc import Mapping
from typing import Any

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.compress.layers import facts, kernels

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
    hidden, shown = _hidden_dense(student), _hidden_dense(teacher)
    if not shown:
        return ()
    last = [(number + 1) * len(shown) / len(hidden) for number in range(len(hidden))]
    return tuple(
        (name, shown[max(0, round(place) - 1)]) for name, place in zip(hidden, last, strict=True)
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
    student: k.Model, teacher: k.Model, told: Mapping[str, str], places_only: bool
) -> tuple[Pairs, Mapping[str, str]]:
    """The pairs to use: those told, or else those found; and which do not fit, with the reason."""
    if not told:
        return matched(student, teacher, places_only), {}
    reasons = {
        f"{pair[0]}: {pair[1]}": misfit(student, teacher, pair, places_only)
        for pair in told.items()
    }
    fine = tuple(pair for pair in told.items() if not reasons[f"{pair[0]}: {pair[1]}"])
    return fine, {name: reason for name, reason in reasons.items() if reason}


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

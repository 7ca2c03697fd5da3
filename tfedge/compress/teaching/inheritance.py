"""Gives a student the weights of its teacher, layer by layer, cut where it is narrower.

Which of the teacher's channels a narrow layer gets is decided once for each of the student's
channels, by their importance, and holds for all that makes, scales and reads it: the kernel's
outputs, the normalization after it, the next kernel's inputs (Li et al. 2017,
arXiv:1608.08710; Yosinski et al. 2014, arXiv:1411.1792, on which layers to take).
"""

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfedge.compress import channels, graph
from tfedge.compress import keras as k
from tfedge.compress.channels import importance
from tfedge.compress.layers import kernels
from tfedge.data.task import Task

WHICH = ("all", "shallow", "deep", "none")

Axes = Mapping[tuple[str, int, int], np.ndarray]  # (layer, weight, axis) -> unit at each index


def inherit(
    student: k.Model, teacher: k.Model, which: str, task: Task
) -> tuple[Any, dict[str, str]]:
    """The student with weights of its teacher.

    Args:
        student: flat tf_keras model; it is not changed.
        teacher: likewise.
        which: "all" layers, the "shallow" or the "deep" half of those with kernels, or "none".
        task: its seed.

    Returns:
        The new student, and student's layer -> the teacher's that it got weights of.
    """
    pairs = _which(student, paired(student, teacher), which)
    heirs = {layer.name: layer.get_weights() for layer in student.layers}
    choice = _Choice(student, teacher, task)
    taken = {}
    for layer, source in pairs.items():
        values = teacher.get_layer(source).get_weights()
        new = [
            choice.cut((layer, number), own, (source, number), values[number])
            for number, own in enumerate(heirs[layer])
        ]
        if any(value is not None for value in new):
            taken[layer] = source
            heirs[layer] = [o if n is None else n for o, n in zip(heirs[layer], new, strict=True)]
    made = graph.rebuild(student)
    for layer in made.layers:
        if layer.name in taken:
            layer.set_weights(heirs[layer.name])
    return made, taken


def paired(student: k.Model, teacher: k.Model) -> dict[str, str]:
    """Student's layer -> teacher's: by name, or else by kind and window in the same order."""
    ours, theirs = (
        {layer.name: _look(layer) for layer in model.layers if layer.weights}
        for model in (student, teacher)
    )
    by_name = {name: name for name, look in ours.items() if theirs.get(name) == look}
    if 2 * len(by_name) >= len(ours):
        return by_name
    same = difflib.SequenceMatcher(
        None, list(ours.values()), list(theirs.values()), autojunk=False
    ).get_matching_blocks()
    one, other = list(ours), list(theirs)
    return {one[a + i]: other[b + i] for a, b, size in same for i in range(size)}


def _look(layer: k.Layer) -> tuple:
    """What two layers must have in common: the kind, the window, the number of weights."""
    shapes = [tuple(weight.shape) for weight in layer.weights]
    window = shapes[0][:-2] if len(shapes[0]) > 2 else ()
    return type(layer).__name__, window, len(shapes)


def _which(student: k.Model, pairs: Mapping[str, str], which: str) -> dict[str, str]:
    """The pairs of the half of the student that is asked for."""
    names = [layer.name for layer in student.layers]
    ends = [names.index(kernel.layer) for kernel in kernels.find(student)]
    if which == "all" or not ends:
        return dict(pairs)
    half = ends[math.ceil(len(ends) / 2)] if len(ends) > 1 else len(names)
    wanted = {"shallow": names[:half], "deep": names[half:], "none": []}[which]
    return {layer: pairs[layer] for layer in wanted if layer in pairs}


class _Choice:
    """Which of the teacher's channels each of the student's channels is."""

    def __init__(self, student: k.Model, teacher: k.Model, task: Task):
        found = channels.analyse(teacher)
        self._worth = importance.scores("l1", teacher, found, task)
        self._theirs = _axes(found.members)
        self._ours = _axes(channels.analyse(student).members)
        self._is: dict[int, int] = {}  # student's unit -> teacher's; -1: a new one

    def cut(
        self, ours: tuple[str, int], own: np.ndarray, theirs: tuple[str, int], value: np.ndarray
    ) -> np.ndarray | None:
        """The student's weight with the teacher's values where it has counterparts.

        Args:
            ours: the student's (layer, number of the weight).
            own: its value now, which channels that the teacher has not keep.
            theirs: the teacher's.
            value: its value.
        """
        if own.ndim != value.ndim:
            return None
        places = []
        for axis, (size, given) in enumerate(zip(own.shape, value.shape, strict=True)):
            units, others = self._ours.get((*ours, axis)), self._theirs.get((*theirs, axis))
            if units is not None and others is not None:
                places.append(self._places(units, others))
            elif size == given:
                places.append(np.arange(size))
            else:
                return None
        there = [np.flatnonzero(place >= 0) for place in places]
        if not all(len(each) for each in there):
            return None
        made = own.copy()
        from_ = np.ix_(*(place[each] for place, each in zip(places, there, strict=True)))
        made[np.ix_(*there)] = value[from_]
        return made

    def _places(self, units: np.ndarray, others: np.ndarray) -> np.ndarray:
        """For each index of the student's axis that of the teacher's, or -1."""
        distinct = list(dict.fromkeys(units.tolist()))
        if not any(unit in self._is for unit in distinct):
            self._is |= self._best(distinct, others)
        known = _counted(units, self._is)
        where = {key: place for place, key in enumerate(_counted(others, None))}
        found = np.array([where.get(key, -1) for key in known])
        if np.all(found < 0):  # these channels are others of the teacher's at another place
            local = self._best(distinct, others)
            found = np.array([where.get(key, -1) for key in _counted(units, local)])
        return found

    def _best(self, distinct: Sequence[int], others: np.ndarray) -> dict[int, int]:
        """The teacher's most important channels, in their own order."""
        offered = np.array(list(dict.fromkeys(others.tolist())))
        order = np.argsort(-self._worth[offered], kind="stable")[: len(distinct)]
        chosen = offered[np.sort(order)]
        rest = [-1] * (len(distinct) - len(chosen))
        return dict(zip(distinct, [*chosen.tolist(), *rest], strict=True))


def _axes(members: Sequence[channels.Member]) -> Axes:
    return {(member.layer, member.weight, member.axis): member.units for member in members}


def _counted(units: np.ndarray, known: Mapping[int, int] | None) -> list[tuple[int, int]]:
    """(unit, which time it occurs): a flattened channel has many places."""
    times: dict[int, int] = {}
    found = []
    for unit in units.tolist():
        is_ = unit if known is None else known.get(unit, -1)
        found.append((is_, times.get(unit, 0)))
        times[unit] = times.get(unit, 0) + 1
    return found

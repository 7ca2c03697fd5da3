"""How much a channel is worth, by its weights.

A channel is as strong as the way through it: the kernels that make it, the scale that
normalization gives it, the depthwise kernel that it passes, the kernels that read it. Places
in a row multiply (as their geometric mean), places side by side (several makers of one sum,
several readers) are averaged, each in units of its own mean.
"""

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.channels import Channels, Member
from tfedge.compress.channels.activation_scores import STATISTICS, by_data
from tfedge.data.task import Task

CRITERIA = ("l1", "l2", "fpgm", "random", *STATISTICS)


def scores(criterion: str, model: k.Model, channels: Channels, task: Task) -> np.ndarray:
    """(units,) what each is worth; only comparable within a block.

    Args:
        criterion: one of `CRITERIA`: "l1", "l2" norms (Li et al. 2017, arXiv:1608.08710);
            "fpgm", distance of a filter from all others of its layer (He et al. 2019,
            arXiv:1811.00250); "random"; or measured on the calibration split, see
            `activation_scores`.
        model: flat tf_keras model.
        channels: of the model.
        task: its seed, its calibration split.
    """
    if criterion == "random":
        return np.random.default_rng(task.seed).uniform(0.5, 1.5, channels.count)
    if criterion in STATISTICS:
        return by_data(criterion, model, channels, task)
    return _by_weights(criterion, model, channels)


def places(channels: Channels) -> list[Member]:
    """All that makes a channel strong: kernels and normalization's scales."""
    return [member for member in channels.members if member.role]


def _by_weights(criterion: str, model: k.Model, channels: Channels) -> np.ndarray:
    totals: dict[str, np.ndarray] = {}
    times: dict[str, np.ndarray] = {}
    values = {layer.name: layer.get_weights() for layer in model.layers}
    made = np.zeros(channels.count, bool)
    for member in places(channels):
        if member.role == "make":
            made[member.units] = True
    for member in places(channels):
        role = member.role
        if criterion == "fpgm" and role != "make" and made[member.units].any():
            continue
        found = _strength(criterion, values[member.layer][member.weight], member, channels.count)
        there = np.bincount(member.units, minlength=channels.count) > 0
        mean = found[there].mean()
        totals[role] = totals.get(role, 0.0) + found / (mean if mean > 0 else 1.0)
        times[role] = times.get(role, 0) + there
    product, roles = np.ones(channels.count), np.zeros(channels.count)
    for role, total in totals.items():
        product *= np.where(times[role] > 0, total / np.maximum(times[role], 1), 1.0)
        roles += times[role] > 0
    return product ** (1.0 / np.maximum(roles, 1))


def _strength(criterion: str, value: np.ndarray, member: Member, count: int) -> np.ndarray:
    """(units,) of one weight; 0 for units that it does not hold."""
    rows = np.moveaxis(value, member.axis, 0).reshape(value.shape[member.axis], -1)
    if criterion == "l1":
        return np.bincount(member.units, np.abs(rows).sum(axis=1), count)
    if criterion == "l2":
        return np.sqrt(np.bincount(member.units, np.square(rows).sum(axis=1), count))
    squares = np.square(rows).sum(axis=1)
    apart = squares[:, None] + squares[None, :] - 2.0 * rows @ rows.T
    return np.bincount(member.units, np.sqrt(np.maximum(apart, 0.0)).sum(axis=1), count)

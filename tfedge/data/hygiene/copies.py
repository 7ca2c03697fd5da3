"""Held-out examples that another split holds too, which would flatter the result; repetitions."""

from collections.abc import Iterator, Mapping

import numpy as np

from tfedge import errors
from tfedge.data.examined import Examined
from tfedge.data.finding import Check, Finding

_LEARNED_FROM = ("train", "calibration", "validation")


def _look(data: Examined) -> Finding:
    if "holdout" not in data.splits:
        return Finding()
    digests = {role: scan.digests for role, scan in data.scans.items()}
    for role in _LEARNED_FROM:
        if role in digests:
            _check_apart(data, role, digests)
    looked = ("Exact copies in other splits", "none; with any, the data is refused")
    return Finding(tuple(_repeated(data, digests)), (looked,))


def _check_apart(data: Examined, role: str, digests: Mapping[str, np.ndarray]) -> None:
    held_out, others = digests["holdout"], digests[role]
    shared = np.flatnonzero(np.isin(held_out, others))
    if not len(shared):
        return
    twin = int(np.flatnonzero(others == held_out[shared[0]])[0])
    rows = int(np.isin(others, held_out).sum())
    raise errors.BadInput(
        data.where("holdout"),
        f"{len(shared)} of {len(held_out)} examples are also in {role} ({rows} of"
        f" {len(others)} there), the first: {shared[0]} = {role} {twin}",
        f"Remove them from {role}: a result on data already seen proves nothing.",
    )


def _repeated(data: Examined, digests: Mapping[str, np.ndarray]) -> Iterator[str]:
    """The harmless ones."""
    held_out = digests["holdout"]
    repeated = len(held_out) - len(np.unique(held_out))
    if repeated:
        yield (
            f"{data.where('holdout')}: {repeated} of {len(held_out)} examples repeat an earlier"
            " one, so it proves less than its size says"
        )
    if "train" in digests and "validation" in digests:
        known = np.isin(digests["validation"], digests["train"])
        if known.any():
            yield (
                f"{data.where('validation')}: {known.sum()} of {len(known)} examples are also"
                " in train, so choices made on it favour overfitting"
            )


CHECK = Check(80, _look)

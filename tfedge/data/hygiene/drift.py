"""Drift: whether held-out examples are drawn from what the model is trained and calibrated on.

Every moment of the inputs is compared by the two-sample Kolmogorov-Smirnov test, the labels by
Pearson's chi-square test. All tests of a task together err at most once in 20 tasks without drift
(Bonferroni). As ten thousand examples make any nothing significant, a difference also has to be
large: its effect is the share of examples that would have to change for the samples to agree (the
Kolmogorov-Smirnov distance; half the summed differences of the labels' shares).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfedge.data import splits, task
from tfedge.data.examined import Examined
from tfedge.data.finding import Check, Finding
from tfedge.data.scanning import inputs, moments

ALPHA = 0.05
LARGE = 0.1
_ROLES = ("train", "calibration")


@dataclass(frozen=True)
class Drift:
    """One comparison of a split with the held-out one.

    Args:
        role: the other split.
        what: "mean of input image", "labels".
        effect: the share of examples that would have to change, 0..1.
        p_value: the chance of an effect at least as large without drift, this test alone.
        tests: how many were made; p_value * tests is held to 5 %.
        before: the median there, or the share of the label that changed most.
        after: the same of the held-out split.
    """

    role: str
    what: str
    effect: float
    p_value: float
    tests: int
    before: float
    after: float

    @property
    def is_sure(self) -> bool:
        """Whether chance alone would hardly do this."""
        return self.p_value * self.tests <= ALPHA

    @property
    def matters(self) -> bool:
        """Whether it is sure and large."""
        return self.is_sure and self.effect >= LARGE


def compare(made: "task.Task", scans: Mapping[str, inputs.Scan]) -> tuple[Drift, ...]:
    """Train and calibration against held-out, largest effect first.

    Args:
        made: with a held-out split.
        scans: by role; "holdout" among them.
    """
    found: list[tuple[str, str, float, float, float, float]] = []
    for role in _ROLES:
        if role in scans:
            found += ((role, *rest) for rest in _inputs(scans[role], scans["holdout"]))
            found += ((role, *rest) for rest in _labels(made, role))
    drifts = [Drift(*each[:4], len(found), *each[4:]) for each in found]
    return tuple(sorted(drifts, key=lambda drift: -drift.effect))


def warnings(drifts: tuple[Drift, ...], where: str) -> tuple[str, ...]:
    """One line for each split that drifted, with its largest effect."""
    lines = []
    for role in _ROLES:
        seen = [drift for drift in drifts if drift.role == role and drift.matters]
        if seen:
            worst = seen[0]
            others = f"; {len(seen) - 1} more differ" if len(seen) > 1 else ""
            lines.append(
                f"{where}: it is not drawn like {role}: {worst.what} differs in"
                f" {worst.effect:.0%} of the examples ({worst.before:.3g} there, {worst.after:.3g}"
                f" here){others}"
            )
    return tuple(lines)


def kolmogorov_smirnov(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """The distance of two samples (n,) and (m,), and its p-value as n and m grow.

    Ties make the p-value too large, never too small. The p-value is Smirnov's series with
    Stephens' correction for small samples (doi:10.1111/j.2517-6161.1970.tb00821.x).
    """
    ours, theirs = np.sort(ours), np.sort(theirs)
    both = np.concatenate([ours, theirs])
    shares = [np.searchsorted(each, both, side="right") / len(each) for each in (ours, theirs)]
    distance = float(np.abs(shares[0] - shares[1]).max())
    root = np.sqrt(len(ours) * len(theirs) / len(both))
    scaled = (root + 0.12 + 0.11 / root) * distance
    if scaled < 0.3:  # the series needs ever more terms, and the value is 1 to five digits
        return distance, 1.0
    terms = np.arange(1, 101)
    tail = 2 * np.sum((-1.0) ** (terms - 1) * np.exp(-2 * np.square(terms * scaled)))
    return distance, float(np.clip(tail, 0, 1))


def chi_square(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Half the summed differences of the shares, and the p-value of Pearson's test.

    Args:
        ours: (classes,) counts.
        theirs: (classes,) counts.
    """
    from scipy import special

    table = np.stack([ours, theirs]).astype(float)
    table = table[:, table.sum(axis=0) > 0]
    shares = table / table.sum(axis=1, keepdims=True)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    statistic = (np.square(table - expected) / expected).sum()
    freedom = table.shape[1] - 1
    p_value = special.gammaincc(freedom / 2, statistic / 2) if freedom else 1.0
    return float(np.abs(shares[0] - shares[1]).sum() / 2), float(p_value)


def _inputs(
    ours: inputs.Scan, held_out: inputs.Scan
) -> Iterator[tuple[str, float, float, float, float]]:
    for name, columns in ours.moments.items():
        shape, _ = ours.form[name]
        for column, what in enumerate(moments.names(shape)):
            before, after = columns[:, column], held_out.moments[name][:, column]
            distance, p_value = kolmogorov_smirnov(before, after)
            of = f" of input {name}" if name else ""
            yield what + of, distance, p_value, float(np.median(before)), float(np.median(after))


def _labels(made: "task.Task", role: str) -> Iterator[tuple[str, float, float, float, float]]:
    """Of one label for each example; what is measured or drawn has no such shares."""
    if not made.kind_facts.one_class:
        return
    theirs = splits.named(made.splits()["holdout"].targets())
    for name, labels in splits.named(made.splits()[role].targets()).items():
        if labels.min() < 0:  # calibration may go without labels
            continue
        counts = [np.bincount(each.reshape(-1).astype(np.int64)) for each in (labels, theirs[name])]
        width = max(len(each) for each in counts)
        before, after = (np.pad(each, (0, width - len(each))) for each in counts)
        effect, p_value = chi_square(before, after)
        shares = before / before.sum(), after / after.sum()
        worst = int(np.abs(shares[0] - shares[1]).argmax())
        label = made.labels[worst] if worst < len(made.labels) and not name else str(worst)
        what = f"labels{f' of {name}' if name else ''}, most {label}"
        yield what, effect, p_value, float(shares[0][worst]), float(shares[1][worst])


def _look(data: Examined) -> Finding:
    if "holdout" not in data.splits:
        return Finding()
    drifts = compare(data.task, data.scans)
    worst = {each.role: each for each in reversed(drifts)}
    return Finding(
        warnings=warnings(drifts, data.where("holdout")),
        looked=tuple(
            (f"{role.capitalize()} against held-out", _words(worst[role]))
            for role in dict.fromkeys(each.role for each in drifts)
        ),
        rows=tuple(map(_row, drifts)),
    )


def _words(found: Drift) -> str:
    """The largest difference of two splits."""
    small = "more than chance explains, but small" if found.is_sure else "no more than chance"
    measure = "share" if found.what == "labels" else "median"
    return (
        f"{'a large difference' if found.matters else small}: {found.what}, {measure} "
        f"{found.before:.3g}, held-out {found.after:.3g}; {found.effect:.1%} of the examples "
        "would have to change to agree"
    )


def _row(found: Drift) -> dict[str, Any]:
    return {
        "split": found.role,
        "of": found.what,
        "effect": round(found.effect, 4),
        "p_value": found.p_value,
        "sure": found.is_sure,
        "matters": found.matters,
        "there": found.before,
        "holdout": found.after,
    }


CHECK = Check(100, _look, title="Compared with held-out")

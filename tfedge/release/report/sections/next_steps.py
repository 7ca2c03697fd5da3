"""What to try next, for a candidate that may not ship: the likeliest cause first."""

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tfedge.release.gate import floors, group_check, metric_check
from tfedge.release.gate.check import FAIL, INSUFFICIENT_DATA, PASS, Check
from tfedge.release.report import answers, pass_costs, wording
from tfedge.release.statistics import paired

if TYPE_CHECKING:
    from tfedge.release.report.facts import Facts

TITLE = "What to try next"
PLACE = 2
_MOST_LAYERS = 3
_MOST_GROUPS = 3
_MOVES = 0.02  # a layer that moves the outputs less is no reason


@dataclasses.dataclass(frozen=True)
class Step:
    """One of them.

    Attributes:
        what: to do.
        why: what speaks for it.
        write: what it may look like, as typed; empty where there is nothing to type.
    """

    what: str
    why: str
    write: str = ""


def of(facts: "Facts") -> tuple[Step, ...] | None:
    """The steps; None for what is released, and where nothing is known to help."""
    return tuple(_steps(facts)) or None


def _steps(facts: "Facts") -> Iterator[Step]:
    if facts.verdict.outcome == PASS:
        return
    yield from _more_examples(facts)
    if not any(_is_of_answers(check) for check in facts.verdict.checks):
        return
    yield from _longer_training(facts)
    yield from _less_of_a_pass(facts)
    yield from _spared_layers(facts)
    yield from _groups(facts)


def _is_of_answers(check: Check) -> bool:
    """Whether the model failed by what it answers, and not by what it costs."""
    name = check.name.partition(":")[0]
    by_answers = name.startswith(metric_check.NAME) or name in (group_check.GROUP, floors.NAME)
    return check.outcome == FAIL and by_answers


def _more_examples(facts: "Facts") -> Iterator[Step]:
    undecided = {check.name for check in facts.verdict.checks if check.outcome == INSUFFICIENT_DATA}
    difference, metric = facts.verdict.difference, facts.scorecard.metric
    if metric_check.NAME not in undecided or metric is None:
        return
    if facts.scorecard.baseline_outputs is None:
        why = "How good is good enough is decided by comparing."
        yield Step("Name the .tflite to compare with.", why, "--baseline=FILE.tflite")
    missing = ((difference and difference.needed) or 0) - metric.n
    if missing > 0:
        yield Step(
            f"Judge it on {missing:,} held-out examples more.",
            f"{missing + metric.n:,} would pass an equally good model with "
            f"{paired.POWER:.0%} probability; there are {metric.n:,}.",
        )


def _longer_training(facts: "Facts") -> Iterator[Step]:
    scale = facts.recipe.get("epochs_scale") or 1.0
    if scale < 1:
        yield Step(
            "Train as long as the recipe says: this is the likeliest cause.",
            f"All training was shortened to {scale:g} of it.",
            "--epochs_scale=1",
        )


def _less_of_a_pass(facts: "Facts") -> Iterator[Step]:
    known = [report for report in facts.reports if report.get("validation")]
    worst = pass_costs.costliest(facts.reports)
    if worst is not None:
        yield Step(
            f"Ask less of {worst['name']}, or leave it out: it cost most.",
            f"{worst['settings']}: validation {pass_costs.words(worst['validation'])}.",
        )
    elif known:
        yield Step(
            "Compare another export, and look whether held-out and validation data are alike.",
            "No pass cost anything on validation; what was lost was lost after them. The last one: "
            f"{pass_costs.words(known[-1]['validation'])}.",
        )


def _spared_layers(facts: "Facts") -> Iterator[Step]:
    touched = {layer for report in facts.reports for layer in report["touched"]}
    shares = sorted(facts.sensitivities.shares.items(), key=lambda each: -each[1])
    moving = [each for each in shares if each[0] in touched and each[1] >= _MOVES][:_MOST_LAYERS]
    if not moving:
        return
    told = ", ".join(f"{layer} ({share:.0%})" for layer, share in moving)
    yield Step(
        f"Spare {wording.count(len(moving), 'layer')} that the answers depend on most: {told}.",
        "So far do the baseline's outputs move, as a share of their spread, when that layer alone "
        "gets this model's weights.",
        _sparing(facts, moving[0][0]),
    )


def _sparing(facts: "Facts", layer: str) -> str:
    """A pass of the recipe that leaves the layer alone; the costliest, where it has rules."""
    by_name = {each["name"]: each["settings"] for each in facts.recipe.get("passes") or ()}
    worst = pass_costs.costliest(facts.reports)
    names = [worst["name"]] if worst is not None else []
    ruled = [name for name in (*names, *by_name) if "rules" in by_name.get(name, ())]
    return f'{ruled[0]}(rules={{"{layer}": None}})' if ruled else ""


def _groups(facts: "Facts") -> Iterator[Step]:
    """Classes and slices that got worse, the largest losses first."""
    taken_for = answers.mistakes(answers.of(facts))
    mark = f"{group_check.GROUP}: "
    worse = [check for check in facts.verdict.checks if check.name.startswith(mark)]
    if 2 * len(worse) > len(facts.verdict.groups):  # then no class has paid for another
        return
    for check in sorted(worse, key=lambda each: each.value)[:_MOST_GROUPS]:
        kind, _, label = check.name.removeprefix(mark).partition(": ")
        mistake = taken_for.get(label, "") if kind == "class" else ""
        yield Step(
            f"Give {kind} {label!r} more training examples, or more weight.",
            f"It {'is mostly taken for ' + mistake if mistake else 'got worse'}: {check.note}.",
            "?class_weight=balanced" if kind == "class" else "",
        )

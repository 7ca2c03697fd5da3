"""What becomes of a .tflite once it is there: evaluated, decided on, and written up."""

import dataclasses
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from absl import logging

from tfedge import progress
from tfedge.data import metrics, sources
from tfedge.data.provenance import trained_on as trained
from tfedge.data.task import Task
from tfedge.device import evaluate, inference, profiles, scoring
from tfedge.device.prediction import devices
from tfedge.errors import BadInput
from tfedge.release import gate
from tfedge.release.gate import floors, holdout_uses, margins
from tfedge.release.gate.limits import Limits
from tfedge.release.gate.verdict import Verdict
from tfedge.release.publishing import manifest
from tfedge.release.report import card, facts, page, sections
from tfedge.release.statistics import power_analysis


@dataclasses.dataclass(frozen=True)
class Terms:
    """What a .tflite is held to, and what is said of it.

    Attributes:
        phone: the class of phones it is for.
        limits: of the gate.
        trained_on: a file of the examples that the model was trained on; see `trained_on`.
        command: how this was called, for the report.
        report_examples: new mistakes that the report shows; 0 leaves users' data out.
    """

    phone: profiles.Profile
    limits: Limits
    trained_on: str | pathlib.Path | None = None
    command: str = ""
    report_examples: int = facts.DEFAULT_SHOWN

    @classmethod
    def read(
        cls,
        profile: str | pathlib.Path | profiles.Profile,
        min_metric: str | float | Mapping[str, float] | None = None,
        trained_on: str | pathlib.Path | None = None,
        command: str = "",
        report_examples: int = facts.DEFAULT_SHOWN,
        **limits: Any,
    ) -> "Terms":
        """The terms of a phone class.

        Args:
            profile: phone class, by name, file or value.
            min_metric: the least that a metric may be, see `tfedge.Limits`, or as `--min_metric`.
            trained_on: see above.
            command: see above.
            report_examples: see above.
            **limits: other fields of `tfedge.Limits`, in place of the phone class's; None leaves
                that one. The margin may be written as `--margin`.

        Raises:
            BadInput: one of them cannot be used.
        """
        phone = profiles.load(profile)
        if isinstance(min_metric, str):
            min_metric = floors.FLAG.parse(min_metric) if min_metric else None
        given = {name: value for name, value in limits.items() if value is not None}
        if isinstance(given.get("margin"), str):
            given["margin"] = margins.parse(given["margin"])
        read = Limits.from_profile(phone, min_metric=min_metric, **given)
        if "max_memory_bytes" in given:  # it is run under the limit that it is judged by
            phone = dataclasses.replace(phone, max_memory_bytes=given["max_memory_bytes"])
        _check_foreseen(phone, read)
        return cls(phone, read, trained_on, command, report_examples)


@dataclasses.dataclass(frozen=True)
class Judged:
    """The verdict, what it rests on, and how often the held-out examples have decided so far."""

    scorecard: evaluate.Scorecard
    verdict: Verdict
    use: holdout_uses.Use | None


def _check_foreseen(phone: profiles.Profile, limits: Limits) -> None:
    """Refuse a limit that nothing before a phone's own measurement could hold."""
    if limits.max_latency_ms is not None and phone.latency_device is None:
        known = ", ".join(devices.known())
        raise BadInput(
            f"profile {phone.name}",
            f"at most {limits.max_latency_ms:g} ms are allowed, and nothing says how fast it is",
            f'Write "latency_device": one of {known}; and, where it is another, "latency_scale": '
            '[value, low, high] times that, and "extrapolated": why. Or leave max_latency_ms out.',
        )


def check_texts(source: Task | str, terms: Terms) -> None:
    """Refuses what can be seen to be wrong before the data are read.

    Raises:
        BadInput: a floor or margin of a metric that there is not; a file of `trained_on` without
            examples.
    """
    if isinstance(source, str) and not sources.class_of(source).own_metrics:
        floors.FLAG.check_known(terms.limits.min_metric)
        margins.FLAG.check_known(terms.limits.margin)
    if terms.trained_on is not None:
        trained.check_file(terms.trained_on)


def check_training_data(task: Task, terms: Terms) -> Task:
    """The task, knowing that the model has not seen the held-out examples, where that is stated.

    Raises:
        BadInput: it has, or what states it cannot be used.
    """
    return task if terms.trained_on is None else trained.check(task, terms.trained_on)


def check_metrics(task: Task, terms: Terms) -> None:
    """Refuse a floor or margin of a metric that the task is not judged by."""
    judged = [each.name for each in metrics.judged(task)]
    floors.FLAG.check_judged(terms.limits.min_metric, judged)
    margins.FLAG.check_judged(terms.limits.margin, judged)


def check_groups(task: Task, terms: Terms) -> None:
    """Refuse a margin of single classes and slices where there are none."""
    if terms.limits.group_margin is None or task.slices or scoring.has_classes(task):
        return
    raise BadInput(
        f"--group_margin={terms.limits.group_margin:g}",
        f"expected one class for each example, or slices; this {task.kind} task has neither",
        "Name slices of its examples (docs/data.md), or leave --group_margin out.",
    )


def power(task: Task, terms: Terms) -> power_analysis.Foresight | None:
    """What the held-out examples can show; None where that depends on more than their number."""
    first = metrics.judged(task)[0]
    if task.holdout is None or first.correct is None:
        return None
    limits = terms.limits
    return power_analysis.of(len(task.holdout), limits.margin_of(first.name), limits.alpha)


def say_power(task: Task, terms: Terms) -> None:
    """Where examples are right or wrong: before any work, whether the margin can be shown."""
    seen = power(task, terms)
    if seen is not None:
        say = logging.info if seen.is_enough else logging.warning
        say("%s", seen.words)


def judge(
    tflite_bytes: bytes,
    task: Task,
    terms: Terms,
    baseline: bytes | inference.Run | None,
    *,
    beside: inference.Run | None = None,
    holds: Iterable[evaluate.Hold] = (),
    measured: Mapping[str, Any] | None = None,
    near_duplicates: np.ndarray | None = None,
    allow_flex: bool = False,
) -> Judged:
    """Evaluate on the held-out examples, record that they were used, decide.

    Args:
        tflite_bytes: the candidate.
        task: has a held-out split.
        terms: to decide by.
        baseline: the .tflite to compare with, or its run; None for none.
        beside: another model to compare with as well, which decides nothing; None for none.
        holds: promises to look for in the file.
        measured: fields of the scorecard that a phone has measured of this file.
        near_duplicates: held-out examples that look like training ones, see `gate.gate`.
        allow_flex: accept TensorFlow operators, whatever the phone class says.
    """
    scorecard = evaluate.evaluate(tflite_bytes, task, terms.phone, baseline, holds, beside=beside)
    scorecard = dataclasses.replace(scorecard, **(measured or {}))
    limits = terms.limits
    judged = [scorecard.judged_by, *scorecard.also_judged_by] if scorecard.judged_by else []
    accepted = {each.name: limits.margin_of(each.name) for each in judged if each}
    use = holdout_uses.record(scorecard, tflite_bytes, accepted)
    limits = dataclasses.replace(limits, allow_flex=limits.allow_flex or allow_flex)
    verdict = gate.gate(scorecard, limits, near_duplicates, use, trained.words(task))
    return Judged(scorecard, verdict, use)


def papers(gathered: facts.Facts) -> dict[str, bytes]:
    """Figures, verdict and report by file name; where there is a recipe, it and the card, too."""
    with progress.phase("writing the report"):
        told = sections.of(gathered)
        found = {
            "scorecard.json": manifest.as_json(gathered.scores),
            "verdict.json": manifest.as_json(gathered.decided),
            "report.html": page.render(gathered, told),
        }
    if not gathered.recipe:
        return found
    return {
        "recipe.json": manifest.as_json(dict(gathered.recipe)),
        **found,
        "MODEL_CARD.md": card.render(gathered, told),
    }

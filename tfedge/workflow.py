"""The whole journey in one function: model and data in, a release (or a reasoned no) out.

`compress` stops before the judgement, `make_release` goes all the way. Both hold the output
folder's lock, keep what a killed run has finished in `DIR.work`, and publish a whole folder.
"""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

from absl import logging

from tfedge import foreign, making
from tfedge.data import metrics
from tfedge.data import trained_on as trained
from tfedge.data.task import Task
from tfedge.device import evaluate, inference, profiles
from tfedge.device.file import tflite
from tfedge.release import (
    bundle,
    card,
    facts,
    floors,
    gate,
    holdout_uses,
    manifest,
    power_analysis,
    report,
    sections,
    sensitivity,
    work_folder,
)


@dataclasses.dataclass(frozen=True)
class Release:
    """What came out: the verdict, what it rests on, and the folder it is in."""

    verdict: gate.Verdict
    scorecard: evaluate.Scorecard
    folder: pathlib.Path


def compress(
    order: making.Order, output_dir: str | pathlib.Path, with_keras: bool = False
) -> making.Made:
    """Compress and export, without a judgement.

    Args:
        order: what to make.
        output_dir: gets model.tflite, recipe.json, reports.json and manifest.json.
        with_keras: also model.keras, the compressed model as a Keras 3 one.

    Raises:
        BadInput: anything about the input that cannot be used; nothing is written then.
    """
    with bundle.lock(output_dir) as folder, work_folder.open_for(folder) as work:
        made = making.make(making.prepare(making.read(order)), work)
        files = {
            **made.model_files,
            "recipe.json": manifest.as_json(dict(made.recipe)),
            "reports.json": manifest.as_json(
                {"schema_version": making.SCHEMA_VERSION, "passes": _reports(made)}
            ),
        }
        if with_keras and made.candidate is not None:
            files["model.keras"] = _keras_file(made.candidate, work)
        bundle.publish(folder, files, _facts(made))
    return made


def make_release(
    model: Any,
    task: Task | str,
    recipe: str = making.DEFAULT_RECIPE,
    export: str | None = None,
    *,
    output_dir: str | pathlib.Path,
    profile: str | profiles.Profile = "mid_range_phone",
    margin: float = 0.01,
    group_margin: float | None = None,
    min_metric: float | Mapping[str, float] | None = None,
    require_measured_latency: bool = False,
    baseline: str | pathlib.Path | None = None,
    command: str = "",
    report_examples: int = 12,
    trained_on: str | pathlib.Path | None = None,
    **order: Any,
) -> Release:
    """Compress, export, evaluate, decide, and publish or reject.

    Args:
        model: see `making.Order`.
        task: see `making.Order`.
        recipe: see `making.Order`.
        export: see `making.Order`.
        output_dir: the release folder; what was rejected goes to `output_dir`.rejected.
        profile: phone class, by name, file or value.
        margin: accepted loss, see `gate.Limits`.
        group_margin: accepted loss of a class or slice, see `gate.Limits`.
        min_metric: the least that a metric may be, see `gate.Limits`.
        require_measured_latency: see `gate.Limits`.
        baseline: the .tflite that ships today, instead of the input model in float32.
        command: how this was called, for the report.
        report_examples: new mistakes that the report shows; 0 leaves users' data out.
        trained_on: a file of the examples that the model was trained on; see `data.trained_on`.
        **order: other fields of `making.Order`.

    Raises:
        BadInput: anything about the input that cannot be used; nothing is written then.
    """
    phone = profiles.load(profile)
    limits = gate.Limits.from_profile(  # a bad margin is refused at once
        phone,
        margin=margin,
        group_margin=group_margin,
        min_metric=min_metric,
        require_measured_latency=require_measured_latency,
    )
    shipped = None if baseline is None else _read(baseline)
    with bundle.lock(output_dir) as folder, work_folder.open_for(folder) as work:
        given = making.read(making.Order(model, task, recipe, export, **order))
        if trained_on is not None:
            checked = trained.check(given.task, trained_on)
            given = dataclasses.replace(given, task=checked)
        _say_power(given.task, limits)
        ready = making.prepare(given)
        judged = metrics.judged(ready.given.task)
        floors.check_names(limits.min_metric, [each.name for each in judged])
        logging.info("evaluating what to compare with")  # a broken one shows before any training
        before = evaluate.run_baseline(shipped or ready.baseline, ready.given.task, phone)
        made = making.make(ready, work)
        scorecard = _evaluate(made, phone, before)
        use = holdout_uses.record(scorecard, made.tflite)
        limits = dataclasses.replace(limits, allow_flex=phone.allow_flex or made.allow_flex)
        verdict = gate.gate(
            scorecard, limits, made.findings.near_duplicates, use, trained.words(made.task)
        )
        files = _documents(
            made,
            scorecard,
            verdict,
            compared_with=before.file.content,
            command=command,
            report_examples=report_examples,
        )
        told = {**_facts(made), **_held_out(scorecard, use)}
        if verdict.outcome == gate.PASS:
            where = bundle.publish(folder, {**made.model_files, **files}, told)
        else:
            where = bundle.reject(folder, files, told)
    return Release(verdict, scorecard, where)


def _say_power(task: Task, limits: gate.Limits) -> None:
    """Where examples are right or wrong: before the training, whether the margin can be shown."""
    if task.holdout is None or metrics.judged(task)[0].correct is None:
        return
    seen = power_analysis.of(len(task.holdout), limits.margin, limits.alpha)
    if seen.is_enough:
        logging.info("%s", seen.words)
    else:
        logging.warning("%s", seen.words)


def _evaluate(
    made: making.Made, phone: profiles.Profile, before: inference.Run
) -> evaluate.Scorecard:
    holds = () if made.candidate is None else made.candidate.holds
    logging.info("evaluating on %d held-out examples", len(made.task.holdout or ()))
    return evaluate.evaluate(made.tflite, made.task, phone, baseline=before, holds=holds)


def _documents(
    made: making.Made,
    scorecard: evaluate.Scorecard,
    verdict: gate.Verdict,
    *,
    compared_with: bytes,
    command: str,
    report_examples: int,
) -> dict[str, bytes]:
    """Everything in a release but the model itself."""
    gathered = facts.Facts(
        made.name,
        scorecard,
        verdict,
        made.tflite,
        task=made.task,
        baseline=compared_with,
        recipe=made.recipe,
        reports=_reports(made),
        command=command,
        findings=made.findings,
        sensitivities=sensitivity.of(compared_with, made.tflite, made.task),
        report_examples=report_examples,
    )
    told = sections.of(gathered)
    return {
        "recipe.json": manifest.as_json(dict(made.recipe)),
        "scorecard.json": manifest.as_json(scorecard.to_json()),
        "verdict.json": manifest.as_json(verdict.to_json()),
        "report.html": report.render(gathered, told),
        "MODEL_CARD.md": card.render(gathered, told),
    }


def _facts(made: making.Made) -> dict[str, Any]:
    """What an app has to know about the model beside its files.

    That is how its inputs are made from pictures, columns of the input that it does not read, and
    whether it remembers earlier examples unless the app calls resetVariableTensors() between them.
    """
    facts: dict[str, Any] = {}
    if made.task.preprocessing:
        facts["preprocessing"] = made.task.preprocessing
    if tflite.read(made.tflite).keeps_state:
        logging.warning("a fused LSTM: the app calls resetVariableTensors() before each inference")
        facts["reset_variable_tensors"] = True
    if made.candidate is None:
        return facts
    from tfedge.compress.channels import input_columns

    dropped = input_columns.dropped(made.candidate.model)
    return {**facts, "dropped_inputs": dropped} if dropped else facts


def _held_out(scorecard: evaluate.Scorecard, use: holdout_uses.Use | None) -> dict[str, Any]:
    """For the manifest: what the verdict rests on, and how often that was used."""
    judged = None if use is None else use.number
    return {"held_out": {"fingerprint": scorecard.held_out, "candidates_judged": judged}}


def _reports(made: making.Made) -> list[dict[str, Any]]:
    return [] if made.candidate is None else [each.to_json() for each in made.candidate.reports]


def _keras_file(candidate: Any, work: pathlib.Path) -> bytes:
    from tfedge.compress import loading

    path = work / "model.keras"
    loading.save_model(candidate.to_keras3(), path)
    return path.read_bytes()


def _read(path: str | pathlib.Path) -> bytes:
    where = f"--baseline={path}"
    return tflite.read(foreign.read_bytes(path, "Name a .tflite file.", where), where).content

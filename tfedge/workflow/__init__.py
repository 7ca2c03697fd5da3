"""The whole journey in one function: model and data in, a release (or a reasoned no) out.

`make_release` goes all the way, `compressing.compress` stops before the judgement,
`existing.evaluate_file` judges what others made. All hold the output folder's lock and publish a
whole folder. What is finished on the way is kept in a cache, see `stage_cache`.
"""

import pathlib
from collections.abc import Mapping
from typing import Any

from absl import logging

from tfedge import cache, judging, making, progress
from tfedge.data.task import Task
from tfedge.device import evaluate, inference, profiles
from tfedge.device.file import tflite
from tfedge.making.order import DEFAULT_RECIPE, Order
from tfedge.making.preparing import Ready
from tfedge.release import golden
from tfedge.release.gate.check import PASS
from tfedge.release.publishing import bundle, rejected, released
from tfedge.release.report import facts, sensitivity
from tfedge.workflow import compressing, readiness, stage_cache, told
from tfedge.workflow.release import Release


def make_release(
    model: Any,
    task: Task | str,
    recipe: str = DEFAULT_RECIPE,
    export: str | None = None,
    *,
    output_dir: str | pathlib.Path,
    profile: str | profiles.Profile = "mid_range_phone",
    margin: float | str | Mapping[str, float] = 0.01,
    group_margin: float | None = None,
    min_metric: str | float | Mapping[str, float] | None = None,
    max_latency_ms: float | None = None,
    max_file_bytes: int | None = None,
    max_memory_bytes: int | None = None,
    require_measured_latency: bool = False,
    baseline: str | pathlib.Path | None = None,
    command: str = "",
    report_examples: int = 12,
    trained_on: str | pathlib.Path | None = None,
    enclosed: Mapping[str, bytes] | None = None,
    keras: bool = False,
    **order: Any,
) -> Release:
    """Compress, export, evaluate, decide, and publish or reject.

    Args:
        model: see `Order`.
        task: see `Order`.
        recipe: see `Order`.
        export: see `Order`.
        output_dir: the release folder; what was rejected goes to `output_dir`.rejected.
        profile: phone class, by name, file or value.
        margin: accepted loss, see `tfedge.Limits`; or as `--margin`.
        group_margin: accepted loss of a class or slice, see `tfedge.Limits`.
        min_metric: the least that a metric may be, see `tfedge.Limits`; or as `--min_metric`.
        max_latency_ms: of one inference on the phone; None for the phone class's, as the next two.
        max_file_bytes: of the .tflite.
        max_memory_bytes: of loading and running it.
        require_measured_latency: see `tfedge.Limits`.
        baseline: the .tflite that ships today (or its release folder), which then decides in the
            place of the input model in float32; that one is reported beside it.
        command: how this was called, for the report.
        report_examples: new mistakes that the report shows; 0 leaves users' data out, of
            golden.npz too.
        trained_on: a file of the examples that the model was trained on; see `trained_on`.
        enclosed: further files of the folder, by name; the report shows a `sensitivity.json`, see
            `sensitivity`.
        keras: also model.keras, the compressed model as a Keras 3 one, for `tfedge.targets`.
        **order: other fields of `Order`.

    Raises:
        BadInput: anything about the input that cannot be used; nothing is written then.
    """
    terms = judging.Terms.read(
        profile,
        min_metric,
        trained_on,
        command,
        report_examples,
        margin=margin,
        group_margin=group_margin,
        max_latency_ms=max_latency_ms,
        max_file_bytes=max_file_bytes,
        max_memory_bytes=max_memory_bytes,
        require_measured_latency=require_measured_latency,
    )
    shipped = None if baseline is None else released.readable_tflite("--baseline", baseline)
    wanted = Order(model, task, recipe, export, **order)
    return _release(wanted, terms, output_dir, shipped, enclosed or {}, with_keras=keras)


def _release(
    order: Order,
    terms: judging.Terms,
    output_dir: str | pathlib.Path,
    shipped: bytes | None,
    enclosed: Mapping[str, bytes],
    *,
    with_keras: bool,
) -> Release:
    judging.check_texts(order.task, terms)
    lasting = stage_cache.lasting(order, output_dir)
    with bundle.lock(output_dir) as folder, stage_cache.of_run(lasting, folder) as stages:
        ready = readiness.check(order, terms, lasting)
        before, beside = _run_first(ready, terms, shipped)
        made = _made(ready, bundle.rejected_dir(folder), stages, with_keras)
        judged = _judge(made, terms, before, beside)
        papers = judging.papers(_gathered(made, judged, terms, before.file.content, enclosed))
        files = {**enclosed, **papers}
        facts_of_it = {**told.facts(made), **told.held_out(judged)}
        if judged.verdict.outcome == PASS:
            shipped_with = {golden.NAME: _golden(made, terms), **made.model_files}
            if with_keras:
                shipped_with |= compressing.keras_files(made)
            where = bundle.publish(folder, {**shipped_with, **files}, facts_of_it)
        else:
            kept = rejected.files(made.tflite, told.reports(made))
            facts_of_it |= rejected.facts(ready.key)
            where = bundle.reject(folder, {**kept, **files}, facts_of_it)
    return Release(judged.verdict, judged.scorecard, where)


def _run_first(
    ready: Ready, terms: judging.Terms, shipped: bytes | None
) -> tuple[inference.Run, inference.Run | None]:
    """What the candidate is compared with; a broken one shows before any training.

    Where one that ships today decides, the input model is reported beside it.
    """
    task, phone = ready.given.task, terms.phone
    with progress.phase("running what is compared with on the held-out examples", times_more=1.5):
        if shipped is None:
            return evaluate.run_baseline(ready.baseline, task, phone), None
        where = "the input model, as float32"
        return (
            evaluate.run_baseline(shipped, task, phone),
            evaluate.run_baseline(ready.baseline, task, phone, where=where),
        )


def _made(
    ready: Ready, earlier: pathlib.Path, stages: cache.Cache, with_candidate: bool
) -> making.Made:
    """The candidate; one that was made of the same before, and not released, is taken over."""
    kept = rejected.read(earlier, ready.key)
    if kept is None:
        return making.make(ready, stages, with_candidate=with_candidate)
    logging.info(
        "nothing is trained: %s, made from the same, is judged again; delete it to train anew",
        earlier / rejected.MODEL,
    )
    return making.again(ready, kept)


def _judge(
    made: making.Made,
    terms: judging.Terms,
    before: inference.Run,
    beside: inference.Run | None,
) -> judging.Judged:
    return judging.judge(
        made.tflite,
        made.task,
        terms,
        before,
        beside=beside,
        holds=made.holds,
        measured=made.measured,
        near_duplicates=made.findings.near_duplicates,
        allow_flex=made.allow_flex,
    )


def _golden(made: making.Made, terms: judging.Terms) -> bytes:
    """What a runtime elsewhere is compared with."""
    with progress.phase("answering for runtimes elsewhere to compare with"):
        file = tflite.read(made.tflite)
        return golden.make(file, made.task, is_private=not terms.report_examples).to_bytes()


def _gathered(
    made: making.Made,
    judged: judging.Judged,
    terms: judging.Terms,
    compared_with: bytes,
    enclosed: Mapping[str, bytes],
) -> facts.Facts:
    with progress.phase("measuring what the change of each layer costs"):
        sensitivities = sensitivity.of(compared_with, made.tflite, made.task)
    return facts.Facts(
        made.name,
        judged.scorecard,
        judged.verdict,
        made.tflite,
        task=made.task,
        baseline=compared_with,
        recipe=made.recipe,
        reports=told.reports(made),
        command=terms.command,
        findings=made.findings,
        sensitivities=sensitivities,
        report_examples=terms.report_examples,
        enclosed=enclosed,
        kept_as="" if judged.verdict.outcome == PASS else rejected.MODEL,
    )

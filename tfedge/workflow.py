"""The whole journey in one function: model and data in, a release (or a reasoned no) out.

`compress` stops before the judgement, `make_release` goes all the way, `evaluate_file` judges what
others made. All hold the output folder's lock and publish a whole folder. What is finished on the
way is kept in a cache: one that the order names and that stays, else `DIR.work`, which goes with
the end of the run.
"""

import contextlib
import dataclasses
import os
import pathlib
import tempfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from absl import logging

from tfedge import cache, judging, making, progress, recipe_file, shown
from tfedge.data import hygiene, sources
from tfedge.data.task import Task
from tfedge.device import evaluate, inference, profiles
from tfedge.device.file import tflite
from tfedge.errors import BadInput
from tfedge.making import preparing, reading
from tfedge.making.order import DEFAULT_RECIPE, Order
from tfedge.making.preparing import Ready
from tfedge.release.gate.check import PASS
from tfedge.release.gate.verdict import Verdict
from tfedge.release.publishing import bundle, manifest, rejected, released, work_folder
from tfedge.release.report import facts, sensitivity

if TYPE_CHECKING:
    from tfedge.compress.candidate import Candidate


@dataclasses.dataclass(frozen=True, repr=False)
class Release(shown.Shown):
    """What came out: the verdict, what it rests on, and the folder it is in."""

    verdict: Verdict
    scorecard: evaluate.Scorecard
    folder: pathlib.Path

    def _shown(self) -> tuple[str, shown.Rows]:
        rows = [("verdict", self.verdict.sentence), ("folder", str(self.folder))]
        return f"Release for {self.scorecard.profile.name}", [*rows, *self.scorecard.figures()]


def compress(order: Order, output_dir: str | pathlib.Path, with_keras: bool = False) -> making.Made:
    """Compress and export, without a judgement.

    Args:
        order: what to make.
        output_dir: gets model.tflite, recipe.json, reports.json and manifest.json.
        with_keras: also model.keras, the compressed model as a Keras 3 one.

    Raises:
        BadInput: anything about the input that cannot be used; nothing is written then.
    """
    lasting = _lasting(order, output_dir)
    with bundle.lock(output_dir) as folder, _stages(lasting, folder) as stages:
        made = making.make(preparing.prepare(reading.read(order), lasting), stages)
        files = {
            **made.model_files,
            "recipe.json": manifest.as_json(dict(made.recipe)),
            "reports.json": manifest.as_json(
                {"schema_version": recipe_file.SCHEMA_VERSION, "passes": _reports(made)}
            ),
        }
        if with_keras and made.candidate is not None:
            files["model.keras"] = _keras_file(made.candidate)
        bundle.publish(folder, files, _facts(made))
    return made


def make_release(
    model: Any,
    task: Task | str,
    recipe: str = DEFAULT_RECIPE,
    export: str | None = None,
    *,
    output_dir: str | pathlib.Path,
    profile: str | profiles.Profile = "mid_range_phone",
    margin: float = 0.01,
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
    **order: Any,
) -> Release:
    """Compress, export, evaluate, decide, and publish or reject.

    Args:
        model: see `making.order.Order`.
        task: see `making.order.Order`.
        recipe: see `making.order.Order`.
        export: see `making.order.Order`.
        output_dir: the release folder; what was rejected goes to `output_dir`.rejected.
        profile: phone class, by name, file or value.
        margin: accepted loss, see `tfedge.Limits`.
        group_margin: accepted loss of a class or slice, see `tfedge.Limits`.
        min_metric: the least that a metric may be, see `tfedge.Limits`; or as `--min_metric`.
        max_latency_ms: of one inference on the phone; None for the phone class's, as the next two.
        max_file_bytes: of the .tflite.
        max_memory_bytes: of loading and running it.
        require_measured_latency: see `tfedge.Limits`.
        baseline: the .tflite that ships today (or its release folder), which then decides in the
            place of the input model in float32; that one is reported beside it.
        command: how this was called, for the report.
        report_examples: new mistakes that the report shows; 0 leaves users' data out.
        trained_on: a file of the examples that the model was trained on; see `data.trained_on`.
        enclosed: further files of the folder, by name.
        **order: other fields of `making.order.Order`.

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
    shipped = None if baseline is None else _read("--baseline", baseline)
    wanted = Order(model, task, recipe, export, **order)
    judging.check_texts(task, terms)
    lasting = _lasting(wanted, output_dir)
    with bundle.lock(output_dir) as folder, _stages(lasting, folder) as stages:
        found = ready(wanted, terms, lasting)
        before, beside = _run_first(found, terms, shipped)
        made = _made(found, bundle.rejected_dir(folder), stages)
        judged = _judge(made, terms, before, beside)
        papers = judging.papers(_gathered(made, judged, terms, before.file.content))
        files = {**(enclosed or {}), **papers}
        told = {**_facts(made), **_held_out(judged)}
        if judged.verdict.outcome == PASS:
            where = bundle.publish(folder, {**made.model_files, **files}, told)
        else:
            kept = rejected.files(made.tflite, _reports(made))
            where = bundle.reject(folder, {**kept, **files}, {**told, **rejected.facts(found.key)})
    return Release(judged.verdict, judged.scorecard, where)


def evaluate_file(
    path: str | pathlib.Path,
    data: str,
    terms: judging.Terms,
    *,
    output_dir: str | pathlib.Path,
    baseline: str | pathlib.Path | None = None,
    data_dir: str | None = None,
    seed: int = 0,
    allow_flex: bool = False,
) -> Release:
    """Judge a .tflite, wherever it comes from; needs no TensorFlow.

    Args:
        path: the .tflite, or a release folder.
        data: its source as `--data` takes it; has a held-out split.
        terms: to decide by.
        output_dir: gets scorecard.json, verdict.json and report.html.
        baseline: the .tflite to compare with.
        data_dir: where the data set is, if not in the usual place.
        seed: of the splits.
        allow_flex: accept TensorFlow operators, whatever the phone class says.

    Raises:
        BadInput: anything about the input that cannot be used; nothing is written then.
    """
    candidate = _read("--tflite", path)
    compared = None if baseline is None else _read("--baseline", baseline)
    judging.check_texts(data, terms)
    _refuse_release(pathlib.Path(output_dir))
    with bundle.lock(output_dir) as folder:
        task = _held_out_task(data, data_dir, seed)
        task = judging.check_training_data(task, terms)
        task = evaluate.as_judged(task, tflite.read(candidate))
        judging.check_floors(task, terms)
        judging.check_groups(task, terms)
        judged = judging.judge(candidate, task, terms, compared, allow_flex=allow_flex)
        gathered = facts.Facts(
            pathlib.Path(path).stem,
            judged.scorecard,
            judged.verdict,
            candidate,
            task=task,
            baseline=compared,
            command=terms.command,
            report_examples=terms.report_examples,
        )
        where = bundle.publish(folder, judging.papers(gathered))
    return Release(judged.verdict, judged.scorecard, where)


def ready(order: Order, terms: judging.Terms, stages: cache.Cache | None = None) -> Ready:
    """All that can be checked is checked before the first training.

    Args:
        order: what is to be made.
        terms: what it is held to.
        stages: see `preparing.prepare`.

    Raises:
        BadInput: anything about the input that cannot be used.
    """
    given = reading.read(order)
    given = dataclasses.replace(given, task=judging.check_training_data(given.task, terms))
    judging.say_power(given.task, terms)
    found = preparing.prepare(given, stages)
    judging.check_floors(found.given.task, terms)
    judging.check_groups(found.given.task, terms)
    return found


def cache_dir(order: Order) -> str | pathlib.Path | None:
    """The folder of a cache that the order names, or else the environment."""
    return order.cache_dir or os.environ.get("TFEDGE_CACHE_DIR")


def _lasting(order: Order, output_dir: str | pathlib.Path) -> cache.Cache | None:
    folder = cache_dir(order)
    if not folder:
        return None
    if pathlib.Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(output_dir)):
        raise BadInput(
            f"--cache_dir={folder}",
            f"it is in the output folder {output_dir}, which is exchanged as a whole",
            "Name one beside it.",
        )
    return cache.open_at(folder, order.cache_gigabytes)


def _stages(
    lasting: cache.Cache | None, folder: pathlib.Path
) -> contextlib.AbstractContextManager[cache.Cache]:
    """Where finished stages are kept while a release is made."""
    return work_folder.open_for(folder) if lasting is None else contextlib.nullcontext(lasting)


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


def _made(ready: Ready, earlier: pathlib.Path, stages: cache.Cache) -> making.Made:
    """The candidate; one that was made of the same before, and not released, is taken over."""
    kept = rejected.read(earlier, ready.key)
    if kept is None:
        return making.make(ready, stages)
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


def _gathered(
    made: making.Made, judged: judging.Judged, terms: judging.Terms, compared_with: bytes
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
        reports=_reports(made),
        command=terms.command,
        findings=made.findings,
        sensitivities=sensitivities,
        report_examples=terms.report_examples,
        kept_as="" if judged.verdict.outcome == PASS else rejected.MODEL,
    )


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
    if made.dropped_inputs is not None:
        facts[rejected.DROPPED] = made.dropped_inputs
    return facts


def _held_out(judged: judging.Judged) -> dict[str, Any]:
    """For the manifest: what the verdict rests on, and how often that was used."""
    looks, candidates = (judged.use.number, judged.use.candidates) if judged.use else (None, None)
    told = {"candidates_judged": candidates, "looks": looks}
    return {"held_out": {"fingerprint": judged.scorecard.held_out, **told}}


def _reports(made: making.Made) -> list[dict[str, Any]]:
    return [each.to_json() for each in made.reports]


def _keras_file(candidate: "Candidate") -> bytes:
    from tfedge.compress import loading

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.keras"
        loading.save_model(candidate.to_keras3(), path)
        return path.read_bytes()


def _held_out_task(data: str, data_dir: str | None, seed: int) -> Task:
    task = sources.load_task(data, data_dir, seed)
    if task.holdout is None:
        raise BadInput("--data", "no held-out split", "Add one: the file is judged on it.")
    for warning in hygiene.check(task, ("holdout",)):
        logging.warning("%s", warning)
    return task


def _refuse_release(folder: pathlib.Path) -> None:
    """The folder's content is exchanged as a whole, and a model would be lost."""
    if os.path.exists(folder / "model.tflite"):  # also of a name too long to ask for
        raise BadInput(
            f"--output_dir={folder}", "it holds a release", "Name another folder for the figures."
        )


def _read(flag: str, path: str | pathlib.Path) -> bytes:
    """The content of a file that can be read as a .tflite, or of that in a release folder."""
    where = f"{flag}={path}"
    return tflite.read(released.tflite_bytes(path, where), where).content

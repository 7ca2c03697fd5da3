"""The whole journey in one function: model and data in, a release (or a reasoned no) out.

`compress` stops before the judgement, `make_release` goes all the way. Both hold the output
folder's lock, keep what a killed run has finished in `DIR.work`, and publish a whole folder.
"""

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import json
import pathlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from absl import logging

from tfedge.data import augmentation, hygiene, metrics, sources
from tfedge.data.hygiene import seen_scale
from tfedge.data.task import Task
from tfedge.device import evaluate, inference, profiles, sandbox, tflite
from tfedge.errors import BadInput
from tfedge.release import bundle, card, facts, foresight, gate, holdout_uses, manifest, report
from tfedge.release.sections import sensitivity

SCHEMA_VERSION = 1
DEFAULT_RECIPE = "balanced"
_MEASURING_BYTES = 2**32
_PACKAGES = ("tensorflow", "tf-keras", "tensorflow-model-optimization", "ai-edge-litert", "numpy")


@dataclasses.dataclass(frozen=True)
class Order:
    """What is to be made.

    Attributes:
        model: path as `--model` takes it, or a Keras 3 or tf_keras model.
        task: a Task, or its source as `--data` takes it.
        recipe: recipe text, name or recipe.json ("" compresses nothing).
        export: as `--export`; None takes the recipe.json's, else what the recipe prepares for.
        epochs_scale: shortens all training.
        seed: of everything; None takes the recipe.json's, else the task's.
        augment: as `--augment`; None takes the recipe.json's, else the task's.
        data_dir: where the data set is, if not in the usual place.
        custom_objects: see `loading.load_model`.
        input_shape: a fixed (height, width, channels) for a model that has none.
        packed: also write model.tflite.packed, the file for the download; see `export.packing`.
    """

    model: Any
    task: Task | str
    recipe: str = DEFAULT_RECIPE
    export: str | None = None
    epochs_scale: float = 1.0
    seed: int | None = None
    augment: str | None = None
    data_dir: str | None = None
    custom_objects: str | None = None
    input_shape: tuple[int, ...] | None = None
    packed: bool = False


@dataclasses.dataclass(frozen=True)
class Made:
    """A compressed model and where it came from.

    Attributes:
        name: of the model.
        tflite: the file.
        baseline: the input model as a float32 file.
        candidate: None when there was nothing to compress (SavedModel, .tflite).
        recipe: what recipe.json holds.
        task: the data, with its held-out split.
        findings: what the checks of the data found.
        allow_flex: whether the export may hold TensorFlow operators.
        packed: the packed form of `tflite`, where it was asked for.
    """

    name: str
    tflite: bytes
    baseline: bytes
    candidate: Any
    recipe: Mapping[str, Any]
    task: Task
    findings: hygiene.Findings
    allow_flex: bool = False
    packed: bytes | None = None

    @property
    def model_files(self) -> dict[str, bytes]:
        """The model, by file name."""
        packed = {} if self.packed is None else {"model.tflite.packed": self.packed}
        return {"model.tflite": self.tflite, **packed}


@dataclasses.dataclass(frozen=True)
class Release:
    """What came out: the verdict, what it rests on, and the folder it is in."""

    verdict: gate.Verdict
    scorecard: evaluate.Scorecard
    folder: pathlib.Path


def compress(order: Order, output_dir: str | pathlib.Path, with_keras: bool = False) -> Made:
    """Compress and export, without a judgement.

    Args:
        order: what to make.
        output_dir: gets model.tflite, recipe.json, reports.json and manifest.json.
        with_keras: also model.keras, the compressed model as a Keras 3 one.

    Raises:
        BadInput: anything about the input that cannot be used; nothing is written then.
    """
    with bundle.lock(output_dir) as folder, _work_dir(folder) as work:
        made = _make(order, work)
        files = {
            **made.model_files,
            "recipe.json": manifest.as_json(dict(made.recipe)),
            "reports.json": manifest.as_json(
                {"schema_version": SCHEMA_VERSION, "passes": _reports(made)}
            ),
        }
        if with_keras and made.candidate is not None:
            files["model.keras"] = _keras_file(made.candidate, work)
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
    require_measured_latency: bool = False,
    baseline: str | pathlib.Path | None = None,
    command: str = "",
    report_examples: int = 12,
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
        margin: accepted loss, see `gate.Limits`.
        group_margin: accepted loss of a class or slice, see `gate.Limits`.
        require_measured_latency: see `gate.Limits`.
        baseline: the .tflite that ships today, instead of the input model in float32.
        command: how this was called, for the report.
        report_examples: new mistakes that the report shows; 0 leaves users' data out.
        **order: other fields of `Order`.

    Raises:
        BadInput: anything about the input that cannot be used; nothing is written then.
    """
    phone = profiles.load(profile)
    limits = gate.Limits.from_profile(  # a bad margin is refused at once
        phone,
        margin=margin,
        group_margin=group_margin,
        require_measured_latency=require_measured_latency,
    )
    shipped = None if baseline is None else _read(baseline)
    with bundle.lock(output_dir) as folder, _work_dir(folder) as work:
        made = _make(Order(model, task, recipe, export, **order), work, limits)
        holds = () if made.candidate is None else made.candidate.holds
        logging.info("evaluating on %d held-out examples", len(made.task.holdout or ()))
        compared_with = shipped or made.baseline
        scorecard = evaluate.evaluate(
            made.tflite, made.task, phone, baseline=compared_with, holds=holds
        )
        limits = dataclasses.replace(limits, allow_flex=phone.allow_flex or made.allow_flex)
        use = holdout_uses.record(scorecard, made.tflite)
        verdict = gate.gate(scorecard, limits, made.findings.near_duplicates, use)
        told = {**_facts(made), **_held_out(scorecard, use)}
        files = _documents(
            made,
            scorecard,
            verdict,
            compared_with=compared_with,
            command=command,
            report_examples=report_examples,
        )
        if verdict.outcome == gate.PASS:
            published = {**made.model_files, **files}
            where = bundle.publish(folder, published, told)
        else:
            where = bundle.reject(folder, files, told)
    return Release(verdict, scorecard, where)


def _make(order: Order, work: pathlib.Path, limits: gate.Limits | None = None) -> Made:
    """The work itself, from input to bytes; with limits it says first what can be shown."""
    recipe_file = _recipe_file(order.recipe)
    seed = order.seed if order.seed is not None else recipe_file.get("seed")
    augment = order.augment if order.augment is not None else recipe_file.get("augment")
    task, findings = _task(order, seed, augment)
    if limits is not None:
        _say_power(task, limits)
    # What the flags say is read before TensorFlow is, so that a typing error shows at once.
    from tfedge import export as exporting
    from tfedge.compress import bridge, costs, loading
    from tfedge.compress.recipe import Recipe
    from tfedge.export import options, packing

    recipe = Recipe.parse(order.recipe).scaled(order.epochs_scale)
    export_text = order.export or recipe_file.get("export") or recipe.default_route()
    chosen = options.Export.parse(export_text)
    recipe.check_export(chosen.route)
    model = order.model
    if isinstance(model, str | pathlib.Path):
        model = loading.load_model(str(model), order.custom_objects, order.input_shape)
    if recipe.passes and isinstance(model, loading.SavedModel | loading.TfliteModel):
        raise BadInput(
            f"--model={order.model}",
            "this kind of model can be exported, not compressed",
            "Give --recipe='' or a functional Keras model.",
        )
    if bridge.is_functional(model):
        _check_fits(model, task)
    logging.info("the input model as float32, to compare with")
    baseline = exporting.to_tflite(model, _baseline_export(chosen), task)
    with costs.measuring(_milliseconds(task)):
        candidate = recipe.apply(model, task, work) if recipe.passes else None
    logging.info("exporting as %s", chosen.to_text())
    tflite_bytes = exporting.to_tflite(candidate or model, chosen.to_text(), task)
    repeats = _recipe_json(order, recipe, chosen.to_text(), task, baseline)
    name = getattr(model, "name", pathlib.Path(str(order.model)).stem)
    return Made(
        name,
        tflite_bytes,
        baseline,
        candidate,
        repeats,
        task,
        findings,
        chosen.allow_flex,
        packing.pack(tflite_bytes) if order.packed else None,
    )


def _milliseconds(task: Task) -> Callable[[Any], float]:
    """tf_keras model -> median time of its int8 file on this host, one thread."""
    from tfedge import export as exporting

    def measure(model: Any) -> float:
        few = task.calibration.take(np.arange(min(8, len(task.calibration))))
        content = exporting.to_tflite(model, "int8", task)
        limits = sandbox.Limits(memory_bytes=_MEASURING_BYTES, threads=1)
        run = inference.run(tflite.read(content), few, task.normalization, limits)
        if run.host is None:
            raise BadInput(
                "budget='latency'",
                f"the int8 file does not run here: {run.outcome.failure}",
                "Choose budget='multiply_adds'.",
            )
        return run.host.p50

    return measure


def _baseline_export(chosen: Any) -> str:
    """Float32, fed as the candidate is."""
    return "float32(raw_input=True)" if chosen.raw_input else "float32"


def _task(order: Order, seed: int | None, augment: str | None) -> tuple[Task, hygiene.Findings]:
    """The checked data, and what was found about it."""
    augmentation.parse(augment or "")  # a typing error shows before the data is read
    task = order.task
    if isinstance(task, str):
        task = sources.load_task(task, order.data_dir, seed or 0)
    elif seed is not None:
        task = dataclasses.replace(task, seed=seed)
    if augment is not None:
        task = dataclasses.replace(task, augment=augment)
    findings = hygiene.examine(task)
    for warning in findings.warnings:
        logging.warning("%s", warning)
    return task, findings


def _say_power(task: Task, limits: gate.Limits) -> None:
    """Where examples are right or wrong: before the training, whether the margin can be shown."""
    if task.holdout is None or metrics.resolve(task).correct is None:
        return
    seen = foresight.of(len(task.holdout), limits.margin, limits.alpha)
    if seen.is_enough:
        logging.info("%s", seen.words)
    else:
        logging.warning("%s", seen.words)


def _check_fits(model: Any, task: Task) -> None:
    """Refuse data that the model cannot take, or of another scale than it was trained on."""
    from tfedge.compress import first_layer

    inputs = {
        name: tuple(tensor.shape)
        for name, tensor in zip(first_layer.input_names(model), model.inputs, strict=True)
    }
    outputs = tuple(tuple(tensor.shape) for tensor in model.outputs)
    hygiene.check_fits(task, inputs, outputs)
    trained = first_layer.trained_range(model)
    if trained is not None:
        seen_scale.check_bytes(task, trained)
    for name, means, variances in first_layer.moments(model):
        seen_scale.check_moments(task, name, means, variances)


def _recipe_file(text: str) -> Mapping[str, Any]:
    path = pathlib.Path(text.strip())
    if path.suffix != ".json" or not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInput(f"--recipe={text}", f"not JSON ({error})", "Use a recipe.json.") from error


def _recipe_json(order: Order, recipe: Any, export: str, task: Task, baseline: bytes) -> dict:
    """All that repeats the release, and what it started from."""
    return {
        "schema_version": SCHEMA_VERSION,
        "recipe": str(recipe),
        **recipe.to_json(),
        "export": export,
        "seed": task.seed,
        "augment": task.augment,
        "model": str(order.model) if isinstance(order.model, str | pathlib.Path) else "in memory",
        "model_float32_sha256": hashlib.sha256(baseline).hexdigest(),
        "data": task.name,
        "versions": {name: importlib.metadata.version(name) for name in ("tfedge", *_PACKAGES)},
    }


def _documents(
    made: Made,
    scorecard: evaluate.Scorecard,
    verdict: gate.Verdict,
    *,
    compared_with: bytes,
    command: str,
    report_examples: int,
) -> dict[str, bytes]:
    """Everything in a release but the model itself."""
    gathered = facts.gather(
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
    return {
        "recipe.json": manifest.as_json(dict(made.recipe)),
        "scorecard.json": manifest.as_json(scorecard.to_json()),
        "verdict.json": manifest.as_json(verdict.to_json()),
        "report.html": report.render(gathered),
        "MODEL_CARD.md": card.render(gathered),
    }


def _facts(made: Made) -> dict[str, Any]:
    """What an app has to know about the model beside its files: columns that it does not read."""
    if made.candidate is None:
        return {}
    from tfedge.compress.channels import input_columns

    dropped = input_columns.dropped(made.candidate.model)
    return {"dropped_inputs": dropped} if dropped else {}


def _held_out(scorecard: evaluate.Scorecard, use: holdout_uses.Use | None) -> dict[str, Any]:
    """For the manifest: what the verdict rests on, and how often that was used."""
    judged = None if use is None else use.number
    return {"held_out": {"fingerprint": scorecard.held_out, "candidates_judged": judged}}


def _reports(made: Made) -> list[dict[str, Any]]:
    return [] if made.candidate is None else [each.to_json() for each in made.candidate.reports]


def _keras_file(candidate: Any, work: pathlib.Path) -> bytes:
    from tfedge.compress import loading

    path = work / "model.keras"
    loading.save_model(candidate.to_keras3(), path)
    return path.read_bytes()


def _read(path: str | pathlib.Path) -> bytes:
    try:
        return pathlib.Path(path).read_bytes()
    except OSError as error:
        raise BadInput(f"--baseline={path}", str(error.strerror), "Name a .tflite file.") from error


@contextlib.contextmanager
def _work_dir(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Where finished passes wait for a run that goes on; gone after one that came to its end."""
    work = folder.with_name(f"{folder.name}.work")
    work.mkdir(exist_ok=True)
    try:
        yield work
    except BaseException:
        with contextlib.suppress(OSError):
            work.rmdir()  # only where there is nothing in it to go on from
        raise
    shutil.rmtree(work, ignore_errors=True)

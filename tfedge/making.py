"""From a model and data to the bytes of a `.tflite`, and all that repeats it; no judgement yet.

    made = make(prepare(read(order)))

Both take a cache of finished stages, in which they look before they make something; see `cache`.

`read` reads texts, then data, so that what cannot be used shows before any work is done and before
TensorFlow is loaded; `prepare` opens the model and exports what the result is compared with; `make`
compresses and exports.
"""

import dataclasses
import functools
import pathlib
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import logging

from tfedge import cache, foreign, progress, recipe_file
from tfedge.data import augmentation, class_weights, hygiene, output_kind, seen_scale, sources
from tfedge.data.task import Task
from tfedge.device import evaluate, inference, sandbox
from tfedge.device.file import tflite
from tfedge.errors import BadInput
from tfedge.release.publishing import rejected

if TYPE_CHECKING:
    from tfedge.compress import keras as k
    from tfedge.compress.applying import Start
    from tfedge.compress.candidate import Candidate, Report
    from tfedge.compress.recipe import Recipe
    from tfedge.export.options import Export

DEFAULT_RECIPE = "balanced"
WITHOUT_LAYERS = ".tflite"
_FILE = "model.tflite"  # in an entry of the cache
_NAMED_BY_KERAS = re.compile(r"(functional|model|sequential)(_\d+)?")
_MEASURING_BYTES = 2**32


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
        input_shape: a fixed (height, width, channels) for a model that has none; None takes the
            recipe.json's.
        allow_flex: accept TensorFlow operators, as the export's option of that name.
        packed: also write model.tflite.packed, the file for the download; see `packing`.
        trust_recipe: let a recipe.json name Python code to run.
        cache_dir: folder of finished stages that stays, see `cache`; None takes that of the
            environment (TFEDGE_CACHE_DIR), if there is one.
        cache_gigabytes: that it may take.
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
    allow_flex: bool = False
    packed: bool = False
    trust_recipe: bool = False
    cache_dir: str | pathlib.Path | None = None
    cache_gigabytes: float = cache.DEFAULT_GIGABYTES


@dataclasses.dataclass(frozen=True)
class Made:
    """A compressed model and where it came from.

    Attributes:
        name: of the model.
        tflite: the file.
        baseline: the input model as a float32 file.
        candidate: None when there was nothing to compress (SavedModel, .tflite), or nothing was
            trained because the file was made before.
        holds: promises about its weights.
        reports: one per pass.
        dropped_inputs: columns of the input that it does not read; None where it reads all.
        measured: fields of the scorecard that a phone has measured already.
        recipe: what recipe.json holds.
        task: the data, with its held-out split.
        findings: what the checks of the data found.
        allow_flex: whether the export may hold TensorFlow operators.
        packed: the packed form of `tflite`, where it was asked for.
    """

    name: str
    tflite: bytes
    baseline: bytes
    candidate: "Candidate | None"
    recipe: Mapping[str, Any]
    task: Task
    findings: hygiene.Findings
    holds: tuple[evaluate.Hold, ...] = ()
    reports: "tuple[Report, ...]" = ()
    dropped_inputs: Any = None
    measured: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    allow_flex: bool = False
    packed: bytes | None = None

    @property
    def model_files(self) -> dict[str, bytes]:
        """The model, by file name."""
        packed = {} if self.packed is None else {"model.tflite.packed": self.packed}
        return {"model.tflite": self.tflite, **packed}


@dataclasses.dataclass(frozen=True)
class Given:
    """What an order names, read and checked, as far as that goes without TensorFlow.

    Attributes:
        order: what is to be made.
        task: the data.
        findings: what the checks of the data found.
        recipe: the passes.
        export: how to export.
        recipe_file: what the recipe.json holds, where the order names one.
    """

    order: Order
    task: Task
    findings: hygiene.Findings
    recipe: "Recipe"
    export: "Export"
    recipe_file: Mapping[str, Any]


def read(order: Order) -> Given:
    """Reads the recipe and the other texts, then the data.

    Raises:
        BadInput: something in them cannot be used.
    """
    from tfedge.compress import loading
    from tfedge.compress.recipe import Recipe

    found = recipe_file.read(order.recipe)
    order = dataclasses.replace(order, **_left_open(order, found))
    recipe = Recipe.parse(order.recipe, order.trust_recipe).scaled(order.epochs_scale)
    check_layers(order, recipe, has_layers=not str(order.model).endswith(WITHOUT_LAYERS))
    export = _export(order, found, recipe)
    augmentation.parse(order.augment or "")
    if isinstance(order.task, str):
        sources.parse(order.task)
    if isinstance(order.model, str | pathlib.Path):
        loading.check_names(order.model, order.custom_objects)
    task, findings = _task(order)
    return Given(order, task, findings, recipe, export, found)


@dataclasses.dataclass(frozen=True)
class Ready:
    """A model and what is to be done to it, all checked; nothing is trained yet.

    Attributes:
        given: what `read` gave, with the task as the model takes it.
        model: opened.
        baseline: the input model as a float32 file.
        start: what the recipe starts from; None where it has no passes.
    """

    given: Given
    model: Any
    baseline: bytes
    start: "Start | None" = None

    @functools.cached_property
    def key(self) -> str:
        """What determines the bytes of the file that `make` makes, as a number."""
        from tfedge.compress import keys

        if self.start is not None:
            start = self.start.keys[-1]
        else:
            start = keys.fingerprint([self.baseline], self.given.task)
        export = self.given.export
        labels = f" {list(self.given.task.labels)}" if export.labels else ""
        return keys.extend(start, f"{export.to_text()}{labels}")


def prepare(given: Given, stages: cache.Cache | None = None) -> Ready:
    """Opens the model, and exports it as it is.

    Args:
        given: what `read` gave.
        stages: has that file, or gets it.

    Raises:
        BadInput: the model, the recipe or the export cannot be used, alone or together.
    """
    from tfedge.compress import bridge

    export, recipe = given.export, given.recipe
    _check_export(export, recipe, given.task)
    model = _opened(given.order)
    has_layers = bridge.is_functional(model)
    check_layers(given.order, recipe, has_layers)
    task = _as_answered(given.task, model) if has_layers else given.task
    # Fed as the candidate is, so that the two are compared on the same inputs.
    plain = type(export)(raw_input=export.raw_input, allow_flex=export.allow_flex)
    baseline = _baseline(model, plain, task, stages)
    if not has_layers:
        task = _as_exported(task, baseline, f"--model={given.order.model}")
    task = _with_recorded_weights(task, given.recipe_file, baseline)
    ready = Ready(dataclasses.replace(given, task=task), model, baseline)
    return dataclasses.replace(ready, start=_start(ready))


def with_recipe(ready: Ready, recipe: "Recipe", export: str) -> Ready:
    """The same model and data, for another recipe.

    Args:
        ready: what `prepare` gave.
        recipe: to take the place of its.
        export: as `--export`.

    Raises:
        BadInput: see `prepare`.
    """
    chosen = _export(dataclasses.replace(ready.given.order, export=export), {}, recipe)
    _check_export(chosen, recipe, ready.given.task)
    given = dataclasses.replace(ready.given, recipe=recipe, export=chosen)
    other = dataclasses.replace(ready, given=given)
    return dataclasses.replace(other, start=_start(other))


def _baseline(model: Any, plain: "Export", task: Task, stages: cache.Cache | None) -> bytes:
    from tfedge.compress import keys
    from tfedge.export import to_tflite

    def export() -> bytes:
        return to_tflite(model, plain, task)

    what = "exporting the input model as float32, to compare with"
    content = keys.of_source(model)
    with progress.phase(what, times_more=1.5):
        if stages is None or content is None:
            return export()
        start = keys.fingerprint(content, task, ("calibration",))
        return _file(stages, keys.extend(start, plain.to_text()), "the input model's file", export)


def _file(stages: cache.Cache | None, key: str, what: str, export: Callable[[], bytes]) -> bytes:
    """A .tflite, taken over or made."""
    if stages is None:
        return export()
    return stages.made(key, what, lambda: {_FILE: export()})[_FILE]


def make(ready: Ready, stages: cache.Cache | None = None) -> Made:
    """Compresses and exports.

    Args:
        ready: what `prepare` gave.
        stages: has what earlier runs have finished, and gets what this one finishes.

    Raises:
        BadInput: a pass or the export cannot work on this model.
    """
    from tfedge.compress import costs
    from tfedge.compress.channels import input_columns
    from tfedge.export import to_tflite

    task, candidate, more = ready.given.task, None, {}
    if ready.start is not None:
        with costs.measuring(milliseconds(task)):
            candidate = ready.start.run(stages)
        more = {
            "holds": candidate.holds,
            "reports": candidate.reports,
            "dropped_inputs": input_columns.dropped(candidate.model) or None,
        }
    export = ready.given.export.to_text()
    key = ready.key if stages else ""
    source = candidate or ready.model
    with progress.phase(f"exporting as {export}"):
        tflite_bytes = _file(
            stages, key, f"export as {export}", lambda: to_tflite(source, export, task)
        )
    weights = candidate.class_weight if candidate else {}
    return _made(ready, tflite_bytes, weights, candidate=candidate, **more)


def again(ready: Ready, kept: rejected.Kept) -> Made:
    """What `make` made of the same before; nothing is trained or exported.

    Args:
        ready: what `prepare` gave.
        kept: what was made.
    """
    from tfedge.compress.candidate import Report

    with foreign.reading(f"{kept.folder}, reports.json", "Delete the folder."):
        reports = tuple(Report.from_json(each) for each in kept.reports)
    return _made(
        ready,
        kept.tflite,
        kept.class_weight,
        candidate=None,
        holds=kept.holds,
        reports=reports,
        dropped_inputs=kept.dropped_inputs,
        measured=kept.measured,
    )


def _made(ready: Ready, content: bytes, class_weight: Mapping[str, Any], **more: Any) -> Made:
    from tfedge import packing

    given, order = ready.given, ready.given.order
    return Made(
        name=_name(ready.model, order.model),
        tflite=content,
        baseline=ready.baseline,
        recipe=_recipe_json(ready, class_weight),
        task=given.task,
        findings=given.findings,
        allow_flex=given.export.allow_flex,
        packed=packing.pack(content) if order.packed else None,
        **more,
    )


def _name(model: Any, given: Any) -> str:
    """The model's own name; that of its file where Keras gave the name, or there is none."""
    own = getattr(model, "name", "")
    if isinstance(given, str | pathlib.Path) and (not own or _NAMED_BY_KERAS.fullmatch(own)):
        return pathlib.Path(str(given).removeprefix("py:").split(":")[0]).stem
    return own or "model"


def milliseconds(task: Task) -> "Callable[[k.Model], float]":
    """tf_keras model -> median time of its int8 file on this host, one thread."""
    from tfedge.export import exporting, options

    def measure(model: "k.Model") -> float:
        few = task.calibration.take(np.arange(min(8, len(task.calibration))))
        content = exporting.to_tflite(model, options.Export("int8"), task, is_last=False)
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


def _left_open(order: Order, found: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that an order leaves to its recipe.json; where the data is, of the same data."""
    taken = {
        "input_shape": order.input_shape or found.get("input_shape"),
        "seed": order.seed if order.seed is not None else found.get("seed"),
        "augment": order.augment if order.augment is not None else found.get("augment"),
    }
    if order.task == found.get("source"):
        taken["data_dir"] = order.data_dir or found.get("data_dir")
    return taken


def _export(order: Order, found: Mapping[str, Any], recipe: "Recipe") -> "Export":
    """How to export: as ordered, as recorded, or as the recipe prepares for."""
    from tfedge.export import options

    chosen = options.Export.parse(order.export or found.get("export") or recipe.default_route())
    recipe.check_export(chosen.route)
    return dataclasses.replace(chosen, allow_flex=True) if order.allow_flex else chosen


def _check_export(export: "Export", recipe: "Recipe", task: Task) -> None:
    from tfedge.export import choices

    choices.check_task(export, task)
    if any(each.exports for each in recipe.passes):
        choices.check_trained(export)


def _start(ready: Ready) -> "Start | None":
    """What the recipe starts from, looked at by every pass; None where it has none."""
    from tfedge.compress import costs

    recipe, task = ready.given.recipe, ready.given.task
    if not recipe.passes:
        return None
    looking = progress.phase("looking at what each pass can do")
    with looking, costs.measuring(milliseconds(task)):
        return recipe.start(ready.model, task)


def _task(order: Order) -> tuple[Task, hygiene.Findings]:
    """The checked data, and what was found about it."""
    task = order.task
    if isinstance(task, str):
        task = sources.load_task(task, order.data_dir, order.seed or 0)
    elif order.seed is not None:
        task = dataclasses.replace(task, seed=order.seed)
    if order.augment is not None:
        task = dataclasses.replace(task, augment=order.augment)
    findings = hygiene.examine(task)
    for warning in findings.warnings:
        logging.warning("%s", warning)
    return task, findings


def _opened(order: Order) -> Any:
    from tfedge.compress import loading

    if not isinstance(order.model, str | pathlib.Path):
        return order.model
    with progress.phase(f"opening {pathlib.Path(order.model).name}"):
        return loading.load_model(str(order.model), order.custom_objects, order.input_shape)


def check_layers(order: Order, recipe: "Recipe", has_layers: bool) -> None:
    """Refuse passes for a model that they cannot work on.

    Args:
        order: names the model.
        recipe: with the passes.
        has_layers: whether it is a functional model.

    Raises:
        BadInput: it is not, and there are passes.
    """
    if recipe.passes and not has_layers:
        names = ", ".join(each.name for each in recipe.passes)
        raise BadInput(
            f"--model={order.model}",
            "a .tflite, a SavedModel or a subclassed model can be exported, not compressed: "
            f"{names} would need a functional Keras model",
            "Write --recipe='' --export=int8, which quantizes it without training; or give one.",
        )


def _as_answered(task: Task, model: Any) -> Task:
    """The task with the kind of targets that a functional model's outputs ask for."""
    from tfedge.compress.graph import model_ends

    task = output_kind.of_outputs(task, model_ends.output_shapes(model))
    check_fits(model, task)
    return task


def _as_exported(task: Task, baseline: bytes, where: str) -> Task:
    """Likewise of a model without layers, of which only its file can be asked."""
    x, _ = next(task.train.batches(1))
    file = tflite.read(baseline)
    inference.input_ports(file, x, where)
    return evaluate.as_judged(task, file)


def _with_recorded_weights(task: Task, found: Mapping[str, Any], baseline: bytes) -> Task:
    """The class weights that the recipe.json of this model and data trained with, if any.

    Those found in a model are not looked for again: the same release is made.
    """
    recorded = recipe_file.class_weight(found, task, baseline)
    is_open = task.class_weight is None and task.sample_weight is None
    if recorded is None or not is_open:
        return task
    return dataclasses.replace(task, class_weight=recorded or class_weights.NONE)


def _recipe_json(ready: Ready, class_weight: Mapping[str, Any]) -> dict[str, Any]:
    given, order = ready.given, ready.given.order
    return recipe_file.content(
        given.recipe,
        given.export.to_text(),
        given.task,
        ready.baseline,
        model=str(order.model) if isinstance(order.model, str | pathlib.Path) else "in memory",
        source=order.task if isinstance(order.task, str) else "in memory",
        data_dir=order.data_dir,
        input_shape=None if order.input_shape is None else list(order.input_shape),
        epochs_scale=order.epochs_scale * (given.recipe_file.get("epochs_scale") or 1.0),
        class_weight=dict(class_weight),
    )


def check_fits(model: Any, task: Task) -> None:
    """Refuse data that the model cannot take, or of another scale than it was trained on."""
    from tfedge.compress.graph import first_layer, model_ends

    inputs = {
        name: tuple(tensor.shape)
        for name, tensor in zip(model_ends.input_names(model), model.inputs, strict=True)
    }
    outputs = tuple(tuple(tensor.shape) for tensor in model.outputs)
    types = {
        name: getattr(tensor.dtype, "name", tensor.dtype)
        for name, tensor in zip(inputs, model.inputs, strict=True)
    }
    hygiene.check_fits(task, inputs, outputs, input_dtypes=types)
    trained = first_layer.trained_range(model)
    if trained is not None:
        seen_scale.check_bytes(task, trained)
    for name, means, variances in first_layer.moments(model):
        seen_scale.check_moments(task, name, means, variances)

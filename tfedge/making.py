"""From a model and data to the bytes of a `.tflite`, and all that repeats it; no judgement yet.

`read` reads and checks what was given, so that what cannot be used shows before any work is done;
`prepare` opens the model and exports what the result is compared with; `make` compresses and
exports.
"""

import dataclasses
import hashlib
import importlib.metadata
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from absl import logging

from tfedge import foreign
from tfedge.data import augmentation, class_weights, hygiene, output_kind, sources
from tfedge.data.hygiene import seen_scale
from tfedge.data.task import Task
from tfedge.device import evaluate, inference, sandbox
from tfedge.device.file import tflite
from tfedge.errors import BadInput

SCHEMA_VERSION = 1
DEFAULT_RECIPE = "balanced"
LARGEST_SEED = 2**32 - 1  # of NumPy's and Keras' generators
_MEASURING_BYTES = 2**32
_RECIPE_KEYS = {
    **dict.fromkeys(("export", "augment", "model", "source", "data_dir"), str),
    "class_weight": dict,
    "input_shape": list,
}
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
        input_shape: a fixed (height, width, channels) for a model that has none; None takes the
            recipe.json's.
        allow_flex: accept TensorFlow operators, as the export's option of that name.
        packed: also write model.tflite.packed, the file for the download; see `packing`.
        trust_recipe: let a recipe.json name Python code to run.
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
class Given:
    """What an order names, read and checked, as far as that goes without TensorFlow.

    Attributes:
        order: what is to be made.
        task: the data.
        findings: what the checks of the data found.
        recipe_file: what the recipe.json holds, where the order names one.
    """

    order: Order
    task: Task
    findings: hygiene.Findings
    recipe_file: Mapping[str, Any]


def read(order: Order) -> Given:
    """Reads the data and the recipe.json.

    Raises:
        BadInput: something in them cannot be used.
    """
    recipe_file = read_recipe(order.recipe)
    order = dataclasses.replace(order, **_left_open(order, recipe_file))
    seed = order.seed if order.seed is not None else recipe_file.get("seed")
    augment = order.augment if order.augment is not None else recipe_file.get("augment")
    task, findings = _task(order, seed, augment)
    return Given(order, task, findings, recipe_file)


@dataclasses.dataclass(frozen=True)
class Ready:
    """A model and what is to be done to it, all checked; nothing is trained yet.

    Attributes:
        given: what `read` gave.
        model: opened.
        recipe: the passes.
        export: how to export, an `options.Export`.
        baseline: the input model as a float32 file.
    """

    given: Given
    model: Any
    recipe: Any
    export: Any
    baseline: bytes


def prepare(given: Given) -> Ready:
    """Opens the model, and exports it as it is.

    Raises:
        BadInput: the model, the recipe or the export cannot be used, alone or together.
    """
    # Imported only now: what is wrong with the data shows before TensorFlow is loaded.
    from tfedge.compress import bridge, loading
    from tfedge.compress.graph import model_ends
    from tfedge.compress.recipe import Recipe
    from tfedge.export import exporting, options

    order, task = given.order, given.task
    recipe = Recipe.parse(order.recipe, order.trust_recipe).scaled(order.epochs_scale)
    export_text = order.export or given.recipe_file.get("export") or recipe.default_route()
    chosen = options.Export.parse(export_text)
    if order.allow_flex:
        chosen = dataclasses.replace(chosen, allow_flex=True)
    recipe.check_export(chosen.route)
    exporting.check(chosen, task, is_trained=any(each.exports for each in recipe.passes))
    model = order.model
    if isinstance(model, str | pathlib.Path):
        model = loading.load_model(str(model), order.custom_objects, order.input_shape)
    has_layers = bridge.is_functional(model)
    if has_layers:
        task = output_kind.of_outputs(task, model_ends.output_shapes(model))
    if recipe.passes and not has_layers:
        names = ", ".join(each.name for each in recipe.passes)
        raise BadInput(
            f"--model={order.model}",
            "a file without layers or a subclassed model can be exported, not compressed:"
            f" {names} would need a functional Keras model",
            "Give one, or --recipe=''.",
        )
    if has_layers:
        check_fits(model, task)
    logging.info("the input model as float32, to compare with")
    baseline = exporting.to_tflite(model, _baseline_export(chosen), task)
    if not has_layers:
        x, _ = next(task.train.batches(1))
        file = tflite.read(baseline)
        inference.input_ports(file, x, f"--model={order.model}")
        task = evaluate.as_judged(task, file)
    task = _with_recorded_weights(task, given.recipe_file, baseline)
    return Ready(dataclasses.replace(given, task=task), model, recipe, chosen, baseline)


def make(ready: Ready, work: pathlib.Path) -> Made:
    """Compresses and exports.

    Args:
        ready: what `prepare` gave.
        work: folder that keeps the passes a killed run has finished.

    Raises:
        BadInput: a pass or the export cannot work on this model.
    """
    from tfedge import packing
    from tfedge.compress import costs
    from tfedge.export import exporting

    order, task, model = ready.given.order, ready.given.task, ready.model
    with costs.measuring(milliseconds(task)):
        candidate = ready.recipe.apply(model, task, work) if ready.recipe.passes else None
    export = ready.export.to_text()
    logging.info("exporting as %s", export)
    tflite_bytes = exporting.to_tflite(candidate or model, export, task)
    return Made(
        name=getattr(model, "name", pathlib.Path(str(order.model)).stem),
        tflite=tflite_bytes,
        baseline=ready.baseline,
        candidate=candidate,
        recipe={
            **_recipe_json(order, ready.recipe, export, task, ready.baseline),
            "class_weight": dict(candidate.class_weight) if candidate else {},
        },
        task=task,
        findings=ready.given.findings,
        allow_flex=ready.export.allow_flex,
        packed=packing.pack(tflite_bytes) if order.packed else None,
    )


def milliseconds(task: Task) -> Callable[[Any], float]:
    """tf_keras model -> median time of its int8 file on this host, one thread."""
    from tfedge.export import exporting

    def measure(model: Any) -> float:
        few = task.calibration.take(np.arange(min(8, len(task.calibration))))
        content = exporting.to_tflite(model, "int8", task, is_last=False)
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


def _left_open(order: Order, recipe_file: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that an order leaves to its recipe.json; where the data is, of the same data."""
    found = {"input_shape": order.input_shape or recipe_file.get("input_shape")}
    if order.task == recipe_file.get("source"):
        found["data_dir"] = order.data_dir or recipe_file.get("data_dir")
    return found


def _with_recorded_weights(task: Task, recipe_file: Mapping[str, Any], baseline: bytes) -> Task:
    """The class weights that the recipe.json of this model and data trained with, if any.

    Those found in a model are not looked for again: the same release is made.
    """
    recorded = recipe_file.get("class_weight")
    is_open = task.class_weight is None and task.sample_weight is None
    made_of = (recipe_file.get("model_float32_sha256"), recipe_file.get("data"))
    if recorded is None or not is_open or made_of != (_sha256(baseline), task.name):
        return task
    return dataclasses.replace(task, class_weight=recorded or class_weights.NONE)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _baseline_export(chosen: Any) -> Any:
    """Float32, fed as the candidate is."""
    return type(chosen)(raw_input=chosen.raw_input, allow_flex=chosen.allow_flex)


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


def read_recipe(text: str) -> Mapping[str, Any]:
    """What the recipe.json named by a recipe's text holds; nothing where it names none.

    Raises:
        BadInput: no JSON, or not that of a release.
    """
    path = pathlib.Path(text.strip())
    if path.suffix != ".json" or not path.is_file():
        return {}
    found = foreign.read_json(path, "Use a recipe.json.", f"--recipe={text}")
    if not isinstance(found, dict):
        raise BadInput(f"--recipe={text}", "it holds no passes by name", "Use a recipe.json.")
    for key, kind in _RECIPE_KEYS.items():
        _check_key(found, key, isinstance(found.get(key), kind | None), kind.__name__, text)
    shape, seed = found.get("input_shape") or [], found.get("seed")
    sizes = all(type(size) is int and size > 0 for size in shape)
    _check_key(found, "input_shape", sizes, "a list of whole numbers above 0", text)
    fine = seed is None or (type(seed) is int and 0 <= seed <= LARGEST_SEED)
    _check_key(found, "seed", fine, f"a whole number of 0 to {LARGEST_SEED}", text)
    return found


def _check_key(found: Mapping[str, Any], key: str, fine: bool, expected: str, text: str) -> None:
    if not fine:
        raise BadInput(
            f"--recipe={text}",
            f"{key} is {str(found[key])[:80]!r}, expected {expected}",
            "Use the recipe.json of a release as it was written.",
        )


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
        "model_float32_sha256": _sha256(baseline),
        "data": task.name,
        "source": order.task if isinstance(order.task, str) else "in memory",
        "data_dir": order.data_dir,
        "input_shape": None if order.input_shape is None else list(order.input_shape),
        "versions": {name: importlib.metadata.version(name) for name in ("tfedge", *_PACKAGES)},
    }

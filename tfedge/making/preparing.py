"""Opens the model and exports it as it is; with the data, all that can be checked is checked."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from absl import logging

from tfedge import cache, progress, recipe_file
from tfedge.data import class_weights
from tfedge.data.matching import output_kind, token_table
from tfedge.data.task import Task
from tfedge.device import evaluate, inference
from tfedge.device.file import id_tables, tflite
from tfedge.device.profiles import Profile
from tfedge.making import (
    data_match,
    default_export,
    file_cache,
    reading,
    remembered,
    runtime_needs,
    timing,
)
from tfedge.making.order import Order
from tfedge.making.reading import Given

if TYPE_CHECKING:
    from tfedge.compress.applying import Start
    from tfedge.compress.recipe import Recipe
    from tfedge.export.options import Export


@dataclasses.dataclass(frozen=True)
class Ready:
    """A model and what is to be done to it, all checked; nothing is trained yet.

    Attributes:
        given: what `read` gave, with the task as the model takes it.
        opened: gives the model, which it opens where that has not been done yet.
        baseline: the input model as a float32 file.
        begun: gives what the recipe starts from, looked at when it is first asked for; None where
            there are no passes.
        phone: the class that it is for, where one is known.
        about: the model, without opening it.
    """

    given: Given
    opened: Callable[[], Any]
    baseline: bytes
    begun: "Callable[[], Start] | None" = None
    phone: Profile | None = None
    about: remembered.About = dataclasses.field(default_factory=remembered.About)

    @property
    def model(self) -> Any:
        """The model, opened."""
        return self.opened()

    @property
    def start(self) -> "Start | None":
        """What the recipe starts from, looked at by every pass; None where it has none."""
        return None if self.begun is None else self.begun()

    @functools.cached_property
    def key(self) -> str:
        """What determines the bytes of the file that `make` makes, as a number."""
        from tfedge.compress import keys

        if self.begun is not None:
            start = self.about.start_key or self.begun().keys[-1]
        else:
            start = keys.fingerprint([self.baseline], self.given.task)
        export, task = self.given.export, self.given.task
        told = (task.name, task.kind, task.labels, task.normalization) if export.metadata else ""
        return keys.extend(start, f"{export.to_text()}{told}")


def prepare(given: Given, stages: cache.Cache | None = None, phone: Profile | None = None) -> Ready:
    """Opens the model, and exports it as it is.

    Args:
        given: what `read` gave.
        stages: has that file and what is known of the model, or gets them.
        phone: the class that it is for, which decides where the order leaves the export open.

    Raises:
        BadInput: the model, the recipe or the export cannot be used, alone or together.
    """
    _check_export(given.export, given.recipe, given.task)
    memory = remembered.Memory(stages, given, phone)
    known = memory.read()
    if known is not None:
        about, baseline = known
        return _begun(Ready(given, _later(given, memory), baseline, phone=phone, about=about))
    ready = _looked_at(given, stages, phone, memory)
    if _is_as_given(ready.given, given) and _is_told_by_its_file(ready):
        memory.write(ready.about, ready.baseline)
    return ready


def _looked_at(
    given: Given, stages: cache.Cache | None, phone: Profile | None, memory: remembered.Memory
) -> Ready:
    """With the model opened; the memory hears what is said."""
    from tfedge.compress import bridge, loading

    with memory.listening():
        model, reason = _with_layers(_opened(given.order), given.task)
        given = _with_default(given, model, phone)
        export, recipe = given.export, given.recipe
        has_layers = bridge.is_functional(model)
        no_layers = "" if has_layers else reason or loading.why_no_layers(model)
        reading.check_layers(given.order, recipe, has_layers, no_layers)
        task = _as_answered(given.task, model) if has_layers else given.task
    # Fed as the candidate is, so that the two are compared on the same inputs.
    plain = type(export)(raw_input=export.raw_input, allow_flex=export.allow_flex)
    baseline = _baseline(model, plain, task, stages)
    with memory.listening():
        if not has_layers:
            task = _as_exported(task, baseline, f"--model={given.order.model}")
        for name, rows in id_tables.of(tflite.read(baseline)).items():
            token_table.check(task, name, rows)
        task = _with_recorded_weights(task, given.recipe_file, baseline)
        given = _with_runtime(dataclasses.replace(given, task=task), baseline, phone)
        name, slow = getattr(model, "name", ""), default_export.slow_layers(model)
        about = remembered.About(name, no_layers, slow)
        ready = _begun(Ready(given, lambda: model, baseline, phone=phone, about=about))
        if ready.begun is None:
            return ready
        about = dataclasses.replace(about, start_key=ready.begun().keys[-1])
        return dataclasses.replace(ready, about=about)


def _is_as_given(found: Given, given: Given) -> bool:
    """Whether nothing was decided that the order leaves open, and the task is the same."""
    texts = [(f"{each.recipe}", each.export.to_text(), each.reason) for each in (found, given)]
    return texts[0] == texts[1] and found.task is given.task


def _is_told_by_its_file(ready: Ready) -> bool:
    """Whether the model is layers of libraries alone, whose code has a version."""
    from tfedge.compress import keys

    return not ready.about.no_layers and not keys.own_code(ready.model)


def _later(given: Given, memory: remembered.Memory) -> Callable[[], Any]:
    """Opens the model at the first call."""

    @functools.cache
    def opened() -> Any:
        model, _ = _with_layers(_opened(given.order), given.task)
        memory.check_same()
        return model

    return opened


def with_recipe(ready: Ready, recipe: "Recipe", export: str) -> Ready:
    """The same model and data, for another recipe.

    Args:
        ready: what `prepare` gave.
        recipe: to take the place of its.
        export: as `--export`.

    Raises:
        BadInput: see `prepare`.
    """
    chosen = reading.choose_export(
        dataclasses.replace(ready.given.order, export=export), {}, recipe
    )
    _check_export(chosen, recipe, ready.given.task)
    needs = runtime_needs.of(ready.baseline, recipe, chosen, ready.phone)
    runtime_needs.check(needs, recipe, ready.phone)
    given = dataclasses.replace(ready.given, recipe=recipe, export=chosen)
    about = dataclasses.replace(ready.about, start_key="")
    other = _begun(dataclasses.replace(ready, given=given, about=about))
    if other.begun is not None:
        other.begun()
    return other


def _with_default(given: Given, model: Any, phone: Profile | None) -> Given:
    """The recipe and export that the model and the phone class ask for, where both are open."""
    from tfedge.compress import recipes

    if not _is_open(given):
        return given
    is_named = recipes.is_name(given.order.recipe)
    found = default_export.of(given.recipe, model, phone, is_ours=is_named)
    default_export.say(found)
    export = reading.parsed(found.export, given.order)
    return dataclasses.replace(given, recipe=found.recipe, export=export, reason=found.reason)


def _is_open(given: Given) -> bool:
    return not (given.order.export or given.recipe_file.get("export"))


def _with_runtime(given: Given, baseline: bytes, phone: Profile | None) -> Given:
    """What the phones' runtime reads: a named recipe is set so, what somebody wrote is refused."""
    from tfedge.compress import recipes

    needs = runtime_needs.of(baseline, given.recipe, given.export, phone)
    if needs is None:
        return given
    if not (_is_open(given) and recipes.is_name(given.order.recipe)):
        runtime_needs.check(needs, given.recipe, phone)
    recipe = given.recipe.for_older_runtimes(needs.pattern)
    export = reading.parsed(recipe.default_route(given.export.to_text()), given.order)
    runtime_needs.check(runtime_needs.of(baseline, recipe, export, phone), recipe, phone)
    logging.info("recipe %s becomes %s as %s: %s", given.order.recipe, recipe, export, needs)
    reason = "; ".join(filter(None, (given.reason, str(needs))))
    return dataclasses.replace(given, recipe=recipe, export=export, reason=reason)


def _opened(order: Order) -> Any:
    from tfedge.compress import loading

    if not isinstance(order.model, str | pathlib.Path):
        return order.model
    with progress.phase(f"opening {pathlib.Path(order.model).name}"):
        return loading.load_model(str(order.model), order.custom_objects, order.input_shape)


def _with_layers(model: Any, task: Task) -> tuple[Any, str]:
    """The model, a subclassed one by the layers that it calls, or why that cannot be."""
    from tfedge.compress import bridge
    from tfedge.compress.loading import drawn_models

    try:
        return drawn_models.of(model, task), ""
    except bridge.MissingTwin as missing:
        logging.info("%s Until then the model can be exported, not compressed.", missing)
        return model, f"{missing.where}: {missing.cause}"


def _check_export(export: "Export", recipe: "Recipe", task: Task) -> None:
    from tfedge.export import choices

    choices.check_task(export, task)
    for each in recipe.passes:
        choices.check_trained(export, each.exports or ())


def _baseline(model: Any, plain: "Export", task: Task, stages: cache.Cache | None) -> bytes:
    from tfedge.compress import keys
    from tfedge.export import exported

    def export() -> bytes:
        return exported(model, plain, task)

    what = "exporting the input model as float32, to compare with"
    content = keys.of_source(model)
    with progress.phase(what, times_more=1.5):
        if stages is None or content is None:
            return export()
        start = keys.fingerprint(content, task, ("calibration",))
        return file_cache.tflite(
            stages, keys.extend(start, plain.to_text()), "the input model's file", export
        )


def _as_answered(task: Task, model: Any) -> Task:
    """The task with the kind of targets that a functional model's outputs ask for."""
    from tfedge.compress.graph import model_ends

    task = output_kind.of_outputs(task, model_ends.output_shapes(model))
    data_match.check(model, task)
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


def _begun(ready: Ready) -> Ready:
    """With what its recipe starts from, which is looked at when it is first asked for."""
    from tfedge.compress import costs

    recipe, task, phone = ready.given.recipe, ready.given.task, ready.phone
    if not recipe.passes:
        return dataclasses.replace(ready, begun=None)

    @functools.cache
    def begun() -> "Start":
        looking = progress.phase("looking at what each pass can do")
        with looking, costs.measuring(timing.milliseconds(task, phone)):
            start = recipe.start(ready.model, task)
        return dataclasses.replace(start, timed_on=timing.told(phone))

    return dataclasses.replace(ready, begun=begun)

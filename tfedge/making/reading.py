"""Reads what an order names, as far as that goes without TensorFlow: texts first, then data."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from absl import logging

from tfedge import recipe_file
from tfedge.data import augmentation, hygiene, sources
from tfedge.data.task import Task
from tfedge.errors import BadInput
from tfedge.making.order import Order

if TYPE_CHECKING:
    from tfedge.compress.recipe import Recipe
    from tfedge.export.options import Export


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
        reason: of an export that nobody asked for and the recipe alone does not tell.
    """

    order: Order
    task: Task
    findings: hygiene.Findings
    recipe: "Recipe"
    export: "Export"
    recipe_file: Mapping[str, Any]
    reason: str = ""


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
    check_layers(order, recipe, has_layers=not order.is_tflite)
    export = choose_export(order, found, recipe)
    augmentation.parse(order.augment or "")
    if isinstance(order.task, str):
        sources.parse(order.task)
    if isinstance(order.model, str | pathlib.Path):
        loading.check_names(order.model, order.custom_objects)
    task, findings = _task(order)
    return Given(order, task, findings, recipe, export, found)


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


def choose_export(order: Order, found: Mapping[str, Any], recipe: "Recipe") -> "Export":
    """How to export: as ordered, as recorded, or as the recipe prepares for."""
    chosen = parsed(order.export or found.get("export") or recipe.default_route(), order)
    recipe.check_export(chosen.to_text())
    return chosen


def parsed(text: str, order: Order) -> "Export":
    """An export by its text, with what the order says beside it."""
    from tfedge.export import options

    chosen = options.Export.parse(text)
    return dataclasses.replace(chosen, allow_flex=True) if order.allow_flex else chosen


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


def check_layers(order: Order, recipe: "Recipe", has_layers: bool, reason: str = "") -> None:
    """Refuse passes for a model that they cannot work on.

    Args:
        order: names the model.
        recipe: with the passes.
        has_layers: whether it is a functional model.
        reason: why it is none.

    Raises:
        BadInput: it is not, and there are passes.
    """
    if recipe.passes and not has_layers:
        names = ", ".join(each.name for each in recipe.passes)
        raise BadInput(
            f"--model={order.model}",
            f"{reason or 'a .tflite has no layers'}: {names} would need a functional Keras model",
            "Write --recipe='' --export=int8, which quantizes it without training; or give one.",
        )

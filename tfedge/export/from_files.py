"""Models that are files and stay so -> what is made on a route: a SavedModel, a float .tflite."""

import contextlib
from typing import Any

from tfedge.compress.loading import SavedModel, TfliteModel
from tfedge.compress.ranges import column_statistics
from tfedge.data.task import Task
from tfedge.export import checks, options
from tfedge.export.converter import conversion, model_writer
from tfedge.export.made import Made
from tfedge.export.tree import flatbuffer


def check_tflite(source: TfliteModel) -> None:
    """Refuses a file that is no float .tflite; see `float_tflite.read`."""
    from tfedge.export import float_tflite  # lazy: it imports AI Edge Quantizer

    float_tflite.read(source.content, str(source.path))


def convert_tflite(source: TfliteModel, export: options.Export, task: Task | None) -> Made:
    """A float .tflite on its own route, to be edited, or on another one."""
    if not export.facts.changes_kernels:
        tree = flatbuffer.unpack(source.content)
        names = {(each.name or b"").decode() for part in tree.subgraphs for each in part.tensors}
        return Made(tree, {}, frozenset(names))
    from tfedge.export import float_tflite  # lazy: it imports AI Edge Quantizer

    return _said(float_tflite.convert(source.content, str(source.path), export, task), export)


def convert_saved_model(source: SavedModel, export: options.Export, task: Task | None) -> Made:
    """The file of a SavedModel folder, with the names of its signature."""
    where, writer = str(source.path), model_writer.of_saved_model(source, export.route)
    if not export.is_by_quantizer:
        made = with_columns_in_float(writer, where, export, task)
        if made is not None:
            return _said(made, export)
        with contextlib.suppress(conversion.RangesError):
            tree = conversion.convert(writer, export, task, has_ranges=False)
            return _said(Made(tree, {}), export)
    from tfedge.export import post_training  # lazy: they import AI Edge Quantizer
    from tfedge.export.post_training import columns

    model, behind = columns.keep(_float_model(writer, where, export), export, task)
    return _said(post_training.quantize(model, behind, task), export)


def with_columns_in_float(
    writer: conversion.Writer, where: str, export: options.Export, task: Task | None
) -> Made | None:
    """The file of a model whose layers cannot be read, if columns of its inputs are uneven.

    Args:
        writer: of the model.
        where: for messages.
        export: the route, which the converter would take.
        task: whose calibration split shows how columns vary.

    Returns:
        None where the converter loses nothing by uneven columns.
    """
    is_quantizing = export.facts.is_quantizing and not export.allow_flex
    if not is_quantizing or not column_statistics.are_uneven(task):
        return None
    from tfedge.export import post_training  # lazy: they import AI Edge Quantizer
    from tfedge.export.post_training import columns

    model = _float_model(writer, where, export)
    kept, behind = columns.keep(model, export, task)
    return None if kept is model else post_training.quantize(kept, behind, task)


def _float_model(writer: conversion.Writer, where: str, export: options.Export) -> Any:
    from tfedge.export.post_training import float_model

    return float_model.prepare(conversion.convert_to_float(writer, export), where)


def _said(made: Made, export: options.Export) -> Made:
    checks.warn_of_float(made.tree, export, is_known=bool(made.unusual))
    return made

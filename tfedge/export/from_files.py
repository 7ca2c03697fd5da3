"""Models that are files and stay so: a SavedModel folder, a float .tflite."""

import contextlib
import pathlib
from collections.abc import Mapping

from tfedge.compress.loading import SavedModel, TfliteModel
from tfedge.compress.ranges import column_statistics
from tfedge.data.task import Task
from tfedge.export import options
from tfedge.export.converter import conversion, recurrent, saved_model


def convert_tflite(
    source: TfliteModel, export: options.Export, task: Task | None
) -> tuple[bytes, Mapping[str, str]]:
    """A float .tflite on another route; on float32 the very bytes that came.

    Returns:
        The file, and the kernels of another type than the route's.
    """
    from tfedge.export import float_tflite  # AI Edge Quantizer is for those who need it

    made = float_tflite.convert(source.content, str(source.path), export, task)
    return made.data, made.unusual


def convert_saved_model(
    source: SavedModel, export: options.Export, task: Task | None
) -> tuple[bytes, Mapping[str, str]]:
    """The file of a SavedModel folder, with the names of its signature.

    Returns:
        The file, and the kernels of another type than the route's.
    """

    def refuse(_: pathlib.Path) -> saved_model.Signature:
        raise recurrent.refusal(str(source.path), export.route, "a loop in it")

    where = str(source.path)
    writer = conversion.Writer(lambda folder: saved_model.write_folder(source.path, folder), refuse)
    if not export.is_by_quantizer:
        made = with_columns_in_float(writer, where, export, task)
        if made is not None:
            return made
        with contextlib.suppress(conversion.MaskedError):
            return conversion.convert(writer, export, task, has_ranges=False), {}
    from tfedge.export import post_training
    from tfedge.export.post_training import columns, float_model

    model = float_model.prepare(conversion.convert_to_float(writer, export), where)
    model, behind = columns.keep(model, export, task)
    quantized = post_training.quantize(model, behind, task)
    return quantized.data, quantized.unusual


def with_columns_in_float(
    writer: conversion.Writer, where: str, export: options.Export, task: Task | None
) -> tuple[bytes, Mapping[str, str]] | None:
    """The file of a model whose layers cannot be read, if columns of its inputs are uneven.

    Args:
        writer: of the model.
        where: for messages.
        export: the route, which the converter would take.
        task: whose calibration split shows how columns vary.

    Returns:
        As `convert_saved_model` does; None where the converter loses nothing by uneven columns.
    """
    is_quantizing = export.facts.is_quantizing and not export.allow_flex
    if not is_quantizing or not column_statistics.are_uneven(task):
        return None
    from tfedge.export import post_training
    from tfedge.export.post_training import columns, float_model

    model = float_model.prepare(conversion.convert_to_float(writer, export), where)
    kept, behind = columns.keep(model, export, task)
    if kept is model:
        return None
    quantized = post_training.quantize(kept, behind, task)
    return quantized.data, quantized.unusual

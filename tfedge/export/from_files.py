"""Models that are files and stay so: a SavedModel folder, a float .tflite."""

import pathlib

from tfedge.compress.loading import SavedModel, TfliteModel
from tfedge.data.task import Task
from tfedge.export import conversion, float_tflite, options, recurrent, saved_model


def convert_tflite(source: TfliteModel, export: options.Export, task: Task | None) -> bytes:
    """A float .tflite on another route; on float32 the very bytes that came."""
    return float_tflite.convert(source.content, str(source.path), export, task)


def convert_saved_model(source: SavedModel, export: options.Export, task: Task | None) -> bytes:
    """The converter's file of a SavedModel folder, with the names of its signature."""

    def refuse(_: pathlib.Path) -> saved_model.Signature:
        raise recurrent.refusal(str(source.path), export.route, "a loop in it")

    writer = conversion.Writer(lambda folder: saved_model.write_folder(source.path, folder), refuse)
    return conversion.convert(writer, export, task, has_ranges=False)

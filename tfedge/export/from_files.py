"""Models that are files and stay so: a SavedModel folder, a float .tflite."""

import contextlib
import pathlib
from collections.abc import Mapping

from tfedge.compress.loading import SavedModel, TfliteModel
from tfedge.data.task import Task
from tfedge.export import choices, conversion, options, recurrent, saved_model


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

    writer = conversion.Writer(lambda folder: saved_model.write_folder(source.path, folder), refuse)
    if not choices.is_asked(export):
        with contextlib.suppress(conversion.MaskedError):
            return conversion.convert(writer, export, task, has_ranges=False), {}
    from tfedge.export import post_training
    from tfedge.export.post_training import float_model

    data = conversion.convert_to_float(writer, export)
    made = post_training.quantize(float_model.prepare(data, str(source.path)), export, task)
    return made.data, made.unusual

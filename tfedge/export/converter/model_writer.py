"""Models of any kind as SavedModels, for the converter and for comparison."""

import functools
import pathlib
from typing import Any

from tfedge import quiet
from tfedge.compress import bridge, loading
from tfedge.export.converter import conversion, kept_out, recurrent, saved_model


def of(model: Any, route: str) -> conversion.Writer:
    """The writer of a tf_keras or Keras 3 model; the route is for messages."""
    return conversion.Writer(
        write=functools.partial(write, model),
        write_without_loop=lambda folder: write(recurrent.unrolled(model, route), folder),
        large_kernels=functools.partial(kept_out.large_kernels, model),
    )


def of_saved_model(source: loading.SavedModel, route: str) -> conversion.Writer:
    """The writer of a SavedModel folder; the route is for messages."""

    def refuse(_: pathlib.Path) -> saved_model.Signature:
        raise recurrent.refusal(str(source.path), route, "a loop in it")

    return conversion.Writer(functools.partial(write, source), refuse)


def write(source: Any, folder: pathlib.Path) -> saved_model.Signature:
    """Writes a model of either Keras, or a `loading.SavedModel`, with a signature of fixed shape.

    Raises:
        BadInput: a subclassed model that was never called; what `saved_model` refuses.
    """
    if isinstance(source, loading.SavedModel):
        return saved_model.write_folder(source.path, folder)
    if not bridge.is_keras3(source):
        return saved_model.write(source, folder)
    if not (source.built and source._called):
        raise saved_model.never_called(source)
    exported = folder.with_name("keras3")
    with quiet.captured():
        source.export(str(exported))
    return saved_model.write_folder(exported, folder)

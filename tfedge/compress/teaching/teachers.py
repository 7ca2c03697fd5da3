"""Opens a teacher's file, and says whether it can teach a student."""

import functools
import hashlib
import pathlib
from typing import Any

from tfedge.compress import folding, graph
from tfedge.compress import keras as k
from tfedge.errors import BadInput


def read(path: str, where: str) -> k.Model:
    """The flat tf_keras model in a file; it is read once as long as it stays the same.

    Raises:
        BadInput: no such file, or one that holds no network of layers.
    """
    return _read(path, where, digest(path, where))


def load(path: str, where: str) -> k.Model:
    """What `loading.load_model` gives; a refusal names the setting instead of a flag.

    Raises:
        BadInput: with the reason it gives.
    """
    from tfedge.compress import loading  # it brings libraries that reading a recipe can do without

    try:
        return loading.load_model(path)
    except BadInput as error:
        if not error.where.startswith("--model="):
            raise
        raise BadInput(where, error.cause, error.remedy) from error


def digest(path: str, where: str) -> str:
    """SHA-256 of a file; of "py:FILE:FUNCTION" that of FILE.

    Raises:
        BadInput: no such file.
    """
    name = path.removeprefix("py:").rpartition(":")[0] if path.startswith("py:") else path
    try:
        return hashlib.sha256(pathlib.Path(name).read_bytes()).hexdigest()
    except OSError as error:
        raise BadInput(where, f"{name}: {error.strerror}", "Name a Keras model file.") from error


@functools.lru_cache(maxsize=2)
def _read(path: str, where: str, _: str) -> k.Model:
    model = load(path, where)
    if not graph.is_functional(model):
        raise BadInput(where, "it is no functional Keras model", "Name one.")
    return folding.flatten(model)


def check_fits(model: k.Model, like: Any, where: str, who: str) -> None:
    """Refuse a model that takes or gives something else than another.

    Args:
        model: tf_keras model.
        like: likewise; what is expected.
        where: for the message.
        who: what the model is to be, for the message.

    Raises:
        BadInput: with both shapes.
    """
    for what, tensors, others in (
        ("takes", model.inputs, like.inputs),
        ("gives", model.outputs, like.outputs),
    ):
        found, wanted = ([tuple(t.shape[1:]) for t in each] for each in (tensors, others))
        if found != wanted:
            raise BadInput(
                where,
                f"{model.name} {what} {_shapes(found)}, the model {_shapes(wanted)}",
                f"Name a {who} for the same inputs and classes.",
            )
    if len(model.inputs) > 1 and sorted(model.input_names) != sorted(like.input_names):
        raise BadInput(
            where,
            f"its inputs are {', '.join(model.input_names)}, the model's "
            f"{', '.join(like.input_names)}",
            f"Name the inputs of the {who} as the model does.",
        )


def _shapes(shapes: list[tuple[int, ...]]) -> str:
    return " and ".join(str(shape) for shape in shapes)

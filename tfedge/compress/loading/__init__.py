"""Opens models: files of either Keras without running code hidden in them, and the user's code.

model = loading.load_model("model.keras")
model = loading.load_model("py:train.py:build")
"""

import atexit
import contextlib
import math
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from absl import logging

from tfedge import memory, quiet
from tfedge.compress import bridge, keras
from tfedge.compress.bridge import replay
from tfedge.compress.graph import canonical
from tfedge.compress.loading import compiled_loss, model_files, user_code
from tfedge.compress.loading.model_files import SavedModel, TfliteModel
from tfedge.errors import BadInput

__all__ = [
    "SavedModel",
    "TfliteModel",
    "check_size",
    "check_variables",
    "check_weights",
    "exported",
    "is_functional",
    "load_model",
    "save_model",
    "why_no_layers",
]

is_functional = replay.is_functional

_LARGEST_BYTES = 2**31 - 2**24  # of a flatbuffer are 2 GB, and something else is in it too


def load_model(
    path: str | os.PathLike,
    custom_objects: str | Mapping[str, Any] | None = None,
    input_shape: Sequence[int] | Mapping[str, Sequence[int]] | None = None,
) -> Any:
    """The model in a file, as a tf_keras model where it has layers.

    Nothing in the file is run: what it describes is read first, and refused unless every layer
    and function in it is known. `py:` and `custom_objects` run the user's own file.

    Args:
        path: .keras or .h5 of Keras 3 or tf_keras, SavedModel folder, .tflite, or
            "py:FILE:FUNCTION", whose FUNCTION() returns a model of either Keras.
        custom_objects: "py:FILE" with the user's own layers, registered
            (`@keras.saving.register_keras_serializable`), or a mapping from registered or class
            names to them. A tf_keras layer registered under the same name is taken for one; of
            others the call is followed.
        input_shape: without the batch, for a model that takes any size; by input name where
            there are several.

    Returns:
        A tf_keras.Model with fixed input shapes; a `SavedModel` or `TfliteModel`, which are for
        export alone; a subclassed model as it is, see `drawn_models`.

    Raises:
        BadInput: no such file, truncated, of another kind, holding code, a layer without
            counterpart, weights that are not finite, no fixed input shape.
    """
    address = str(path)
    memory.expect(_file_bytes(address))
    if custom_objects is not None or address.startswith("py:"):
        keras.keras3()  # quietly; the user's file would start it with its greetings
    users = _users_objects(custom_objects)
    if address.startswith("py:"):
        found = user_code.call(address[3:], f"--model={address}")
        compiled_loss.say_other(getattr(found, "loss", None), f"--model={address}")
        compiled_loss.say_weights(compiled_loss.weights_of(found), f"--model={address}")
    else:
        found = model_files.read(pathlib.Path(path), users)
    if isinstance(found, SavedModel | TfliteModel):
        return found
    if not _is_model(found):
        raise BadInput(
            f"--model={address}", f"it gave {type(found).__name__}", "Return a Keras model."
        )
    made = _ready(found, users, input_shape)
    del found
    memory.give_back(_bytes(made))
    return made


def check_names(
    path: str | os.PathLike, custom_objects: str | Mapping[str, Any] | None = None
) -> None:
    """Refuses what `load_model` would because of a name; nothing is opened or run.

    Raises:
        BadInput: no such file, or of a kind that nothing here reads.
    """
    address = str(path)
    if isinstance(custom_objects, str):
        user_code.check_file(_users_file(custom_objects), f"--custom_objects={custom_objects}")
    if address.startswith("py:"):
        user_code.check_function(address[3:], f"--model={address}")
    else:
        model_files.reader_of(pathlib.Path(path))


def save_model(model: Any, path: str | os.PathLike) -> None:
    """Writes a .keras file of the model's own Keras; a reader sees the old file or this one.

    Raises:
        BadInput: another kind of file, or the folder is missing, read-only or full.
    """
    target = pathlib.Path(path)
    if target.suffix != ".keras":
        raise BadInput(str(path), "models are saved as .keras", "Give a path that ends so.")
    aside = target.with_name(f".{target.stem}.writing.keras")
    try:
        model.save(aside)
        _to_disk(aside)
        os.replace(aside, target)
        _to_disk(target.parent)
    except OSError as error:
        raise BadInput(
            str(path), f"it cannot be written: {error}", "Name a folder that can be written to."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def _file_bytes(address: str) -> int:
    """0 of what is no file, such as a folder or a function."""
    with contextlib.suppress(OSError):
        return os.path.getsize(address)
    return 0


def check_size(variables: Iterable[Any], where: str) -> None:
    """Refuses weights of which no .tflite can be made: every export goes by way of a float one.

    Raises:
        BadInput: naming what they take.
    """
    taken = 4 * sum(math.prod(variable.shape) for variable in variables)
    if taken > _LARGEST_BYTES:
        raise BadInput(
            where,
            f"its weights take {taken / 1e9:.2f} GB as float32, a .tflite holds at most "
            f"{_LARGEST_BYTES / 1e9:.2f} GB",
            "Make the model narrower, or split it into several that an app runs in turn.",
        )


def check_weights(model: Any) -> None:
    """Refuses weights that are not numbers.

    Raises:
        BadInput: naming the first tensor with a NaN or an infinity.
    """
    check_variables(model.weights, f"model {model.name!r}")


def check_variables(variables: Iterable[Any], where: str) -> None:
    """`check_weights` of what has variables and is no Keras model, such as a SavedModel."""
    for variable in variables:
        values = np.asarray(variable)
        if values.dtype.kind != "f":
            continue
        broken = int(values.size - np.count_nonzero(np.isfinite(values)))
        if broken:
            raise BadInput(
                f"{where}, weight {getattr(variable, 'path', variable.name)!r}",
                f"{broken} of {values.size} values are NaN or infinite",
                "Train it again, or give an earlier checkpoint.",
            )


def _users_objects(given: str | Mapping[str, Any] | None) -> Mapping[str, Any]:
    if given is None or isinstance(given, Mapping):
        return given or {}
    module = user_code.run(_users_file(given), f"--custom_objects={given}")
    # Classes that were not registered are found under their plain names.
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__
    }


def _users_file(given: str) -> str:
    if not given.startswith("py:"):
        raise BadInput(f"--custom_objects={given}", "expected py:FILE", "For example py:layers.py.")
    return given[3:]


def _is_model(found: Any) -> bool:
    if isinstance(found, keras.tf_keras.Model):
        return True
    return bridge.is_keras3(found) and isinstance(found, keras.keras3().Model)


def _ready(model: Any, users: Mapping[str, Any], input_shape: Any) -> Any:
    """The opened model in tf_keras, with fixed shapes and finite weights."""
    if model.built:
        check_size(model.weights, f"model {model.name!r}")
    if replay.is_sequential(model) and not is_functional(model) and input_shape is not None:
        model.build((None, *input_shape))
    if not is_functional(model):
        if not bridge.is_keras3(model) or not model.built:
            logging.info(
                "model %r (%s) has no graph of layers: it can be exported; every technique needs a"
                " functional or Sequential model, or one of Keras 3 that was called",
                model.name,
                type(model).__name__,
            )
        check_weights(model)
        return model
    if bridge.is_keras3(model):
        try:
            shapes = {} if input_shape is None else _missing_shapes(model, input_shape)
            own = model_files.of_package(users, is_keras3=False)
            model = bridge.to_tf_keras(model, own, shapes)
        except bridge.MissingTwin as missing:
            logging.info("%s Until then the model can be exported, not compressed.", missing)
            check_weights(model)
            return exported(model, f"{missing.where}: {missing.cause}")
    model = canonical.tidy(model, _missing_shapes(model, input_shape))
    check_weights(model)
    return model


def _bytes(model: Any) -> int:
    return sum(4 * math.prod(weight.shape) for weight in getattr(model, "weights", ()))


def _missing_shapes(model: Any, given: Any) -> dict[str, tuple[int, ...]]:
    """Input name -> the shape asked for, for inputs of any size.

    Raises:
        BadInput: none was asked for, or one that does not fit.
    """
    inputs, shapes = {replay.input_name(t): t for t in model.inputs}, {}
    for name, tensor in inputs.items():
        fixed = tuple(tensor.shape[1:])
        asked = given.get(name) if isinstance(given, Mapping) else given
        if asked is not None and len(inputs) > 1 and not isinstance(given, Mapping):
            asked = asked if None in fixed else None
        if asked is not None and not _fits(fixed, asked):
            raise BadInput(
                "--input_shape",
                f"{tuple(asked)} was asked for, input {name!r} takes {fixed}",
                "Give a shape that fits, or leave it out.",
            )
        if None in fixed:
            if asked is None:
                raise BadInput(
                    f"model {model.name!r}, input {name!r}",
                    f"its shape {fixed} is not fixed, and a .tflite needs one size",
                    "Give it by --input_shape, for example --input_shape=224,224,3.",
                )
            shapes[name] = tuple(asked)
    return shapes


def _fits(fixed: Sequence[int | None], asked: Sequence[int]) -> bool:
    return len(fixed) == len(asked) and all(
        a > 0 and f in (None, a) for f, a in zip(fixed, asked, strict=True)
    )


def why_no_layers(model: Any) -> str:
    """What to say of a model that passes cannot work on."""
    return getattr(model, "reason", "") or (
        "a .tflite, a SavedModel or a subclassed model can be exported, not compressed"
    )


def exported(model: Any, reason: str = "") -> SavedModel:
    """A Keras 3 model as a SavedModel, in a folder that lives as long as this process.

    It takes one example at a time, as the file will: a loop would leave more open to the end.

    Args:
        model: whose layers tf_keras has no twins of.
        reason: why.
    """
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tfedge-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with quiet.captured():
        model.export(str(folder), verbose=False, input_signature=_of_one_example(model))
    return SavedModel(folder, is_own=True, reason=reason)


def _of_one_example(model: Any) -> list[Any] | None:
    """The input signature of a batch of 1; None for a subclassed model, which knows its own."""
    if not is_functional(model):
        return None
    k3 = keras.keras3()

    def spec(tensor: Any) -> Any:
        return k3.InputSpec(shape=(1, *tensor.shape[1:]), dtype=tensor.dtype, name=tensor.name)

    return [k3.tree.map_structure(spec, replay.inputs(model))]


def _to_disk(path: pathlib.Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

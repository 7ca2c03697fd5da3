"""Model files: told apart, looked through, then opened by the Keras that wrote them."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tfedge import foreign
from tfedge.compress import bridge, keras
from tfedge.compress.bridge import replay
from tfedge.compress.loading import (
    compiled_loss,
    config_safety,
    declared_size,
    hub_classes,
    model_archive,
    saved_model_safety,
)
from tfedge.errors import BadInput

Reader = Callable[[pathlib.Path, Mapping[str, Any]], Any]


@dataclasses.dataclass(frozen=True)
class SavedModel:
    """A SavedModel folder: it can be exported, and has no layers to compress.

    Attributes:
        path: of the folder.
        is_own: it was written by this process, from a model whose layers are known; a folder of
            anyone else's is looked through first.
        reason: why its layers cannot be worked on, for one whose layers are known.

    Raises:
        BadInput: as `saved_model_safety.check`.
    """

    path: pathlib.Path
    is_own: bool = dataclasses.field(default=False, compare=False)
    reason: str = dataclasses.field(default="", compare=False)

    def __post_init__(self):
        if not self.is_own:
            saved_model_safety.check(self.path)


@dataclasses.dataclass(frozen=True)
class TfliteModel:
    """A .tflite file: it can be quantized and released.

    Attributes:
        path: where it was.
        content: its bytes.
    """

    path: pathlib.Path
    content: bytes


def read(path: pathlib.Path, users: Mapping[str, Any]) -> Any:
    """The model in a file, of the Keras that wrote it, a `SavedModel` or a `TfliteModel`.

    Args:
        path: .keras, .h5, .tflite, or a SavedModel folder.
        users: registered or class name -> layer or function of the user's own.

    Raises:
        BadInput: no such file, truncated, of another kind, or holding code.
    """
    reader = reader_of(path)
    return SavedModel(path) if reader is None else reader(path, users)


def reader_of(path: pathlib.Path) -> Reader | None:
    """What reads this file, by its name; None for a SavedModel folder.

    Raises:
        BadInput: no such file, or of a kind that nothing here reads.
    """
    where = str(path)
    if not path.exists():
        raise BadInput(where, "no such file", "Give a model file, or py:FILE:FUNCTION.")
    if path.is_dir():
        if not (path / "saved_model.pb").is_file():
            raise BadInput(where, "a folder without saved_model.pb", "Give a SavedModel or a file.")
        return None
    if not path.is_file():
        raise BadInput(where, "a pipe or a device, and no plain file", "Give a model file.")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise BadInput(
            where,
            f"a {path.suffix or 'nameless kind of'} file is not a model known here",
            f"Give a {', '.join(_READERS)} file, a SavedModel folder or py:FILE:FUNCTION.",
        )
    return reader


def _read_tflite(path: pathlib.Path, users: Mapping[str, Any]) -> TfliteModel:
    content = foreign.read_bytes(path, "Give one that a converter wrote.")
    if content[4:8] != b"TFL3":
        raise BadInput(str(path), "not a .tflite file", "Give one that a converter wrote.")
    return TfliteModel(path, content)


def _read_keras(path: pathlib.Path, users: Mapping[str, Any]) -> Any:
    described = model_archive.read_keras(path)
    package = keras.keras3() if described.is_keras3 else keras.tf_keras
    config = config_safety.without_training(described.config)
    hub_classes.know(config, str(path))
    config_safety.check(config, str(path), _trusted(package, users))
    compiled_loss.say_other(described.loss, str(path))
    compiled_loss.say_weights(described.loss_weights, str(path))
    own = of_package(users, described.is_keras3)
    with (
        _loading(str(path), config, described.values),
        package.src.saving.serialization_lib.ObjectSharingScope(),
    ):
        model = package.saving.deserialize_keras_object(config, custom_objects=own, safe_mode=True)
        if replay.is_model(model) and model.weights:
            model.load_weights(str(path))
        return model


def _read_hdf5(path: pathlib.Path, users: Mapping[str, Any]) -> Any:
    described = model_archive.read_hdf5(path)
    package = keras.keras3() if described.is_keras3 else keras.tf_keras
    hub_classes.know(described.config, str(path))
    config_safety.check(described.config, str(path), _trusted(package, users))
    compiled_loss.say_other(described.loss, str(path))
    compiled_loss.say_weights(described.loss_weights, str(path))
    own = of_package(users, described.is_keras3)
    with _loading(str(path), described.config, described.values):
        return package.models.load_model(str(path), custom_objects=own, compile=False)


_READERS: dict[str, Reader] = {
    ".keras": _read_keras,
    ".h5": _read_hdf5,
    ".hdf5": _read_hdf5,
    ".tflite": _read_tflite,
}


@contextlib.contextmanager
def _loading(where: str, config: Any, values: int) -> Iterator[None]:
    """Knows TFMOT's classes; what Keras says about a file it cannot build, in one line.

    Args:
        where: the file.
        config: the model's description.
        values: of the arrays that are stored with it.
    """
    bridge.know_layers()
    declared_size.check_layers(config, where)
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(declared_size.no_more_than(values, where))
            if config_safety.names_wrappers(config):
                for scope in _tfmot_scopes():
                    stack.enter_context(scope())
            yield
    except BadInput:
        raise
    except Exception as error:
        says = str(error).strip().partition("\n")[0][:200].rstrip(".")
        remedy = "Save it as .keras" if where.endswith("5") else "Save it again, from there as .h5"
        raise BadInput(
            where, f"Keras cannot open it: {type(error).__name__}: {says}", f"{remedy}."
        ) from error


def _tfmot_scopes() -> list[Any]:
    import tensorflow_model_optimization as tfmot

    return [
        tfmot.sparsity.keras.prune_scope,
        tfmot.clustering.keras.cluster_scope,
        tfmot.quantization.keras.quantize_scope,
    ]


def _trusted(package: Any, users: Mapping[str, Any]) -> Callable[[str], bool]:
    """Names of the user's objects, and of those this process registered itself."""

    def trusted(name: str) -> bool:
        return name in users or package.saving.get_registered_object(name) is not None

    return trusted


def of_package(users: Mapping[str, Any], is_keras3: bool) -> dict[str, Any]:
    """Those of the user's objects that belong to one Keras; plain functions to both."""
    return {
        name: value
        for name, value in users.items()
        if not isinstance(value, type) or replay.is_keras3_class(value) == is_keras3
    }

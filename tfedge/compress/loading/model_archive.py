"""Opens a .keras or .h5 file as what it is, a zip or HDF5 file, and reads the model's description.

Nothing is built and no array is read. A file that is more than a description and weights, or
would grow out of proportion, is refused.
"""

import contextlib
import dataclasses
import pathlib
import zipfile
from collections.abc import Iterator
from typing import Any

import h5py

from tfedge import foreign
from tfedge.compress.loading import hdf5_safety, hdf5_trial
from tfedge.errors import BadInput

WEIGHTS = "model.weights.h5"
_CONFIG, _METADATA = "config.json", "metadata.json"
_LARGEST_EXPANSION = 100
_SMALL_BYTES = 1 << 20
_MOST_TEXT_BYTES = 64 << 20
_AGAIN, _DAMAGED = "Copy or save it again.", "truncated or damaged"
_ZIP, _HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"


@dataclasses.dataclass(frozen=True)
class Description:
    """What a model file says about itself.

    Attributes:
        config: how the model is built, parsed JSON.
        keras_version: of the Keras that wrote it.
        values: of all arrays that are stored with it.
        loss: what the model was compiled with, parsed JSON; None where it was not.
        loss_weights: of several outputs, likewise.
    """

    config: dict[str, Any]
    keras_version: str
    values: int
    loss: Any = None
    loss_weights: Any = None

    @property
    def is_keras3(self) -> bool:
        """Whether Keras 3 wrote it, as opposed to tf_keras or an older Keras."""
        return self.keras_version.split(".")[0] == "3"


def read_keras(path: pathlib.Path) -> Description:
    """The description in a .keras file.

    Raises:
        BadInput: truncated, not a .keras file, or holding what such a file does not.
    """
    where = str(path)
    _check_start(path, _ZIP, "a .keras file")
    with foreign.reading(where, _AGAIN, _DAMAGED), zipfile.ZipFile(path) as archive:
        _check_members(archive, where)
        broken = archive.testzip()
        if broken:
            raise BadInput(where, f"{broken} in it is damaged", _AGAIN)
        hdf5_trial.check(path, f"{where}, {WEIGHTS}", WEIGHTS)
        config, metadata = (_json(archive.read(n), where) for n in (_CONFIG, _METADATA))
        with archive.open(WEIGHTS) as member, _hdf5(member, f"{where}, {WEIGHTS}") as weights:
            values = hdf5_safety.check(weights, f"{where}, {WEIGHTS}")
    return Description(
        config,
        str(metadata.get("keras_version", "")),
        values,
        *_losses(config.get("compile_config")),
    )


def read_hdf5(path: pathlib.Path) -> Description:
    """The description in an .h5 file.

    Raises:
        BadInput: truncated, not an .h5 file, weights without a model, or holding what such a
            file does not.
    """
    where = str(path)
    _check_start(path, _HDF5, "an HDF5 file")
    hdf5_trial.check(path, where)
    with _hdf5(path, where) as file:
        values = hdf5_safety.check(file, where)
        if "model_config" not in file.attrs:
            raise BadInput(where, "it holds weights and no model", "Save the whole model.")
        config = _json(_text(file.attrs["model_config"]), where)
        version = _text(file.attrs.get("keras_version", ""))
        training = _json(_text(file.attrs.get("training_config", "{}")), where)
    return Description(config, version.decode(errors="replace"), values, *_losses(training))


def _check_start(path: pathlib.Path, magic: bytes, kind: str) -> None:
    try:
        with open(path, "rb") as file:
            start = file.read(len(magic))
    except OSError as error:
        raise BadInput(str(path), str(error.strerror), "Give a file that can be read.") from error
    if start != magic:
        what = "empty" if not start else f"not {kind}"
        raise BadInput(str(path), f"the file is {what}", "Give a model saved by Keras.")


def _check_members(archive: zipfile.ZipFile, where: str) -> None:
    names = [info.filename for info in archive.infolist()]
    missing = {_CONFIG, _METADATA, WEIGHTS} - set(names)
    if missing:
        raise BadInput(
            where, f"not a .keras file: it has no {', '.join(sorted(missing))}", "Save it again."
        )
    for info in archive.infolist():
        name = info.filename
        if name not in (_CONFIG, _METADATA, WEIGHTS):
            raise BadInput(where, f"it also holds {name!r}", "Save the model again with Keras.")
        expands = info.file_size > max(_SMALL_BYTES, _LARGEST_EXPANSION * info.compress_size)
        too_long = name != WEIGHTS and info.file_size > _MOST_TEXT_BYTES
        if expands or too_long or names.count(name) > 1 or info.flag_bits & 1:
            raise BadInput(
                where,
                f"{name} in it would unpack {info.compress_size} bytes to {info.file_size},"
                " is there twice or encrypted",
                "Save the model again with Keras.",
            )


def _json(text: bytes, where: str) -> dict[str, Any]:
    found = foreign.parse_json(text, f"{where}, its description", "Save the model again.")
    if not isinstance(found, dict):
        raise BadInput(where, "its description is not that of a model", "Save it again.")
    return found


def _losses(training: Any) -> tuple[Any, Any]:
    """What `compile` was given for the loss and for `loss_weights`."""
    if not isinstance(training, dict):
        return None, None
    return training.get("loss"), training.get("loss_weights")


def _text(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


@contextlib.contextmanager
def _hdf5(source: Any, where: str) -> Iterator[h5py.File]:
    """An open HDF5 file; what the library says about a damaged one, in one line."""
    with foreign.reading(where, _AGAIN, _DAMAGED), h5py.File(source, "r") as file:
        yield file

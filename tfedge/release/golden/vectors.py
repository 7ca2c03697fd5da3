"""What is in golden.npz, version 1: a zip of .npy arrays that NumPy opens without pickles.

`about` holds UTF-8 bytes of JSON: `schema_version`; `model_sha256` of the file that answered;
`source`, "held_out" or "synthetic"; `examples`, how many; `inputs` and `outputs`, each a list of
`name` in the signature, `array`, which one of the zip, and for outputs `tolerance`: how far another
runtime's values may be from these, in what the tensor holds, codes or reals. Every other array is
(examples, ...) in the type of its tensor, without the batch of 1.
"""

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfedge import errors, foreign

SCHEMA_VERSION = 1
_ABOUT = "about"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first day of zip: the same vectors are the same bytes
_MOST_BYTES = 2**26  # of one array, whatever a file says
_REMEDY = "Take golden.npz of the release."


@dataclasses.dataclass(frozen=True, eq=False)
class Vectors:
    """Examples and answers.

    Attributes:
        model: the bytes of the file that answered, or their SHA-256 where they were read.
        source: "held_out" or "synthetic".
        inputs: by name, (n, ...) as the tensor takes them.
        outputs: by name, (n, ...) as the tensor holds them.
        tolerances: by output, see above.
    """

    model: bytes | str
    source: str
    inputs: Mapping[str, np.ndarray]
    outputs: Mapping[str, np.ndarray]
    tolerances: Mapping[str, float]

    @property
    def model_sha256(self) -> str:
        """Of the file that answered, in hexadecimal."""
        return self.model if isinstance(self.model, str) else hashlib.sha256(self.model).hexdigest()

    @property
    def examples(self) -> int:
        """How many."""
        return len(next(iter(self.inputs.values())))

    def to_bytes(self) -> bytes:
        """The file; the same bytes for the same vectors."""
        inputs, outputs = _named("input", self.inputs), _named("output", self.outputs)
        about = {
            "schema_version": SCHEMA_VERSION,
            "model_sha256": self.model_sha256,
            "source": self.source,
            "examples": self.examples,
            "inputs": [{"name": name, "array": array} for array, name in inputs.items()],
            "outputs": [
                {"name": name, "array": array, "tolerance": self.tolerances[name]}
                for array, name in outputs.items()
            ],
        }
        return _zipped(
            {
                _ABOUT: np.frombuffer(json.dumps(about).encode(), np.uint8),
                **{array: self.inputs[name] for array, name in inputs.items()},
                **{array: self.outputs[name] for array, name in outputs.items()},
            }
        )


def read(content: bytes, where: str = "golden.npz") -> Vectors:
    """What `Vectors.to_bytes` wrote; nothing in it is run, and no size is believed.

    Raises:
        BadInput: it is none, is damaged, or of a later version.
    """
    with foreign.reading(where, _REMEDY):
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            _check_sizes(file.zip, where)
            about = foreign.parse_json(file[_ABOUT].tobytes(), where, _REMEDY)
            if foreign.whole(about["schema_version"]) != SCHEMA_VERSION:
                cause = f"it is of version {about['schema_version']}, {SCHEMA_VERSION} is known"
                raise errors.BadInput(where, cause, "Install a newer tfedge.")
            inputs, outputs = (
                {each["name"]: file[each["array"]] for each in about[kind]}
                for kind in ("inputs", "outputs")
            )
        lengths = {len(each) for each in (*inputs.values(), *outputs.values())}
        if not inputs or not outputs or lengths != {foreign.whole(about["examples"])}:
            raise ValueError("its arrays are not of one length")
        tolerances = {
            each["name"]: foreign.finite(each["tolerance"], 0) for each in about["outputs"]
        }
        return Vectors(
            str(about["model_sha256"]), str(about["source"]), inputs, outputs, tolerances
        )


def _named(kind: str, arrays: Mapping[str, np.ndarray]) -> dict[str, str]:
    """The array in the zip of each; a signature's names may be anything."""
    return {f"{kind}_{number}": name for number, name in enumerate(arrays)}


def _check_sizes(file: Any, where: str) -> None:
    for entry in file.infolist():
        if entry.file_size > _MOST_BYTES:
            cause = f"{entry.filename} would take {entry.file_size:,} bytes"
            raise errors.BadInput(where, cause, _REMEDY)


def _zipped(arrays: Mapping[str, np.ndarray]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", _LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, member.getvalue())
    return written.getvalue()

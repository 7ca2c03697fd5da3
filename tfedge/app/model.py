"""All that templates are filled with."""

import dataclasses
import re

from tfedge.app.delivered import Delivered
from tfedge.app.picture import Picture
from tfedge.app.port import Port
from tfedge.packing import primer
from tfedge.release.golden.vectors import Vectors


@dataclasses.dataclass(frozen=True, eq=False)
class Model:
    """A released model as the code of an app sees it.

    Attributes:
        class_name: of the generated class.
        package: of the generated Kotlin.
        version, sha256: of the file.
        content: the file.
        packed: its packed form where the app ships that; else empty.
        task: what it was trained on.
        inputs, outputs: in the order of the signature.
        labels: the class names; empty where it tells no classes.
        is_probability: whether scores of classes are probabilities.
        picture: how a picture is made into the input; None where it takes no pictures.
        preprocessing: how pictures were made into raw inputs, in words.
        takes_raw: whether the normalization of inputs is in the file.
        needs_runtime: the oldest, in TensorFlow Lite's count, that reads the file; empty for any.
        keeps_state: whether it has to be reset between examples.
        vectors: examples and answers.
        figures: (label, value) of the scorecard.
        delivered: where the app fetches later versions; None where it does not.
    """

    class_name: str
    package: str
    version: str
    sha256: str
    content: bytes
    packed: bytes
    task: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    labels: tuple[str, ...]
    is_probability: bool
    picture: Picture | None
    preprocessing: str
    takes_raw: bool
    needs_runtime: str
    keeps_state: bool
    vectors: Vectors
    figures: tuple[tuple[str, str], ...]
    delivered: Delivered | None = None

    @property
    def ports(self) -> tuple[Port, ...]:
        """Both ends."""
        return self.inputs + self.outputs

    @property
    def shipped(self) -> dict[str, bytes]:
        """Ending of the name -> content, of the file that the app ships."""
        return {"tflite.packed": self.packed} if self.packed else {"tflite": self.content}

    @property
    def unpacks(self) -> bool:
        """Whether the app unpacks models: the one that it ships, or those that it fetches."""
        return bool(self.packed) or self.delivered is not None

    @property
    def primer(self) -> dict[str, bytes]:
        """Name -> content, of what unpacking takes beside the packed file."""
        return {"tfedge_primer.lzma": primer.stream()} if self.unpacks else {}

    @property
    def example_bytes(self) -> int:
        """Of one example of the golden file."""
        return sum(port.bytes for port in self.ports)

    @property
    def golden(self) -> bytes:
        """Examples for the code to check itself by.

        For each one the tensors of the inputs and then those of the outputs, in the order of the
        signature, without anything between; little-endian.
        """
        arrays = [
            (self.vectors.inputs if port.role == "input" else self.vectors.outputs)[port.name]
            for port in self.ports
        ]
        little = [array.astype(array.dtype.newbyteorder("<")) for array in arrays]
        return b"".join(
            array[row].tobytes() for row in range(self.vectors.examples) for array in little
        )

    def tolerance(self, port: Port) -> float:
        """How far a runtime's output may be from the golden one, in what the tensor holds."""
        return self.vectors.tolerances[port.name]

    @property
    def asset(self) -> str:
        """What its files are called where all files of an app lie in one folder."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.class_name).lower()

    @property
    def package_path(self) -> str:
        """Folders of the package."""
        return self.package.replace(".", "/")

"""Examples as the rest of a model sees them, whose first part has become a file of its own."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from tfedge import quiet
from tfedge.data.splits import Arrays, ArraySplit, Split, named
from tfedge.data.task import Normalization
from tfedge.device.file import tflite
from tfedge.device.sandbox import limits


@dataclasses.dataclass(frozen=True, eq=False)
class Behind(Split):
    """A split whose inputs went through a float file.

    Attributes:
        split: with raw inputs.
        front: the file.
        inputs: all that the model takes.
        names: what is asked for: outputs of the file, or inputs that do not go through it.
        normalization: of raw inputs.
    """

    split: Split
    front: bytes
    inputs: tuple[str, ...]
    names: tuple[str, ...]
    normalization: Normalization

    def __len__(self) -> int:
        return len(self.split)

    def batches(
        self, batch_size: int, order: np.ndarray | None = None
    ) -> Iterator[tuple[Arrays, Arrays]]:
        """See `Split.batches`."""
        for x, y in self.split.batches(batch_size, order):
            yield self._through(x), y

    def targets(self) -> Arrays:
        """See `Split.targets`."""
        return self.split.targets()

    def take(self, indices: np.ndarray) -> ArraySplit:
        """See `Split.take`."""
        few = self.split.take(indices)
        return ArraySplit(self._through(few.x), few.y)

    def _through(self, x: Arrays) -> dict[str, np.ndarray]:
        arrays = named(self.normalization(x))
        if len(arrays) == 1 and len(self.inputs) == 1:
            arrays = dict(zip(self.inputs, arrays.values(), strict=True))
        with quiet.captured():  # it tells of its delegate
            runner = tflite.interpreter(self.front, limits.usable_cores())
            runner.allocate_tensors()
        (signature,) = runner.get_signature_list().values()
        run = runner.get_signature_runner()
        types = {name: each["dtype"] for name, each in run.get_input_details().items()}
        count = len(next(iter(arrays.values())))
        made = [
            run(**{name: arrays[name][row : row + 1].astype(kind) for name, kind in types.items()})
            for row in range(count)
        ]
        found = {
            name: np.concatenate([each[name] for each in made]) for name in signature["outputs"]
        }
        return {name: found[name] if name in found else arrays[name] for name in self.names}

"""What was promised about kernels, read back from a file that was quantized after training."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfedge.device.file import tflite
from tfedge.export.post_training.float_model import FloatModel
from tfedge.export.tree import flatbuffer


@dataclasses.dataclass(frozen=True, eq=False)
class Promises:
    """Of a candidate.

    Attributes:
        holds: its holds.
        codes: layer -> promised integers, which `write_codes` writes into the file.
    """

    holds: tuple[Any, ...] = ()
    codes: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def kernels_with_codes(self, model: FloatModel) -> frozenset[str]:
        """Kernels whose integers are known already, so that no algorithm has a say."""
        return model.kernels_named(self.codes)

    def broken(self, tree: Any) -> frozenset[str]:
        """The layers whose promises a file does not keep, but for those with codes."""
        if not self.holds:
            return frozenset()
        file = tflite.read(flatbuffer.pack(tree))
        kernels = {each.tensor.name: each for each in file.kernels()}
        return frozenset(
            hold.layer
            for hold in self.holds
            if hold.layer in kernels
            and hold.layer not in self.codes
            and not _keeps(hold, kernels[hold.layer])
        )


NONE = Promises()


def _keeps(hold: Any, kernel: Any) -> bool:
    scales = kernel.tensor.scales if len(kernel.tensor.scales) else None
    return bool(hold.read(kernel.values(), kernel.channel_axis, scales)[2])

"""What an export route declares of itself; each file in `routes` holds one such record."""

import dataclasses
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfedge.export import calibration

CONVERTER = "converter"  # TensorFlow's
QUANTIZER = "quantizer"  # AI Edge Quantizer, on the converter's float file
_QUANTIZED_BITS = 8


@dataclasses.dataclass(frozen=True)
class Route:
    """One way to a .tflite. Reading it loads no TensorFlow.

    Attributes:
        help: a line for users.
        configure: `(converter, examples)`: sets what the route asks of a TFLiteConverter;
            examples are None where ranges are in the model or not needed.
        kernel_types: the schema's names of types that kernels may have in the finished file. Of
            several, the first is what the route is for, and at least one kernel has it.
        precision: what a layer gets where no rule says otherwise. Where that is the route's own
            name, rules may give it to layers on other routes.
        activation_bits: of integer activations, whose ranges calibration examples show; 0 where
            they stay float.
        ends: types that inputs and outputs may have.
        producer: `CONVERTER` or `QUANTIZER`: who makes the file of a model that has no ranges.
        options: those that mean something on it, besides the ones of every route.
        raised_to: what precision="auto" gives to layers that this precision harms, in order.
        smallest_kernel: kernels of fewer weights may stay float.
        edits: `(tree)`: of the unpacked file, behind all edits that do not go by the route.
    """

    help: str
    configure: "Callable[[Any, calibration.Examples | None], None]"
    kernel_types: tuple[str, ...]
    precision: str
    activation_bits: int = 0
    ends: tuple[str, ...] = ("float32",)
    producer: str = CONVERTER
    options: tuple[str, ...] = ()
    raised_to: tuple[str, ...] = ()
    smallest_kernel: int = 0
    edits: tuple[Callable[[Any], None], ...] = ()

    @property
    def kernel_bits(self) -> int:
        """Of the type that it is for."""
        return int(re.sub(r"\D", "", self.kernel_types[0]))  # the schema's names end with them

    @property
    def changes_kernels(self) -> bool:
        """Whether a float file is not on this route already."""
        return self.kernel_types != ("FLOAT32",)

    @property
    def is_quantizing(self) -> bool:
        """Whether kernels become integers."""
        return self.kernel_bits <= _QUANTIZED_BITS

    @property
    def needs_its_type(self) -> bool:
        """Whether a file without a kernel of the type that the route is for is refused."""
        return len(self.kernel_types) > 1

"""The route int4: kernels of 4 bits, two in a byte, under int8 activations; biases in int32.

The file is made as for int8, then every kernel whose integers fit into 4 bits is stored as an INT4
tensor; see `int4_kernels`, and `few_bit_rows` of tables. XNNPACK does not take INT4 convolutions:
resnet8 is 0.14 ms on one x86 thread against 0.03 in INT8. So this route buys bytes, not time.
"""

from typing import Any

from tfedge.export.route import QUANTIZER, Route
from tfedge.export.routes import int8


def _pack_kernels(tree: Any) -> None:
    # They read the schema, which parsing need not.
    from tfedge.export.edits import few_bit_rows, int4_kernels

    int4_kernels.pack(tree)
    few_bit_rows.pack(tree)


ROUTE = Route(
    help="kernels of 4 bits, int8 activations",
    configure=int8.configure,
    kernel_types=("INT4", "INT8", "INT2"),
    precision="int4",
    activation_bits=8,
    ends=("float32", "int8", "uint8"),
    producer=QUANTIZER,
    options=(
        *("activations", "block_size", "few_bit_scales", "few_bit_biases"),
        *("algorithm", "precision", "tolerance"),
    ),
    raised_to=("int8", "float16"),
    edits=(_pack_kernels,),
)

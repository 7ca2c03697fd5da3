"""Readable names for the weights of an ONNX model that tf2onnx has turned into its own layout."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

_TURNED = "const_fold"  # how tf2onnx begins the name of a constant that it has computed
_WITH_KERNEL = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def readable(model: "onnx.ModelProto") -> "onnx.ModelProto":
    """The same model, in place: the kernel of "stem/conv_2d" is "stem/kernel"."""
    constants = {each.name: each for each in model.graph.initializer}
    taken = {*constants, *(name for node in model.graph.node for name in node.output)}
    for node in model.graph.node:
        name = f"{node.name.rpartition('/')[0]}/kernel"
        if node.op_type not in _WITH_KERNEL or name == "/kernel" or name in taken:
            continue
        turned = constants.get(node.input[1])
        if turned is not None and turned.name.startswith(_TURNED):
            _rename(model, turned.name, name)
            taken.add(name)
    return model


def _rename(model: "onnx.ModelProto", old: str, new: str) -> None:
    for each in model.graph.initializer:
        if each.name == old:
            each.name = new
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name == old:
                node.input[place] = new

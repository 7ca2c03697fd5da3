"""ONNX, made of the release's own .tflite by tf2onnx, so that its weights are those released."""

import pathlib
import tempfile
from typing import TYPE_CHECKING

from tfedge import errors, extras, foreign, quiet
from tfedge.export.tree import flatbuffer
from tfedge.targets import plain_tree
from tfedge.targets.source import Source
from tfedge.targets.target import Arrays, Made, Target

if TYPE_CHECKING:
    import onnx

FILE = "model.onnx"
_OPSET = 17  # of 2022; runtimes read what is older than they are
_UNKNOWN = "TFL_"  # how operators begin that tf2onnx has left as they were
_TYPES = frozenset(
    {"FLOAT32", "FLOAT16", "INT8", "UINT8", "INT4", "INT2", "INT32", "INT64", "BOOL"}
)
_FEW_BITS = (2, 4)
_OTHERWISE = "Release with --keras and convert it with --to=saved_model."
_FIXED = "It takes one example at a time: several together do not get the answers of each alone."


def _make(source: Source, examples: Arrays) -> Made:
    extras.require("--to=onnx", "onnx")
    _check_takes(source)
    from tfedge.targets import onnx_batch, onnx_names, onnx_session

    model = onnx_names.readable(_converted(source))
    free = onnx_batch.freed(model, examples)
    if free is None:
        only_one = onnx_session.Session(model, batch=1)
        return Made({FILE: model.SerializeToString()}, only_one.answer, (_FIXED,))
    return Made({FILE: free.SerializeToString()}, onnx_session.Session(free).answer)


def _check_takes(source: Source) -> None:
    file = source.file
    if file.keeps_state:
        cause = "it remembers the example before (a fused LSTM), and ONNX has no place for that"
        raise errors.BadInput(source.where, cause, _OTHERWISE)
    if file.flex_operators:
        cause = f"TensorFlow's own operators are no part of ONNX: {', '.join(file.flex_operators)}"
        raise errors.BadInput(source.where, cause, _OTHERWISE)
    if any(each.bits in _FEW_BITS and not len(each.scales) for each in file.tensors):
        cause = "tf2onnx knows no scales of blocks, as its weights of few bits have"
        raise errors.BadInput(source.where, cause, "Export int8, or int4 without block_size.")
    strange = sorted({each.dtype for each in file.tensors} - _TYPES)
    if strange:
        cause = f"ONNX's operators do not compute with {', '.join(strange)}"
        raise errors.BadInput(source.where, cause, "Export float32 or int8.")


def _converted(source: Source) -> "onnx.ModelProto":
    """As tf2onnx makes it.

    Raises:
        BadInput: it stumbles, or does not know an operator.
    """
    tree = plain_tree.of(source.file.content)
    with quiet.captured(), tempfile.TemporaryDirectory() as folder:
        import tf2onnx
        from tf2onnx import convert

        from tfedge.targets import onnx_operators  # noqa: F401  (tells tf2onnx of them)

        path = pathlib.Path(folder, "model.tflite")
        path.write_bytes(flatbuffer.pack(tree))
        with foreign.reading(source.where, _OTHERWISE, f"tf2onnx {tf2onnx.__version__} stumbles"):
            model, _ = convert.from_tflite(str(path), opset=_OPSET)
    unknown = {node.op_type for node in model.graph.node if node.op_type.startswith(_UNKNOWN)}
    if unknown:
        named = ", ".join(sorted(each.removeprefix(_UNKNOWN) for each in unknown))
        raise errors.BadInput(source.where, f"tf2onnx knows no {named}", _OTHERWISE)
    return model


TARGET = Target("model.onnx for onnxruntime, from the released .tflite", _make)

"""Keeps the graph of a .tflite for tests: its weights become zeros, its names go, then xz.

    python tests/device/networks/make.py FILE.tflite ...

The files here came from tf_keras.applications at 64 to 96 pixels, with random weights and a batch
of one in the signature, by tf.lite.TFLiteConverter, as float32 and as int8; and from networks of
tfedge, an attention block, two LSTM layers and convolutions of a volume in the formats that their
names say.
"""

import lzma
import pathlib
import sys

from ai_edge_litert.tools import flatbuffer_utils

HERE = pathlib.Path(__file__).parent
SMALL_BYTES = 64  # shapes, axes and paddings, which the runtime reads while it plans


def emptied(content: bytes) -> bytes:
    """The same graph with zeros for weights."""
    model = flatbuffer_utils.convert_bytearray_to_object(content)
    for buffer in model.buffers:
        if buffer.data is not None and len(buffer.data) > SMALL_BYTES:
            buffer.data = bytearray(len(buffer.data))
    model.metadata = model.metadataBuffer = None
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.name = None
            if tensor.quantization is not None:
                tensor.quantization.min = tensor.quantization.max = None
                scales = tensor.quantization.scale
                if scales is not None and len(scales) > 1:
                    tensor.quantization.scale = [0.01] * len(scales)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


if __name__ == "__main__":
    for path in map(pathlib.Path, sys.argv[1:]):
        kept = lzma.compress(emptied(path.read_bytes()), preset=9)
        (HERE / f"{path.name}.xz").write_bytes(kept)

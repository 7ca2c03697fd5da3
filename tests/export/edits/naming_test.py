import types

from ai_edge_quantizer import quantizer, recipe

import tfedge
from tfedge.device.file import tflite
from tfedge.export.edits import naming


def _tensor(name):
    return types.SimpleNamespace(name=name)


def test_no_name_is_there_twice_and_kernels_keep_theirs():
    tensors = [_tensor(b"head"), _tensor(None), _tensor(b"head"), _tensor(b""), _tensor(b"x")]
    tree = types.SimpleNamespace(subgraphs=[types.SimpleNamespace(tensors=tensors)])
    assert naming.name_all(tree, ["x"]) == {"x", "head", "head_1", "tensor", "tensor_1"}
    names = [tensor.name for tensor in tensors]
    assert names == [b"head", b"tensor", b"head_1", b"tensor_1", b"x"]


def test_ai_edge_quantizer_reads_a_file_with_names(model):
    data = tfedge.to_tflite(model, "float32(names=True)")
    names = [tensor.name for tensor in tflite.read(data).tensors]
    assert len(set(names)) == len(names) and "stem" in names
    job = quantizer.Quantizer(bytearray(data), recipe.dynamic_wi8_afp32())
    made = tflite.read(bytes(job.quantize().quantized_model))
    assert {kernel.tensor.dtype for kernel in made.kernels()} == {"INT8"}

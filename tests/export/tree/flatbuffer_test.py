import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfedge.export.tree import flatbuffer


def _file(*arrays):
    """A file with one constant int8 tensor per array."""
    tensors = [
        schema.TensorT(
            shape=np.array([array.size], np.int32),
            type=schema.TensorType.INT8,
            buffer=number,
            quantization=schema.QuantizationParametersT(
                scale=np.full(array.size, 0.5, np.float32), zeroPoint=np.zeros(array.size, np.int64)
            ),
        )
        for number, array in enumerate(arrays, start=1)
    ]
    return schema.ModelT(
        version=3,
        buffers=[schema.BufferT(), *(schema.BufferT(data=array) for array in arrays)],
        subgraphs=[
            schema.SubGraphT(
                tensors=tensors,
                operators=[],
                inputs=np.zeros(0, np.int32),
                outputs=np.zeros(0, np.int32),
            )
        ],
    )


def test_equal_vectors_and_tables_are_written_once():
    one = len(flatbuffer.pack(_file(np.arange(40, dtype=np.uint8))))
    same = [np.arange(40, dtype=np.uint8) for _ in range(11)]
    assert (
        len(flatbuffer.pack(_file(*same))) < one + 10 * 40
    )  # neither data nor the 480 bytes of q.


def test_content_survives():
    arrays = [np.arange(n, dtype=np.uint8) for n in (1, 5, 16, 33)]
    read = flatbuffer.unpack(flatbuffer.pack(_file(*arrays)))
    for tensor, array in zip(read.subgraphs[0].tensors, arrays, strict=True):
        assert read.buffers[tensor.buffer].data.tolist() == array.tolist()
        assert tensor.shape.tolist() == [array.size]
        assert tensor.quantization.scale.tolist() == [0.5] * array.size
        assert tensor.quantization.zeroPoint.tolist() == [0] * array.size


def test_kernels_are_aligned_at_16_bytes():
    arrays = [np.full(n, 100 + n, np.uint8) for n in (3, 17, 50)]
    data = flatbuffer.pack(_file(*arrays))
    assert [data.index(array.tobytes()) % 16 for array in arrays] == [0, 0, 0]


def test_packing_again_changes_nothing():
    data = flatbuffer.pack(_file(np.arange(7, dtype=np.uint8), np.arange(9, dtype=np.uint8)))
    assert flatbuffer.pack(flatbuffer.unpack(data)) == data

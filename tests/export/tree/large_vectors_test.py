import tracemalloc

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfedge.export.tree import flatbuffer, large_vectors


def _laid_out(*vectors):
    keys = [large_vectors.key(vector) for vector in vectors]
    return keys, large_vectors.lay_out(zip(keys, vectors, strict=True))


def test_the_first_vector_is_the_last_in_the_file():
    wide, narrow = np.array([7, 8], "<u4"), np.arange(1, 6, dtype=np.uint8)
    keys, layout = _laid_out(wide, narrow, wide.copy())
    whole = layout.seed + b"".join(part.tobytes() for part in layout.rest)
    # From the end: 7 and 8 with their count, then five bytes that begin at a multiple of 16.
    assert whole == (
        b"\5\0\0\0" + bytes([1, 2, 3, 4, 5]) + bytes(15) + b"\2\0\0\0\7\0\0\0\10\0\0\0"
    )
    assert layout.alignment == 16
    ends = [len(layout.seed) - layout.offsets[key] for key in keys]
    assert [whole[end : end + 4] for end in ends] == [b"\2\0\0\0", b"\5\0\0\0", b"\2\0\0\0"]


def test_no_vector_has_the_offset_that_stands_for_none():
    keys, layout = _laid_out(np.array([1, 2, 3], "<u4"))
    assert (layout.offsets[keys[0]], len(layout.seed)) == (16, 16)
    assert not b"".join(part.tobytes() for part in layout.rest)


def test_a_file_takes_the_memory_of_one():
    weights = np.random.default_rng(0).integers(0, 256, 1 << 23, np.uint8)
    tensor = schema.TensorT(shape=np.array([weights.size], np.int32), buffer=1)
    nothing = np.zeros(0, np.int32)
    graph = schema.SubGraphT(tensors=[tensor], operators=[], inputs=nothing, outputs=nothing)
    tree = schema.ModelT(buffers=[schema.BufferT(), schema.BufferT(data=weights)])
    tree.subgraphs = [graph]
    tracemalloc.start()
    data = flatbuffer.pack(tree)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(data) <= peak < 1.2 * weights.size

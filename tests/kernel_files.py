"""Files of the shapes that packing meets: kept real ones, and those of single kernels."""

import pathlib

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

FILES = sorted((pathlib.Path(__file__).parent / "device" / "files").glob("*.tflite"))
_TYPES = {"int8": 9, "float32": 0, "float16": 1, "int32": 2, "int4": 17}


def tflite(*kernels, dtype=None):
    """A file that holds these arrays and no operators."""
    model = schema.ModelT(version=3, buffers=[schema.BufferT()], operatorCodes=[])
    graph = schema.SubGraphT(tensors=[], operators=[])
    for number, kernel in enumerate(kernels, 1):
        model.buffers.append(schema.BufferT(data=kernel.view(np.uint8).ravel()))
        kind = _TYPES[dtype or kernel.dtype.name]
        shape = np.array(kernel.shape, np.int32) * (1, 2 if dtype else 1)
        tensor = schema.TensorT(shape=shape.astype(np.int32), type=kind, buffer=number)
        graph.tensors.append(tensor)
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def clustered(rng, shape, density):
    """16 levels, most of them zero, some rows and columns emptier than others."""
    there = rng.random(shape) < density * 2 * rng.random(shape[:1])[:, None] * rng.random(shape[1:])
    return (rng.choice(np.linspace(-120, 120, 15).astype(np.int8), shape) * there).astype(np.int8)

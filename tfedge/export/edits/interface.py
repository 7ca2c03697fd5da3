"""What an app sees of a .tflite: names and order of inputs and outputs, and what is attached."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfedge.export.converter import saved_model
from tfedge.export.edits import flatbuffer

RAW_INPUT = "tfedge.input"
LABELS = "tfedge.labels"


def name(data: bytes, signature: saved_model.Signature) -> bytes:
    """Gives inputs and outputs the model's names, and its order, in place of their numbers."""
    model = flatbuffer.unpack(data)
    (definition,) = model.signatureDefs
    inputs = _renamed(definition.inputs, saved_model.input_number, signature.inputs)
    outputs = _renamed(definition.outputs, saved_model.output_number, signature.outputs)
    definition.inputs, definition.outputs = inputs, outputs
    main = model.subgraphs[definition.subgraphIndex]
    main.inputs = _ordered(main.inputs, inputs)
    main.outputs = _ordered(main.outputs, outputs)
    return flatbuffer.pack(model)


def attach(data: bytes, entries: dict[str, Any]) -> bytes:
    """Adds metadata entries, each value as JSON."""
    model = flatbuffer.unpack(data)
    model.metadata = list(model.metadata or [])
    for key, value in entries.items():
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
        model.metadata.append(schema.MetadataT(name=key.encode(), buffer=len(model.buffers)))
        model.buffers.append(schema.BufferT(data=np.frombuffer(text, np.uint8)))
    return flatbuffer.pack(model)


def _renamed(entries: Sequence[Any] | None, number: Any, names: Sequence[str]) -> list[Any]:
    found = {entry.name.decode(): entry for entry in entries or []}
    renamed = []
    for index, real in enumerate(names):
        if number(index) in found:  # an input that the model ignores is dropped by the converter
            entry = found[number(index)]
            entry.name = real.encode()
            renamed.append(entry)
    return renamed


def _ordered(indices: Any, entries: Sequence[Any]) -> np.ndarray:
    """Tensors in the order of the signature; any that it does not name stay behind them."""
    named = [int(entry.tensorIndex) for entry in entries]
    given = [int(index) for index in indices]
    return np.array(
        [*dict.fromkeys(index for index in named if index in given)]
        + [index for index in given if index not in named],
        np.int32,
    )

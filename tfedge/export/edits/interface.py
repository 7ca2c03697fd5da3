"""What an app sees of a .tflite: names and order of inputs and outputs, and what is attached."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

RAW_INPUT = "tfedge.input"


def input_number(index: int) -> str:
    """The name of an input until its real one is put in."""
    return f"input_{index:03d}"


def output_number(index: int) -> str:
    """The name of an output until its real one is put in."""
    return f"output_{index:03d}"


def name(tree: Any, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Gives inputs and outputs the model's names, and its order, in place of their numbers."""
    (definition,) = tree.signatureDefs
    definition.inputs = _renamed(definition.inputs, input_number, inputs)
    definition.outputs = _renamed(definition.outputs, output_number, outputs)
    main = tree.subgraphs[definition.subgraphIndex]
    main.inputs = _ordered(main.inputs, definition.inputs)
    main.outputs = _ordered(main.outputs, definition.outputs)


def attach(tree: Any, entries: dict[str, Any]) -> None:
    """Adds metadata entries, each value as JSON."""
    tree.metadata = list(tree.metadata or [])
    for key, value in entries.items():
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
        tree.metadata.append(schema.MetadataT(name=key.encode(), buffer=len(tree.buffers)))
        tree.buffers.append(schema.BufferT(data=np.frombuffer(text, np.uint8)))


def _renamed(
    entries: Sequence[Any] | None, number: Callable[[int], str], names: Sequence[str]
) -> list[Any]:
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

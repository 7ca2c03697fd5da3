"""Quantizes a float .tflite, which is how PyTorch and ONNX models come in, by AI Edge Quantizer.

TensorFlow's converter cannot read a .tflite back. AI Edge Quantizer can, takes milliseconds, and
is an optional extra: `pip install tfedge[peers]`.
https://github.com/google-ai-edge/ai-edge-quantizer
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from absl import logging
from ai_edge_litert import schema_py_generated as schema

from tfedge import errors
from tfedge.data.task import Task
from tfedge.export import (
    calibration,
    conversion,
    flatbuffer,
    operators,
    options,
    quiet,
    recurrent,
    saved_model,
)

_ACTIVATION_BITS = {"int8": 8, "int16x8": 16}


def convert(data: bytes, where: str, export: options.Export, task: Task | None) -> bytes:
    """A float .tflite on another route; float32 hands back the same bytes.

    Args:
        data: the file.
        where: its path, for messages.
        export: the route and its options.
        task: whose calibration split is read, for int8 and int16x8.

    Raises:
        BadInput: the file is quantized already, is open beyond the batch, has a loop on an
            integer route, or AI Edge Quantizer is not installed.
    """
    _check_float(data, where)
    if export.route == "float32":
        return data
    quantizer = _load_quantizer(where, export)
    data, inputs = _prepared(data, where)
    examples = None
    if export.route in _ACTIVATION_BITS:
        if recurrent.has_loop(data):
            raise recurrent.refusal(where, export.route, "a loop in it")
        examples = calibration.examples(task, inputs, export.route)
    with quiet.captured() as log:
        job = quantizer.Quantizer(bytearray(data))
        job.load_quantization_recipe(_recipe(export))
        found = None
        if examples is not None:
            found = job.calibrate({saved_model.SIGNATURE_KEY: _Again(examples)})
        quantized = job.quantize(found, enable_progress_report=False).quantized_model
    logging.debug("AI Edge Quantizer: %s", log.text)
    return bytes(quantized)


class _Again:
    """Examples as an iterable that can be gone through twice, as the quantizer does."""

    def __init__(self, examples: calibration.Examples):
        self._examples = examples

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        return self._examples()


def _check_float(data: bytes, where: str) -> None:
    model = flatbuffer.unpack(data)
    for operator in operators.weighted(model):
        kind = operators.type_name(operator.graph.tensors[operator.kernel])
        if kind != "FLOAT32":
            raise errors.BadInput(
                where, f"its kernels are {kind} already", "Give the float32 file it was made from."
            )


def _load_quantizer(where: str, export: options.Export) -> Any:
    if "uint8" in (export.output, export.input) and not export.raw_input:
        raise errors.BadInput(
            where, "a .tflite is quantized with float32 or int8 inputs and outputs", "Use those."
        )
    try:
        from ai_edge_quantizer import quantizer
    except ImportError as error:
        raise errors.BadInput(
            where,
            f"{export.route} of a .tflite needs AI Edge Quantizer, which is not installed",
            "Run: pip install 'tfedge[peers]'.",
        ) from error
    return quantizer


def _recipe(export: options.Export) -> Any:
    from ai_edge_quantizer import algorithm_manager, qtyping, recipe_manager

    names, algorithms = qtyping.TFLOperationName, algorithm_manager.AlgorithmName
    recipe = recipe_manager.RecipeManager()
    everything = {"regex": ".*", "operation_name": names.ALL_SUPPORTED}
    if export.route == "float16":
        recipe.add_weight_only_config(
            **everything, num_bits=16, algorithm_key=algorithms.FLOAT_CASTING
        )
    elif export.route == "dynamic":
        recipe.add_dynamic_config(**everything, num_bits=8)
    else:
        recipe.add_static_config(
            **everything,
            activation_num_bits=_ACTIVATION_BITS[export.route],
            weight_num_bits=8,
        )
        for end, dtype in (
            (names.INPUT, conversion.input_type(export)),
            (names.OUTPUT, export.output),
        ):
            if dtype == "float32":
                recipe.add_quantization_config(".*", end, algorithm_key=algorithms.NO_QUANTIZE)
    return recipe.get_quantization_recipe()


def _prepared(data: bytes, where: str) -> tuple[bytes, tuple[str, ...]]:
    """The file as the quantizer needs it (names, one signature, batch of 1), and its inputs."""
    model = flatbuffer.unpack(data)
    for graph in model.subgraphs:
        for number, tensor in enumerate(graph.tensors):
            tensor.name = tensor.name or f"tensor_{number}".encode()
    main = model.subgraphs[0]
    for index in main.inputs:
        tensor = main.tensors[index]
        signed = tensor.shapeSignature if tensor.shapeSignature is not None else tensor.shape
        if -1 in list(signed)[1:]:
            raise errors.BadInput(
                where,
                f"its input shape {[int(size) for size in signed]} is open beyond the batch",
                "Export it with fixed sizes.",
            )
    for tensor in main.tensors:
        tensor.shapeSignature = None
    if not model.signatureDefs:
        model.signatureDefs = [_signature(main)]
    signature = model.signatureDefs[0]
    signature.signatureKey = saved_model.SIGNATURE_KEY.encode()
    model.signatureDefs = [signature]
    return flatbuffer.pack(model), tuple(entry.name.decode() for entry in signature.inputs)


def _signature(graph: Any) -> Any:
    def entries(indices: np.ndarray) -> list[Any]:
        return [
            schema.TensorMapT(name=graph.tensors[index].name, tensorIndex=int(index))
            for index in indices
        ]

    return schema.SignatureDefT(
        inputs=entries(graph.inputs), outputs=entries(graph.outputs), subgraphIndex=0
    )

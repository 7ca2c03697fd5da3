"""Lets an app feed raw data, such as camera bytes: the task's normalisation moves into the file.

Bytes of a quantized tensor mean (code - zero point) * scale, and that is a normalisation already:
where it fits (one scale, one offset, a whole zero point) raw bytes need no operator but the
QUANTIZE or DEQUANTIZE that a byte input has anyway. Else MUL and ADD are put in front, in float.
"""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfedge import errors
from tfedge.data.task import Normalization
from tfedge.export.tree import new_operators, operators

_FIRST_CODE = {"uint8": 0, "int8": -128}  # the code of the byte 0
_FLOAT_TOLERANCE = 1e-6


def accept(tree: Any, dtype: str, normalization: Normalization) -> None:
    """Makes inputs take what comes before normalisation.

    Args:
        tree: whose inputs are float32, or int8 with a scale. Integer inputs without
            one (token ids) stay as they are.
        dtype: "float32", "uint8", or "int8" (bytes minus 128).
        normalization: of the task.

    Raises:
        BadInput: a normalisation per channel that does not fit an input's last axis.
    """
    graph = tree.subgraphs[0]
    for index in [int(index) for index in graph.inputs]:
        kind = operators.type_name(graph.tensors[index])
        if kind == "FLOAT32" or (kind == "INT8" and _scale(graph.tensors[index]) is not None):
            _Front(tree, index, dtype, normalization).put()


class _Front:
    """The operators to put in front of one input."""

    def __init__(self, model: Any, index: int, dtype: str, normalization: Normalization):
        self._model, self._graph, self._index = model, model.subgraphs[0], index
        self._dtype, self._target = dtype, self._graph.tensors[index]
        self._is_float = operators.type_name(self._target) == "FLOAT32"
        self._is_identity = normalization.is_identity
        self._scale = np.array(normalization.scale, np.float64).reshape(-1)
        self._offset = np.array(normalization.offset, np.float64).reshape(-1)
        self._operators: list[Any] = []

    def put(self) -> None:
        zero_point = self._whole_zero_point()
        if self._dtype == "float32" and self._is_identity:
            return
        if self._dtype == "float32" or zero_point is None:
            given = self._normalised_in_float()
        elif self._takes(zero_point):
            return
        else:
            given = self._bytes(self._scale[0], zero_point)
            self._then("DEQUANTIZE" if self._is_float else "QUANTIZE", [given], self._index)
        self._graph.operators = [*self._operators, *self._graph.operators]
        self._graph.inputs = np.where(self._graph.inputs == self._index, given, self._graph.inputs)
        for signature in self._model.signatureDefs or []:
            for entry in signature.inputs:
                if entry.tensorIndex == self._index:
                    entry.tensorIndex = given

    def _whole_zero_point(self) -> int | None:
        """The zero point that makes raw bytes right; None when it is no whole byte."""
        if self._dtype == "float32" or self._scale.size != 1 or self._offset.size != 1:
            return None
        if self._scale[0] <= 0:
            return None
        exact = float(-self._offset[0] / self._scale[0])
        whole = round(exact)
        # An int8 model rounds its input to steps anyway: half a step more or less is not seen.
        step = _scale(self._target)
        tolerance = _FLOAT_TOLERANCE if step is None else 0.5 * step * (1 + _FLOAT_TOLERANCE)
        if not 0 <= whole <= 255 or abs(exact - whole) * self._scale[0] > tolerance:
            return None
        return whole + _FIRST_CODE[self._dtype]

    def _takes(self, zero_point: int) -> bool:
        """Whether the input's own codes are the raw ones already."""
        if self._is_float or self._dtype != "int8":
            return False
        step = _scale(self._target)
        return step == np.float32(self._scale[0]) and zero_point == int(
            self._target.quantization.zeroPoint[0]
        )

    def _normalised_in_float(self) -> int:
        """[DEQUANTIZE,] MUL, ADD[, QUANTIZE]; returns the new input."""
        given = current = self._tensor(schema.TensorType.FLOAT32)
        if self._dtype != "float32":
            given = self._bytes(1.0, _FIRST_CODE[self._dtype])
            self._then("DEQUANTIZE", [given], current)
        for kind, values in (("MUL", self._scale), ("ADD", self._offset)):
            operands = [current, self._constant(values)]
            last = kind == "ADD" and self._is_float
            current = self._index if last else self._tensor(schema.TensorType.FLOAT32)
            self._then(kind, operands, current)
        if not self._is_float:
            self._then("QUANTIZE", [current], self._index)
        return given

    def _tensor(self, kind: int, **fields: Any) -> int:
        fields = {"shape": self._target.shape, "hasRank": True, **fields}
        self._graph.tensors.append(schema.TensorT(type=kind, **fields))
        return len(self._graph.tensors) - 1

    def _bytes(self, scale: float, zero_point: int) -> int:
        quantization = schema.QuantizationParametersT(
            scale=np.array([scale], np.float32), zeroPoint=np.array([zero_point], np.int64)
        )
        kind = schema.TensorType.UINT8 if self._dtype == "uint8" else schema.TensorType.INT8
        return self._tensor(kind, quantization=quantization)

    def _constant(self, values: np.ndarray) -> int:
        if values.size not in (1, self._target.shape[-1]):
            raise errors.BadInput(
                "--export: raw_input",
                f"the task's normalisation has {values.size} channels, the input's shape is "
                f"{tuple(int(size) for size in self._target.shape)}",
                "Give one value, or one per channel of the last axis.",
            )
        index = self._tensor(schema.TensorType.FLOAT32, shape=np.array(values.shape, np.int32))
        operators.set_values(self._model, self._graph.tensors[index], values)
        return index

    def _then(self, kind: str, inputs: list[int], output: int) -> None:
        self._operators.append(new_operators.operator(self._model, kind, inputs, output))


def _scale(tensor: Any) -> np.float32 | None:
    quantization = tensor.quantization
    if quantization is None or quantization.scale is None:
        return None
    return np.float32(quantization.scale[0])

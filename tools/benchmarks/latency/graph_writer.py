"""Writes small .tflite files operator by operator, with random weights and without TensorFlow.

graph = GraphWriter((32, 32, 16), integer=True)
content = graph.finish(graph.convolution(graph.input, 24, size=3))
"""

import math
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

_ACTIVATION_SCALE, _KERNEL_SCALE = 0.05, 0.01
_SOFTMAX_SCALE, _SOFTMAX_ZERO = 1 / 256, -128
_RELU6 = schema.ActivationFunctionType.RELU6
_NONE = schema.ActivationFunctionType.NONE
# The first version of an operator with int8 tensors, per-channel kernels included.
_INTEGER_VERSIONS = {
    **{"CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 4},
    **{"HARD_SWISH": 1, "QUANTIZE": 1},
}


class GraphWriter:
    """One graph that grows by an operator at a time; each method returns its output's index.

    Args:
        shape: (height, width, channels) of the input, or (features,); the batch is 1.
        integer: int8 with per-channel kernels, else float32.
        seed: of the weights.
        float_input: of an int8 graph too; `quantize` comes first then.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        integer: bool = False,
        seed: int = 0,
        *,
        float_input: bool = False,
    ):
        self._integer = integer
        self._random = np.random.default_rng(seed)
        self._buffers = [schema.BufferT()]
        self._tensors: list[Any] = []
        self._operators: list[Any] = []
        self._codes: dict[str, int] = {}
        self.input = self._float((1, *shape)) if float_input else self._activation((1, *shape))

    def shape(self, tensor: int) -> tuple[int, ...]:
        """With the batch in front."""
        return tuple(self._tensors[tensor].shape)

    def convolution(
        self, source: int, filters: int, size: int = 1, stride: int = 1, relu: bool = True
    ) -> int:
        """CONV_2D with padding that keeps height and width at stride 1."""
        channels = self.shape(source)[3]
        options = schema.Conv2DOptionsT()
        options.dilationWFactor = options.dilationHFactor = 1
        kernel = self._kernel((filters, size, size, channels), 0)
        return self._strided(options, (source, kernel), filters, stride, relu)

    def depthwise(self, source: int, size: int = 3, stride: int = 1, relu: bool = True) -> int:
        """DEPTHWISE_CONV_2D with one filter for each channel."""
        channels = self.shape(source)[3]
        options = schema.DepthwiseConv2DOptionsT()
        options.dilationWFactor = options.dilationHFactor = options.depthMultiplier = 1
        kernel = self._kernel((1, size, size, channels), 3)
        return self._strided(options, (source, kernel), channels, stride, relu)

    def dense(self, source: int, units: int, relu: bool = False) -> int:
        """FULLY_CONNECTED over all values of `source`."""
        options = schema.FullyConnectedOptionsT()
        options.fusedActivationFunction = _RELU6 if relu else _NONE
        kernel = self._kernel((units, math.prod(self.shape(source))), 0)
        output = self._activation((1, units))
        inputs = [source, kernel, self._bias(units)]
        return self._operator("FULLY_CONNECTED", inputs, output, options)

    def pool(self, source: int, size: int = 2, stride: int = 2, average: bool = False) -> int:
        """MAX_POOL_2D or AVERAGE_POOL_2D."""
        _, height, width, channels = self.shape(source)
        options = schema.Pool2DOptionsT()
        options.filterHeight = options.filterWidth = size
        options.strideH = options.strideW = stride
        options.padding = schema.Padding.SAME
        output = self._activation((1, -(-height // stride), -(-width // stride), channels))
        kind = "AVERAGE_POOL_2D" if average else "MAX_POOL_2D"
        return self._operator(kind, [source], output, options)

    def mean(self, source: int) -> int:
        """MEAN over height and width."""
        options = schema.ReducerOptionsT()
        options.keepDims = False
        axes = self._constant(np.array([1, 2], np.int32), schema.TensorType.INT32)
        output = self._activation((1, self.shape(source)[3]))
        return self._operator("MEAN", [source, axes], output, options)

    def add(self, first: int, second: int) -> int:
        """ADD of two tensors of one shape."""
        options = schema.AddOptionsT()
        output = self._activation(self.shape(first))
        return self._operator("ADD", [first, second], output, options)

    def multiply(self, first: int, second: int) -> int:
        """MUL of two tensors of one shape."""
        options = schema.MulOptionsT()
        output = self._activation(self.shape(first))
        return self._operator("MUL", [first, second], output, options)

    def concatenate(self, sources: list[int]) -> int:
        """CONCATENATION along the last axis."""
        options = schema.ConcatenationOptionsT()
        options.axis = len(self.shape(sources[0])) - 1
        channels = sum(self.shape(source)[-1] for source in sources)
        output = self._activation((*self.shape(sources[0])[:-1], channels))
        return self._operator("CONCATENATION", sources, output, options)

    def pad(self, source: int, border: int) -> int:
        """PAD of height and width on all sides."""
        _, height, width, channels = self.shape(source)
        sides = np.array([[0, 0], [border, border], [border, border], [0, 0]], np.int32)
        sizes = self._constant(sides, schema.TensorType.INT32)
        output = self._activation((1, height + 2 * border, width + 2 * border, channels))
        return self._operator("PAD", [source, sizes], output, schema.PadOptionsT())

    def unary(self, source: int, kind: str) -> int:
        """An operator without options on every value: RELU, LOGISTIC, HARD_SWISH ..."""
        return self._operator(kind, [source], self._activation(self.shape(source)), None)

    def quantize(self, source: int) -> int:
        """QUANTIZE of floats to int8."""
        options = schema.QuantizeOptionsT()
        return self._operator("QUANTIZE", [source], self._activation(self.shape(source)), options)

    def dequantize(self, source: int) -> int:
        """DEQUANTIZE of int8 to floats."""
        options = schema.DequantizeOptionsT()
        return self._operator("DEQUANTIZE", [source], self._float(self.shape(source)), options)

    def softmax(self, source: int) -> int:
        """SOFTMAX over the last axis."""
        options = schema.SoftmaxOptionsT()
        options.beta = 1.0
        output = self._activation(self.shape(source), _SOFTMAX_SCALE, _SOFTMAX_ZERO)
        return self._operator("SOFTMAX", [source], output, options)

    def finish(self, output: int) -> bytes:
        """The bytes of the file with `output` as its only output."""
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self._tensors, self._operators
        graph.inputs, graph.outputs = [self.input], [output]
        model = schema.ModelT()
        model.version, model.subgraphs, model.buffers = 3, [graph], self._buffers
        model.operatorCodes = [self._code(kind) for kind in self._codes]
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _strided(
        self,
        options: Any,
        operands: tuple[int, int],
        channels: int,
        stride: int,
        relu: bool,
    ) -> int:
        source, kernel = operands
        _, height, width, _ = self.shape(source)
        options.strideH = options.strideW = stride
        options.padding = schema.Padding.SAME
        options.fusedActivationFunction = _RELU6 if relu else _NONE
        output = self._activation((1, -(-height // stride), -(-width // stride), channels))
        depthwise = isinstance(options, schema.DepthwiseConv2DOptionsT)
        kind = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        return self._operator(kind, [source, kernel, self._bias(channels)], output, options)

    def _activation(
        self, shape: tuple[int, ...], scale: float = _ACTIVATION_SCALE, zero: int = 0
    ) -> int:
        kind = schema.TensorType.INT8 if self._integer else schema.TensorType.FLOAT32
        scales = [scale] if self._integer else None
        return self._tensor(shape, kind, 0, scales, zero=zero)

    def _float(self, shape: tuple[int, ...]) -> int:
        return self._tensor(shape, schema.TensorType.FLOAT32, 0, None)

    def _kernel(self, shape: tuple[int, ...], axis: int) -> int:
        if not self._integer:
            values = self._random.normal(0, 0.1, shape).astype(np.float32)
            return self._constant(values, schema.TensorType.FLOAT32)
        codes = self._random.integers(-127, 128, shape).astype(np.int8)
        scales = [_KERNEL_SCALE] * shape[axis]
        return self._constant(codes, schema.TensorType.INT8, scales, axis)

    def _bias(self, channels: int) -> int:
        if not self._integer:
            return self._constant(np.zeros(channels, np.float32), schema.TensorType.FLOAT32)
        scales = [_KERNEL_SCALE * _ACTIVATION_SCALE] * channels
        return self._constant(np.zeros(channels, np.int32), schema.TensorType.INT32, scales)

    def _constant(
        self, values: np.ndarray, kind: int, scales: list[float] | None = None, axis: int = 0
    ) -> int:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self._buffers.append(buffer)
        return self._tensor(values.shape, kind, len(self._buffers) - 1, scales, axis=axis)

    def _tensor(
        self,
        shape: tuple[int, ...],
        kind: int,
        buffer: int,
        scales: list[float] | None,
        *,
        zero: int = 0,
        axis: int = 0,
    ) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer = list(shape), kind, buffer
        tensor.name = f"{len(self._tensors)}"
        if scales:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = scales
            tensor.quantization.zeroPoint = [zero] * len(scales)
            tensor.quantization.quantizedDimension = axis
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def _operator(self, kind: str, inputs: list[int], output: int, options: Any) -> int:
        operator = schema.OperatorT()
        operator.opcodeIndex = self._codes.setdefault(kind, len(self._codes))
        operator.inputs, operator.outputs = inputs, [output]
        if options is not None:
            name = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)
            operator.builtinOptions = options
        self._operators.append(operator)
        return output

    def _code(self, kind: str) -> Any:
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, kind)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = _INTEGER_VERSIONS.get(kind, 2) if self._integer else 1
        return code

"""Writes a network down as the operators of its .tflite, from shapes alone: nothing is built.

drawing = Drawing(integer=False)
image = drawing.convolution((224, 224, 3), 64, size=7, stride=2)

A tensor is its shape without the batch. What a converter fuses (activations that clip, batch
normalisation, biases) is not written, what it spells out (layer normalisation) is.
"""

import math

from tfedge.device.prediction.work import Work

Shape = tuple[int, ...]
_BIAS_BYTES = 4


class Drawing:
    """Operators in their order; methods return the shape of their output.

    Args:
        integer: int8, else float32.

    Attributes:
        works: so far.
        parameters: weights and biases so far.
        rows_in: pixels of the image that goes in; a row of words counts as one.
    """

    def __init__(self, integer: bool):
        self._integer, self._bytes = integer, 1 if integer else 4
        self.works: list[Work] = []
        self.parameters = 0
        self.rows_in = 1

    def convolution(
        self, x: Shape, filters: int, size: int = 1, stride: int = 1, groups: int = 1
    ) -> Shape:
        """CONV_2D with padding that keeps height and width at stride 1; DEPTHWISE_CONV_2D too."""
        return self.window(x, filters, (size, size), stride, groups)

    def entry(self, x: Shape) -> Shape:
        """The image that goes in."""
        self.rows_in = math.prod(x[:-1])
        return x

    def image(self, x: Shape) -> Shape:
        """The same, less its mean and over its deviation, as the published classifiers begin."""
        return self.elementwise("MUL", self.elementwise("SUB", self.entry(x)))

    def depthwise(self, x: Shape, size: int = 3, stride: int = 1) -> Shape:
        """DEPTHWISE_CONV_2D with one filter for each channel."""
        return self.convolution(x, x[-1], size, stride, groups=x[-1])

    def window(
        self, x: Shape, filters: int, size: tuple[int, int], stride: int = 1, groups: int = 1
    ) -> Shape:
        """A convolution of any window."""
        height, width, channels = x
        out = (-(-height // stride), -(-width // stride), filters)
        depth = math.prod(size) * channels // groups
        if groups == channels == filters and groups > 1:
            kind, family = "DEPTHWISE_CONV_2D", "depthwise"
        else:
            family = "pointwise" if math.prod(size) == 1 and stride == 1 else "conv"
            kind = "CONV_2D"
        work = Work(kind, family, depth=depth, window=math.prod(size), groups=groups)
        self._multiply(work, x, out)
        return out

    def upward(self, x: Shape, filters: int, size: int) -> Shape:
        """TRANSPOSE_CONV whose windows do not overlap."""
        out = (x[0] * size, x[1] * size, filters)
        self._multiply(Work("TRANSPOSE_CONV", "conv", depth=x[2]), x, out, weights=size**2)
        return out

    def dense(self, x: Shape, units: int, *, stored: bool = True) -> Shape:
        """FULLY_CONNECTED over the last axis; `stored` is off where the weights were used."""
        family = "dense" if math.prod(x[:-1]) == 1 else "pointwise"
        out = (*x[:-1], units)
        self._multiply(Work("FULLY_CONNECTED", family, depth=x[-1]), x, out, counted=stored)
        return out

    def matmul(self, x: Shape, y: Shape) -> Shape:
        """BATCH_MATMUL of two computed tensors, (..., n, k) by (..., k, m)."""
        out = (*x[:-1], y[-1])
        self._add(
            Work(
                "BATCH_MATMUL",
                "pointwise",
                macs=math.prod(out) * x[-1],
                columns=y[-1],
                depth=x[-1],
            ),
            (x, y),
            out,
        )
        return out

    def elementwise(self, kind: str, x: Shape, *others: Shape, passes: float = 1.0) -> Shape:
        """ADD, MUL, LOGISTIC ... of tensors as large as the first, or smaller."""
        work = Work(kind, "elementwise", passes=passes * math.prod(x))
        return self._add(work, (x, *others), x)

    def pool(self, x: Shape, size: int, stride: int, kind: str = "MAX_POOL_2D") -> Shape:
        """Pooling with padding."""
        out = (-(-x[0] // stride), -(-x[1] // stride), x[2])
        work = Work(kind, "elementwise", passes=float(size**2 * math.prod(out)), window=size**2)
        return self._add(work, (x,), out)

    def mean(self, x: Shape) -> Shape:
        """MEAN over height and width."""
        out = (1, 1, x[-1])
        return self._add(Work("MEAN", "elementwise", passes=float(math.prod(x))), (x,), out)

    def copied(self, kind: str, out: Shape, *sources: Shape) -> Shape:
        """CONCATENATION, TRANSPOSE, SLICE ... to `out`; of one as large where none is named."""
        return self._add(Work(kind, "copy"), sources or (out,), out)

    def normalized(self, x: Shape) -> Shape:
        """Layer normalisation as converters write it."""
        row = (*x[:-1], 1)
        self._add(Work("MEAN", "elementwise", passes=float(math.prod(x))), (x,), row)
        self.elementwise("SQUARED_DIFFERENCE", x, row)
        self._add(Work("MEAN", "elementwise", passes=float(math.prod(x))), (x,), row)
        self.elementwise("ADD", row)
        self.elementwise("RSQRT", row, passes=2.0)
        self.elementwise("SUB", x, row)
        self.elementwise("MUL", x, row)
        self.parameters += 2 * x[-1]
        return self.scaled(x)

    def scaled(self, x: Shape) -> Shape:
        """MUL and ADD of a stored row; its numbers are counted by the caller."""
        return self.elementwise("ADD", self.elementwise("MUL", x))

    def softmax(self, x: Shape) -> Shape:
        """SOFTMAX over the last axis."""
        return self.elementwise("SOFTMAX", x, passes=8.0)

    def looked_up(self, rows: int, out: Shape) -> Shape:
        """GATHER of rows of a stored table."""
        self.parameters += rows * out[-1]
        return self._add(Work("GATHER", "copy"), ((*out[:-1], 1),), out)

    def _multiply(
        self, work: Work, x: Shape, out: Shape, *, weights: int = 1, counted: bool = True
    ) -> None:
        """`weights` times as many as an output's multiply-adds are stored, with a bias each."""
        stored = work.depth * out[-1] * weights
        self.parameters += (stored + out[-1]) if counted else 0
        fields = {
            **vars(work),
            "macs": math.prod(out) * work.depth,
            "columns": out[-1],
            "weight_bytes": stored * self._bytes + _BIAS_BYTES * out[-1],
        }
        self._add(Work(**fields), (x,), out)

    def _add(self, work: Work, sources: tuple[Shape, ...], out: Shape) -> Shape:
        read, written = sum(map(math.prod, sources)), math.prod(out)
        fields = {
            **vars(work),
            "columns": work.columns if work.macs else out[-1],
            "input_elements": read,
            "output_elements": written,
            "activation_bytes": (read + written) * self._bytes,
            "integer": self._integer,
        }
        self.works.append(Work(**fields))
        return out

"""Does this file run faster on a phone's CPU, or is it only smaller? In sentences, from the file.

What XNNPACK does with few bits and with zeros: tflite/delegates/xnnpack/README.md in
google-ai-edge/LiteRT and src/subgraph.c in google/XNNPACK; its sparse kernels are those of
Elsen et al., "Fast Sparse ConvNets", arXiv 1911.09723.
"""

from collections.abc import Iterator

from tfedge.device.file import kernel_tensors, tflite

_WORTH_SAYING = 0.3  # zeros: below that a kernel is simply dense
_SPARSE_FROM = 2 / 3  # zeros that XNNPACK wants before it uses sparse kernels
_FEW_BITS = ("INT4", "INT2")


def of(file: tflite.TfliteFile) -> tuple[str, ...]:
    """What was bought with few bits and with zeros: time, or size alone; empty if with neither."""
    kernels = file.kernels()
    few = (*_few_bits(kernels), *_half(kernels), *_wide(file))
    return (*few, *_sparse(file, kernels), *_zeros(kernels))


def _few_bits(kernels: tuple[kernel_tensors.Kernel, ...]) -> Iterator[str]:
    for dtype in _FEW_BITS:
        few = [k for k in kernels if k.tensor.dtype == dtype]
        dense = [k for k in few if k.operator.kind == "FULLY_CONNECTED"]
        fast = [k for k in dense if k.tensor.shape[-1] % 2 == 0]
        if fast:
            yield (
                f"{len(fast)} of {len(few)} {dtype} kernels are of FULLY_CONNECTED, which XNNPACK "
                "runs on packed weights: smaller, and faster where reading weights is the limit."
            )
        if len(few) > len(fast):
            yield (
                f"{len(few) - len(fast)} of {len(few)} {dtype} kernels are unpacked to 8 bits "
                "before use: smaller, not faster."
            )


def _half(kernels: tuple[kernel_tensors.Kernel, ...]) -> Iterator[str]:
    half = [k for k in kernels if k.tensor.dtype == "FLOAT16"]
    if half:
        yield (
            f"{len(half)} FLOAT16 kernels are unpacked to FLOAT32 when the model is loaded: half "
            "the file, not faster on the CPU; a GPU computes in float16 anyway."
        )


def _wide(file: tflite.TfliteFile) -> Iterator[str]:
    """Operators whose results have 16 bits."""
    outputs = [file.tensors[o.outputs[0]] for o in file.operators if o.outputs]
    wide = [t for t in outputs if t.dtype == "INT16"]
    if wide:
        yield (
            f"{len(wide)} operators write 16-bit activations, which XNNPACK does not take: they "
            "run as plain loops, many times slower than on 8 bits, and slower than in float."
        )


def _sparse(file: tflite.TfliteFile, kernels: tuple[kernel_tensors.Kernel, ...]) -> Iterator[str]:
    """Kernels that are stored without their zeros."""
    stored = [k for k in kernels if k.tensor.sparse_encoding is not None]
    unpacked = {o.inputs[0] for o in file.operators if o.kind == "DENSIFY" and o.inputs}
    native = [k for k in stored if k.tensor.index not in unpacked]
    if native:
        yield (
            f"{len(native)} kernels are stored in blocks that the built-in FULLY_CONNECTED skips: "
            "smaller and faster."
        )
    densified = [k for k in stored if k.tensor.index in unpacked]
    if not densified:
        return
    what = f"{len(densified)} kernels are stored sparse and unpacked by DENSIFY"
    if any(k.tensor.dtype not in ("FLOAT32", "FLOAT16") for k in densified):
        yield f"{what}; XNNPACK refuses integer ones: this file may not load with it."
    elif _suits_sparse_kernels(file, densified):
        yield (
            f"{what}; its float 1x1 convolutions with more than two thirds of zeros may run on "
            "XNNPACK's sparse kernels on ARM: smaller, and perhaps faster there. Not seen here."
        )
    else:
        yield f"{what}: smaller, not faster."


def _suits_sparse_kernels(file: tflite.TfliteFile, stored: list[kernel_tensors.Kernel]) -> bool:
    """The first convolution 3x3 with stride 2 on three channels, then 1x1 ones full of zeros."""
    convolutions = [o for o in file.operators if o.kind == "CONV_2D"]
    pointwise = [k for k in stored if k.tensor.shape[1:3] == (1, 1)]
    if not convolutions or not pointwise:
        return False
    first = convolutions[0]
    kernel = file.tensors[first.inputs[1]]
    strides = (first.options.get("strideH"), first.options.get("strideW"))
    zeros = sum(k.tensor.sparsity * k.tensor.values().size for k in pointwise)
    size = sum(k.tensor.values().size for k in pointwise)
    return kernel.shape[1:] == (3, 3, 3) and strides == (2, 2) and zeros > _SPARSE_FROM * size


def _zeros(kernels: tuple[kernel_tensors.Kernel, ...]) -> Iterator[str]:
    """Zeros that are stored like any other number."""
    dense = [k.tensor for k in kernels if k.tensor.sparse_encoding is None]
    sizes = [tensor.values().size for tensor in dense]
    zeros = sum(t.sparsity * size for t, size in zip(dense, sizes, strict=True))
    share = zeros / max(1, sum(sizes))
    if share >= _WORTH_SAYING:
        yield (
            f"{share:.0%} of the weights are zeros in dense kernels: the download shrinks, the "
            "time does not. Channels that are gone altogether save time."
        )

"""Runs a .tflite the way an app does, by the names in its signature."""

import numpy as np
from ai_edge_litert import interpreter as litert

from tfedge.export.tree import flatbuffer

LAYERS = ("stem", "depthwise", "pointwise", "head")  # with a kernel, in the model of conftest
WITH_XNNPACK = litert.OpResolverType.AUTO
WITHOUT_XNNPACK = litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES


def edited(data, edit, *arguments):
    """A file after an edit of its tree."""
    tree = flatbuffer.unpack(data)
    edit(tree, *arguments)
    return flatbuffer.pack(tree)


def run(data, inputs, resolver=WITH_XNNPACK):
    """Outputs by name for inputs by name."""
    interpreter = litert.Interpreter(model_content=data, experimental_op_resolver_type=resolver)
    return interpreter.get_signature_runner("serving_default")(**inputs)


def images(data, x, resolver=WITH_XNNPACK):
    """(n, ...) real outputs of a file with one image input and one output, one image at a time."""
    interpreter = litert.Interpreter(model_content=data, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    given, wanted = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    outputs = []
    for image in x:
        interpreter.set_tensor(given["index"], coded(image[None], given))
        interpreter.invoke()
        outputs.append(real(interpreter.get_tensor(wanted["index"])[0], wanted))
    return np.array(outputs)


def coded(values, detail):
    """Real values as a tensor's codes; codes and plain floats as they are."""
    scale, zero_point = detail["quantization"]
    if detail["dtype"] == np.float32 or values.dtype == detail["dtype"]:
        return values.astype(detail["dtype"])
    limits = np.iinfo(detail["dtype"])
    codes = np.round(values / scale) + zero_point
    return np.clip(codes, limits.min, limits.max).astype(detail["dtype"])


def real(codes, detail):
    """What a tensor's codes stand for."""
    scale, zero_point = detail["quantization"]
    return (codes.astype(np.float32) - zero_point) * (scale or 1.0)

"""The AI Edge Quantizer, post-training, with its own named recipes."""

import importlib.util
import pathlib
import tempfile
from collections.abc import Callable

from tfedge_tools.benchmarks.peers import by_hand
from tfedge_tools.benchmarks.peers import setup as setup_lib

NAMES = ("aeq_static_int8", "aeq_dynamic_int8")


def find(name: str) -> Callable[[setup_lib.Setup], bytes] | None:
    """The peer of this name, None for other names."""
    return {"aeq_static_int8": _static, "aeq_dynamic_int8": _dynamic}.get(name)


def is_installed() -> bool:
    """Whether ai-edge-quantizer, an optional extra, is there."""
    return importlib.util.find_spec("ai_edge_quantizer") is not None


def _static(setup: setup_lib.Setup) -> bytes:
    from ai_edge_quantizer import recipe

    return _quantize(setup, recipe.static_wi8_ai8())


def _dynamic(setup: setup_lib.Setup) -> bytes:
    from ai_edge_quantizer import recipe

    return _quantize(setup, recipe.dynamic_wi8_afp32())


def _quantize(setup: setup_lib.Setup, recipe: list) -> bytes:
    from ai_edge_litert import interpreter
    from ai_edge_quantizer import quantizer

    content = by_hand.float32(setup)
    (signature, names), *_ = (
        interpreter.Interpreter(model_content=content).get_signature_list().items()
    )
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "float32.tflite")
        path.write_bytes(content)
        work = quantizer.Quantizer(str(path), recipe)
        examples = [{names["inputs"][0]: x[None]} for x in setup.calibration_inputs]
        ranges = work.calibrate({signature: examples}) if work.need_calibration else None
        return bytes(work.quantize(ranges).quantized_model)

"""An ONNX model asked by onnxruntime."""

from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

from tfedge.targets.target import Arrays

if TYPE_CHECKING:
    import onnx

_BATCH = 64
_ERRORS_ONLY = 3


class Session:
    """A model that is ready to answer.

    Args:
        model: whose inputs and outputs have a batch axis first.
        batch: examples at a time.
    """

    def __init__(self, model: "onnx.ModelProto", batch: int = _BATCH) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._batch = batch

    def answer(self, inputs: Arrays) -> dict[str, np.ndarray]:
        """Inputs by name, (n, ...), to outputs by name, (n, ...)."""
        names = [each.name for each in self._session.get_outputs()]
        taken = [each.name for each in self._session.get_inputs()]
        count = len(next(iter(inputs.values())))
        parts = [
            self._session.run(
                names, {name: inputs[name][start : start + self._batch] for name in taken}
            )
            for start in range(0, count, self._batch)
        ]
        return {
            name: np.concatenate(found)
            for name, found in zip(names, zip(*parts, strict=True), strict=True)
        }

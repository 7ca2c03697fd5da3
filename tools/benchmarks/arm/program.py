"""Runs a .tflite over prepared examples; the same program here and on an emulated core.

    python program.py model.tflite inputs.npz outputs.npz

Standard library, numpy and LiteRT only: there is nothing else on the emulated machine. inputs.npz
has an array (n, 1, ...) for each input by the number of its tensor, as the tensor takes them;
outputs.npz gets the same of the outputs, as they come, and `ms`, the time of each inference.
"""

import sys
import time
from typing import Any

import numpy as np
from ai_edge_litert import interpreter as litert


def main(model: str, inputs: str, outputs: str) -> None:
    """Runs every example."""
    examples = {int(name): array for name, array in np.load(inputs, allow_pickle=False).items()}
    interpreter = litert.Interpreter(model_path=model, num_threads=1)
    interpreter.allocate_tensors()
    wanted = [detail["index"] for detail in interpreter.get_output_details()]
    found: dict[int, list[np.ndarray]] = {index: [] for index in wanted}
    ms = []
    for number in range(len(next(iter(examples.values())))):
        for index, array in examples.items():
            interpreter.set_tensor(index, array[number])
        interpreter.reset_all_variables()  # a fused LSTM's, which begins anew
        started = time.perf_counter()
        interpreter.invoke()
        ms.append(1e3 * (time.perf_counter() - started))
        for index in wanted:
            found[index].append(interpreter.get_tensor(index))
    stacked: dict[str, Any] = {str(index): np.stack(rows) for index, rows in found.items()}
    np.savez(outputs, ms=ms, **stacked)


if __name__ == "__main__":
    main(*sys.argv[1:])

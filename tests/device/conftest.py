"""The small .tflite files kept in tests/device/files, and a task that fits them."""

import pathlib
from collections.abc import Callable

import numpy as np
import pytest

from tfedge.data.task import ArraySplit, Normalization, Task

FILES = pathlib.Path(__file__).parent / "files"
CLASSES = ("a", "b", "c", "d")


@pytest.fixture(scope="session")
def stored() -> Callable[[str], bytes]:
    """The bytes of a kept file, by name."""
    return lambda name: (FILES / f"{name}.tflite").read_bytes()


@pytest.fixture(scope="session")
def edited() -> Callable[[bytes, Callable], bytes]:
    """A file with its tables changed by a function of the schema's ModelT."""
    from ai_edge_litert.tools import flatbuffer_utils

    def edit(content: bytes, change: Callable) -> bytes:
        model = flatbuffer_utils.convert_bytearray_to_object(content)
        change(model)
        return bytes(flatbuffer_utils.convert_object_to_bytearray(model))

    return edit


@pytest.fixture(scope="session")
def task_of() -> Callable[..., Task]:
    """(x, y, **fields) -> a task whose splits are all the same."""

    def make(x, y, **fields) -> Task:
        split = ArraySplit(x, y)
        given = {"name": "tiny", "kind": "classification", **fields}
        return Task(train=split, calibration=split, validation=split, holdout=split, **given)

    return make


@pytest.fixture(scope="session")
def image_task(stored, task_of) -> Task:
    """200 images of 0..16, labelled as the kept float network answers them."""
    x = np.random.default_rng(0).integers(0, 17, (200, 8, 8, 1)).astype(np.uint8)
    answers = answer(stored("image_float"), x.astype(np.float32) / 16)
    return task_of(x, answers.argmax(1), labels=CLASSES, normalization=Normalization(1 / 16))


def answer(content: bytes, examples: np.ndarray) -> np.ndarray:
    """The outputs of a trusted file, one input and one output, by the barest loop."""
    from ai_edge_litert import interpreter as litert

    interpreter = litert.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    fed = interpreter.get_input_details()[0]["index"]
    read = interpreter.get_output_details()[0]["index"]
    found = []
    for example in examples:
        interpreter.set_tensor(fed, example[np.newaxis])
        interpreter.invoke()
        found.append(interpreter.get_tensor(read)[0])
    return np.array(found)

"""The small .tflite files kept in tests/device/files, and a task that fits them."""

import pathlib
from collections.abc import Callable

import bare_loop
import numpy as np
import pytest

from tfedge.data.task import ArraySplit, Normalization, Task
from tfedge.device import sandbox

FILES = pathlib.Path(__file__).parent / "files"
CLASSES = ("a", "b", "c", "d")


@pytest.fixture(autouse=True)
def _children_as_users_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "starter", sandbox.spawn)


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
    answers = bare_loop.answer(stored("image_float"), x.astype(np.float32) / 16)
    return task_of(x, answers.argmax(1), labels=CLASSES, normalization=Normalization(1 / 16))

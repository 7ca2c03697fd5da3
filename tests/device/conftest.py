"""The small .tflite files kept in tests/device/files."""

import pathlib
from collections.abc import Callable

import pytest

FILES = pathlib.Path(__file__).parent / "files"


@pytest.fixture
def stored() -> Callable[[str], bytes]:
    """The bytes of a kept file, by name."""
    return lambda name: (FILES / f"{name}.tflite").read_bytes()


@pytest.fixture
def edited() -> Callable[[bytes, Callable], bytes]:
    """A file with its tables changed by a function of the schema's ModelT."""
    from ai_edge_litert.tools import flatbuffer_utils

    def edit(content: bytes, change: Callable) -> bytes:
        model = flatbuffer_utils.convert_bytearray_to_object(content)
        change(model)
        return bytes(flatbuffer_utils.convert_object_to_bytearray(model))

    return edit

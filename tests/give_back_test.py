"""What is left over is freed behind large work, and small work costs nothing."""

import gc
import os
import weakref

import pytest

from tfedge import memory


class _Circle:
    def __init__(self):
        self.itself = self


@pytest.mark.parametrize(("size", "is_freed"), [(1 << 24, True), ((1 << 24) - 1, False)])
def test_circles_are_freed_behind_large_work_alone(size, is_freed):
    gc.collect()
    gc.disable()
    try:
        left = weakref.ref(_Circle())
        memory.give_back(size)
        assert (left() is None) is is_freed
    finally:
        gc.enable()
    gc.collect()


@pytest.mark.parametrize(("size", "given_back"), [(1 << 26, "1"), ((1 << 26) - 1, None)])
def test_memory_that_is_given_back_is_for_large_files(monkeypatch, size, given_back):
    name = "TF_ONEDNN_USE_SYSTEM_ALLOCATOR"
    monkeypatch.setenv(name, "")
    monkeypatch.delenv(name)
    memory.expect(size)
    assert os.environ.get(name) == given_back
    monkeypatch.setenv(name, "0")
    memory.expect(size)
    assert os.environ[name] == "0"

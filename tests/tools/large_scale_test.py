"""Memory of several processes, read while some of them begin."""

import os
import subprocess
import sys

from tfedge_tools.benchmarks import scale


def test_what_began_meanwhile_is_not_counted_twice(monkeypatch):
    trees = iter([[1], [1, 2], [1, 2], [1, 2]])
    monkeypatch.setattr(scale, "_tree", lambda pid: next(trees))
    sizes = iter([100, 60, 60])
    monkeypatch.setattr(scale, "_process_bytes", lambda pid: next(sizes))
    assert scale._tree_bytes(1) == 120


def test_a_child_is_found_and_a_process_has_bytes():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert child.pid in scale._tree(os.getpid())
        assert scale._tree_bytes(os.getpid()) > 1 << 20
    finally:
        child.communicate(b"\n")
    assert scale._process_bytes(child.pid) == 0

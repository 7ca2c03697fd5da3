"""What a confined child cannot do; it says so itself."""

import json
import pathlib
import sys

import pytest

from tfedge.device import sandbox
from tfedge.device.sandbox import confinement

LIMITS = sandbox.Limits(memory_bytes=64 * 2**20, seconds=30, stall_seconds=30)


@pytest.mark.skipif(sys.platform != "linux", reason="these limits are Linux's")
def test_a_confined_child_reaches_no_network_and_writes_nowhere_else(tmp_path):
    place, outside = tmp_path / "place", tmp_path / "outside"
    place.mkdir()
    outside.mkdir()
    outcome = sandbox.run("child_programs:try_everything", place, LIMITS, [str(outside).encode()])
    assert outcome.failure is None
    seen = json.loads((place / "tried.json").read_text())
    if not seen["open"]["writing"]:
        assert seen["outside"] == seen["by its child"] == seen["removing"] == "PermissionError"
        assert (outside / "kept").read_text() == "mine" and len(list(outside.iterdir())) == 1
    if not seen["open"]["network"]:
        assert seen["network"] == "OSError"
    assert seen["inside"] == seen["moving"] == seen["devnull"] == seen["reading"] == ""


def test_a_system_without_these_limits_is_told(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert confinement.enter([pathlib.Path("/tmp")]) == {
        "network": "darwin has no such limit",
        "writing": "darwin has no such limit",
    }

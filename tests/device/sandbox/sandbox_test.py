import json
import os
import sys
import time
import types

import numpy as np
import pytest

from tfedge.device import sandbox

LIMITS = sandbox.Limits(memory_bytes=64 * 2**20, seconds=30, stall_seconds=30)


def _run(program, folder, limits=LIMITS, chunks=()):
    return sandbox.run(f"child_programs:{program}", folder, limits, chunks)


def test_a_child_is_fed_and_leaves_its_result(tmp_path):
    pieces = (np.full(1000, number, np.int64).data for number in range(100))
    outcome = _run("add_up", tmp_path, chunks=pieces)
    assert outcome.failure is None
    assert json.loads((tmp_path / "sum.json").read_text()) == {"sum": 1000 * 4950}


def test_limits_are_named(tmp_path):
    outcome = _run("add_up", tmp_path)
    assert outcome.in_force["memory_bytes"] == 64 * 2**20
    assert outcome.in_force["core_dump_bytes"] == 0
    assert {"seconds", "stall_seconds", "cpu_seconds", "own_session"} <= set(outcome.in_force)
    if sys.platform == "linux":
        assert len(outcome.in_force["cores"]) == 1
        assert outcome.in_force["address_space_bytes"] > 64 * 2**20
        assert set(outcome.unenforced) <= {"cgroup_memory", "cgroup_cpu"}
        for controller in ("cgroup_memory", "cgroup_cpu"):
            assert (controller in outcome.in_force) != (controller in outcome.unenforced)
    else:
        assert {"cores", "address_space_bytes"} <= set(outcome.unenforced)


def test_secrets_stay_outside(tmp_path, monkeypatch):
    monkeypatch.setenv("API_TOKEN", "secret")
    _run("see", tmp_path)
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert "API_TOKEN" not in seen["environment"]
    assert seen["session"] != os.getsid(0)


@pytest.mark.parametrize(
    ("program", "kind", "detail"),
    [
        ("crash", "signal", "SIGSEGV after 2 inferences"),
        ("abort_without_memory", "memory", "bad_alloc"),
        ("raise_an_error", "error", "RuntimeError: failed to prepare"),
        ("no_such_program", "error", "AttributeError"),
        ("grow_at_once", "memory", "allocation failed"),
        ("write_a_lot", "error", "File too large"),
    ],
)
def test_what_goes_wrong_has_a_kind(tmp_path, program, kind, detail):
    limits = sandbox.Limits(memory_bytes=64 * 2**20, seconds=30, output_bytes=2**20)
    failure = _run(program, tmp_path, limits).failure
    assert failure.kind == kind
    assert detail in failure.detail


def test_growing_memory_ends_the_child(tmp_path):
    failure = _run("grow", tmp_path).failure
    assert failure.kind == "memory"
    assert "67,108,864 are allowed" in failure.detail


def test_a_hang_ends_early(tmp_path):
    started = time.monotonic()
    limits = sandbox.Limits(64 * 2**20, seconds=30, stall_seconds=0.5)
    failure = _run("hang_in_the_model", tmp_path, limits).failure
    assert (failure.kind, time.monotonic() - started < 10) == ("timeout", True)
    assert "no progress for 0.5 s" in failure.detail


def test_waiting_for_data_is_no_hang(tmp_path):
    limits = sandbox.Limits(64 * 2**20, seconds=30, stall_seconds=0.3)
    assert _run("wait_for_data", tmp_path, limits).failure is None


def test_the_whole_run_has_a_limit(tmp_path):
    failure = _run("burn", tmp_path, sandbox.Limits(64 * 2**20, seconds=1.5)).failure
    assert failure.kind == "timeout"
    assert "not done after 1.5 s" in failure.detail


def test_an_error_while_feeding_is_the_callers_and_ends_the_child(tmp_path, monkeypatch):
    started = []

    def start(*arguments):
        started.append(sandbox.spawn(*arguments))
        return started[-1]

    monkeypatch.setattr(sandbox, "starter", start)

    def broken():
        yield b"12345678"
        raise KeyError("a broken image")

    with pytest.raises(KeyError, match="a broken image"):
        _run("add_up", tmp_path, chunks=broken())
    with pytest.raises(ProcessLookupError):
        os.kill(started[0].pid, 0)


def test_a_child_that_ends_early_does_not_block_the_feeding(tmp_path):
    pieces = (bytes(2**20) for _ in range(20))
    assert _run("crash", tmp_path, chunks=pieces).failure.kind == "signal"


@pytest.mark.parametrize(
    ("baseline", "steps", "words"),
    [
        (0, 0, "before the model was loaded"),
        (0, 5, "before the model was loaded"),
        (9, 0, "while the model was loaded"),
        (9, 1, "after 0 inferences"),
        (9, 1235, "after 1,234 inferences"),
    ],
)
def test_how_far_it_had_come(baseline, steps, words):
    progress = types.SimpleNamespace(baseline_bytes=baseline, steps=steps)
    assert sandbox._position(progress) == words


def test_of_long_messages_both_ends_are_kept():
    assert sandbox._shortened("a" * 300) == "a" * 300
    assert sandbox._shortened("a" * 150 + "-" + "b" * 150) == "a" * 150 + " ... " + "b" * 150


def test_the_last_message_is_no_log_line(tmp_path):
    said = tmp_path / "messages"
    said.write_text("first\n  it broke  \nINFO: Created delegate\nW0000 00:00\n\n")
    assert sandbox._last_message(said) == "it broke"
    said.write_text("INFO: nothing else\n")
    assert sandbox._last_message(said) == ""

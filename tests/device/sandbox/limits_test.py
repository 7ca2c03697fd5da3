"""What cannot be limited on a system is said, never an error. macOS is played on any system."""

import ctypes
import os
import sys
import types

import psutil  # noqa: F401  (before the platform is played)
import pytest

from tfedge.device.sandbox import cgroups, limits, memory

LIMITS = limits.Limits(2**26, threads=2)


@pytest.fixture
def mac(monkeypatch, tmp_path):
    """No /proc, no pinning, no control groups, no prctl; nothing of this process is limited."""
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(memory, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(cgroups, "_PROC", tmp_path / "proc")
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    monkeypatch.delattr(os, "getxattr", raising=False)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: types.SimpleNamespace())
    set_limits = {}
    monkeypatch.setattr(limits.resource, "setrlimit", set_limits.__setitem__)
    return set_limits


def test_macos_is_limited_as_far_as_it_goes(mac):
    enforced = limits.enforce(LIMITS)
    limits.enforce_address_space(LIMITS, enforced)
    in_force, refused = cgroups.make().join(2**26, 2)
    assert {"cpu_seconds", "output_file_bytes", "core_dump_bytes"} <= set(enforced.in_force)
    assert limits.resource.RLIMIT_CPU in mac
    assert set(enforced.unenforced) == {"cores", "ends_with_parent", "address_space_bytes"}
    assert all("darwin" in reason for reason in enforced.unenforced.values())
    assert in_force == {}
    assert refused["cgroup_memory"] == "this system has no control groups"
    assert enforced.in_force["threads"] >= 1


def test_memory_without_proc(mac):
    assert memory.resident_bytes() > 2**20
    assert memory.resident_bytes(2**22 + 1) == 0
    assert memory.address_space_bytes() is None
    memory.reset_peak()
    assert memory.peak_bytes() > 10_000  # macOS counts bytes, this host perhaps kilobytes


def test_a_limit_the_system_refuses_is_named(monkeypatch):
    def refuse(which, value):
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(limits.resource, "setrlimit", refuse)
    monkeypatch.setattr(os, "sched_setaffinity", lambda who, cores: None, raising=False)
    monkeypatch.setattr(limits, "_die_with_parent", lambda enforced: None)
    enforced = limits.enforce(LIMITS)
    assert enforced.unenforced["cpu_seconds"] == "not allowed to raise maximum limit"

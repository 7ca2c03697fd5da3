"""Control groups on a made-up tree of files, and on this host where it has some."""

import os

import pytest

from tfedge.device.sandbox import cgroups


def _with_its_files(rmdir):
    """The kernel removes a group with the files that stand for its settings."""

    def remove(directory):
        for file in os.scandir(directory):
            os.unlink(file)
        rmdir(directory)

    return remove


@pytest.fixture
def host(tmp_path, monkeypatch):
    """host(version, path, controllers) -> the mount point of a hierarchy that is only files."""
    monkeypatch.setattr(os, "rmdir", _with_its_files(os.rmdir))
    monkeypatch.delenv("TFEDGE_CGROUP", raising=False)

    def make(version, path="/", controllers="memory,cpu"):
        mount, proc = tmp_path / f"cgroup{version}", tmp_path / "proc"
        (mount / path.lstrip("/")).mkdir(parents=True)
        (proc / "self").mkdir(parents=True)
        names = controllers if version == 1 else ""
        (proc / "self" / "cgroup").write_text(f"4:{names}:{path}\n")
        kind = "cgroup2 none rw" if version == 2 else f"cgroup none rw,{controllers}"
        (proc / "self" / "mountinfo").write_text(f"30 24 0:26 / {mount} rw shared:4 - {kind}\n")
        if version == 2:
            (mount / "cgroup.controllers").write_text(controllers.replace(",", " "))
        monkeypatch.setattr(cgroups, "_PROC", proc)
        return mount

    return make


def _files(groups, controller):
    folder = groups.directories[controller]
    return {name: open(os.path.join(folder, name)).read() for name in os.listdir(folder)}


def test_version_2_holds_memory_and_time(host):
    mount = host(2)
    groups = cgroups.make()
    in_force, refused = groups.join(64 * 2**20, threads=2)
    assert refused == {}
    assert in_force["cgroup_memory"] == {"version": 2, "limit": 64 * 2**20}
    files = _files(groups, "memory")
    assert files["memory.max"] == str(80 * 2**20)
    assert files["cpu.max"] == "200000 100000"
    assert files["cgroup.procs"] == str(os.getpid())
    assert (mount / "cgroup.subtree_control").read_text() == "+cpu"  # the last one asked for
    groups.allow(96 * 2**20)
    assert _files(groups, "memory")["memory.max"] == str(112 * 2**20)
    groups.remove()
    assert not list(mount.glob("tfedge-*"))


def test_version_1_where_there_is_no_2(host):
    host(1)
    groups = cgroups.make()
    in_force, refused = groups.join(2**20, threads=1)
    assert refused == {} and in_force["cgroup_cpu"] == {"version": 1, "limit": 1}
    assert _files(groups, "memory")["memory.limit_in_bytes"] == str(17 * 2**20)
    assert _files(groups, "cpu")["cpu.cfs_quota_us"] == "100000"


@pytest.mark.parametrize("version", [1, 2])
def test_the_kernel_says_when_memory_ran_out(host, version):
    host(version)
    groups = cgroups.make()
    assert not groups.ran_out_of_memory()
    name = {1: "memory.oom_control", 2: "memory.events"}[version]
    with open(os.path.join(groups.directories["memory"], name), "w") as file:
        file.write("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n")
    assert groups.ran_out_of_memory()


def test_groups_of_others_are_left_alone(host, monkeypatch):
    mount = host(1, "/manager/job")
    monkeypatch.setattr(os, "getuid", lambda: 0)
    groups = cgroups.make()
    assert groups.directories == {}
    assert groups.refused["memory"] == "version 1: /manager/job is another's group"
    assert groups.join(1, 1) == ({}, {f"cgroup_{c}": groups.refused[c] for c in ("memory", "cpu")})
    assert list((mount / "manager" / "job").iterdir()) == []
    monkeypatch.setenv("TFEDGE_CGROUP", "/manager/job")
    assert set(cgroups.make().directories) == {"memory", "cpu"}


def test_what_the_user_owns_may_be_used(host, monkeypatch):
    host(1, "/user/me")
    owner = os.stat(os.getcwd()).st_uid or 1000
    monkeypatch.setattr(os, "getuid", lambda: owner)
    monkeypatch.setattr(cgroups, "_owned", lambda directory: directory.name == "me")
    assert set(cgroups.make().directories) == {"memory", "cpu"}


def test_reasons_instead_of_errors(host, tmp_path, monkeypatch):
    host(2, controllers="pids")
    assert cgroups.make().refused["memory"] == "the controller memory is not mounted"
    monkeypatch.setattr(cgroups, "_PROC", tmp_path / "none")
    assert "no control groups" in cgroups.make().refused["cpu"]


def test_leftovers_of_a_killed_run_are_swept(host):
    mount = host(1)
    (mount / "tfedge-999999999-0").mkdir()
    (mount / f"tfedge-{os.getpid()}-0").mkdir()
    (cgroups._PROC / str(os.getpid())).mkdir()
    cgroups.make()
    assert not (mount / "tfedge-999999999-0").exists()
    assert (mount / f"tfedge-{os.getpid()}-0").exists()

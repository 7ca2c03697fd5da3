"""Control groups of Linux around a child, where this user may make them: version 2, then 1.

The kernel then holds the memory and processor time of the child, not only our watcher. A group is
made inside the one this process is in if that is the root of its hierarchy or was handed over to
the user (systemd's Delegate=yes), because every group has one manager and others should keep out;
`TFEDGE_CGROUP=/path` names a group that was handed over in another way. Everything that stands in
the way is a reason, never an error. See cgroups(7) and the kernel's cgroup-v2 and cgroup-v1 texts.
"""

import dataclasses
import itertools
import os
import pathlib
import re
import time
from collections.abc import Iterator

_PROC = pathlib.Path("/proc")
_GIVEN = "TFEDGE_CGROUP"
_CONTROLLERS = ("memory", "cpu")
_MARKS = ("user.delegate", "trusted.delegate")
_PERIOD_US = 100_000
_SLACK_BYTES = 16 * 2**20  # page tables and the like, which are counted too
_REMOVE_TRIES, _REMOVE_SECONDS = 20, 0.01
_numbers = itertools.count()


@dataclasses.dataclass(frozen=True)
class Place:
    """Where groups may be made for a controller: a directory, of which version."""

    directory: pathlib.Path
    version: int


@dataclasses.dataclass(frozen=True)
class Groups:
    """A group for each controller that could be had.

    Attributes:
        directories: by controller, "memory" and "cpu"; one and the same in version 2.
        versions: by controller.
        refused: by controller, why there is none.
    """

    directories: dict[str, str] = dataclasses.field(default_factory=dict)
    versions: dict[str, int] = dataclasses.field(default_factory=dict)
    refused: dict[str, str] = dataclasses.field(default_factory=dict)

    def join(self, memory_bytes: int, threads: int) -> tuple[dict[str, object], dict[str, str]]:
        """Sets the limits and moves this process in; (in force, refused with reason).

        What a process held before it joined is not counted, so the limit is on growth.
        """
        in_force: dict[str, object] = {}
        refused = {f"cgroup_{c}": reason for c, reason in self.refused.items()}
        settings = {"memory": self._memory(memory_bytes), "cpu": self._cpu(threads)}
        for controller, directory in self.directories.items():
            try:
                for file, text in settings[controller]:
                    _write(pathlib.Path(directory) / file, text)
                _write(pathlib.Path(directory) / "cgroup.procs", str(os.getpid()))
                value = memory_bytes if controller == "memory" else threads
                version = self.versions[controller]
                in_force[f"cgroup_{controller}"] = {"version": version, "limit": value}
            except OSError as e:
                refused[f"cgroup_{controller}"] = _said(e)
        return in_force, refused

    def allow(self, memory_bytes: int) -> None:
        """Moves the limit of memory, from inside the child."""
        for file, text in self._memory(memory_bytes):
            try:
                _write(pathlib.Path(self.directories["memory"]) / file, text)
            except (KeyError, OSError):
                return  # there is no group, or it stays as it was

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel ended a process in the group because of its limit."""
        if "memory" not in self.directories:
            return False
        name = "memory.events" if self.versions["memory"] == 2 else "memory.oom_control"
        try:
            said = (pathlib.Path(self.directories["memory"]) / name).read_text()
        except OSError:
            return False
        return any(re.fullmatch(r"oom_kill [1-9]\d*", line) for line in said.splitlines())

    def remove(self) -> None:
        """Takes the groups away; a group of a process that is just ending takes a moment."""
        for directory in {*self.directories.values()}:
            for _ in range(_REMOVE_TRIES):
                try:
                    os.rmdir(directory)
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(_REMOVE_SECONDS)

    def _memory(self, memory_bytes: int) -> list[tuple[str, str]]:
        limit = str(memory_bytes + _SLACK_BYTES)
        newer = self.versions.get("memory") == 2
        return [("memory.max" if newer else "memory.limit_in_bytes", limit)]

    def _cpu(self, threads: int) -> list[tuple[str, str]]:
        quota = threads * _PERIOD_US
        if self.versions.get("cpu") == 2:
            return [("cpu.max", f"{quota} {_PERIOD_US}")]
        return [("cpu.cfs_period_us", str(_PERIOD_US)), ("cpu.cfs_quota_us", str(quota))]


def make() -> Groups:
    """Groups for one child, without limits yet; the caller removes them."""
    groups = Groups()
    name = f"tfedge-{os.getpid()}-{next(_numbers)}"
    for controller in _CONTROLLERS:
        found = _place(controller)
        if isinstance(found, str):
            groups.refused[controller] = found
            continue
        try:
            _sweep(found.directory)
            (found.directory / name).mkdir(exist_ok=True)
            groups.directories[controller] = str(found.directory / name)
            groups.versions[controller] = found.version
        except OSError as e:
            groups.refused[controller] = _said(e)
    return groups


def _place(controller: str) -> Place | str:
    """Where groups with this controller may be made, or why not."""
    if not (_PROC / "self" / "cgroup").exists():
        return "this system has no control groups"
    reasons = []
    for version, path, mount in _memberships(controller):
        given = os.environ.get(_GIVEN)
        directory = mount / (given or path).lstrip("/")
        reason = "" if given or path == "/" or _is_ours(directory) else f"{path} is another's group"
        reason = reason or (_enable(directory, controller) if version == 2 else "")
        if not reason and not os.access(directory, os.W_OK):
            reason = f"{directory} may not be written to"
        if not reason:
            return Place(directory, version)
        reasons.append(f"version {version}: {reason}")
    return "; ".join(reasons) or f"the controller {controller} is not mounted"


def _memberships(controller: str) -> Iterator[tuple[int, str, pathlib.Path]]:
    """(version, path of this process's group, mount point), version 2 first."""
    lines = (_PROC / "self" / "cgroup").read_text().splitlines()
    paths = {names: path for _, names, path in (line.split(":", 2) for line in lines)}
    for version, mount, options in sorted(_mounts(), reverse=True, key=lambda each: each[0]):
        if version == 2 and "" in paths and controller in _words(mount / "cgroup.controllers"):
            yield 2, paths[""], mount
        for names, path in paths.items():
            if version == 1 and controller in names.split(",") and controller in options:
                yield 1, path, mount


def _mounts() -> Iterator[tuple[int, pathlib.Path, list[str]]]:
    """(version, mount point, controllers) of each mounted hierarchy; see proc_pid_mountinfo(5)."""
    for line in (_PROC / "self" / "mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        if kind in ("cgroup", "cgroup2"):
            yield 2 if kind == "cgroup2" else 1, pathlib.Path(left.split()[4]), options.split(",")


def _is_ours(directory: pathlib.Path) -> bool:
    """Whether it was handed over: it belongs to an ordinary user, or systemd has marked it."""
    return _owned(directory) or any(_marked(directory, mark) for mark in _MARKS)


def _owned(directory: pathlib.Path) -> bool:
    try:
        return bool(os.getuid()) and directory.stat().st_uid == os.getuid()
    except OSError:
        return False


def _marked(directory: pathlib.Path, mark: str) -> bool:
    try:
        return os.getxattr(directory, mark) == b"1"
    except (OSError, AttributeError):  # no such mark; no marks on this system
        return False


def _enable(directory: pathlib.Path, controller: str) -> str:
    """Lets groups in `directory` have the controller; why not, or "" when they do."""
    switch = directory / "cgroup.subtree_control"
    if controller in _words(switch):
        return ""
    try:
        _write(switch, f"+{controller}")
    except OSError as e:
        return f"{controller} cannot be handed down: {_said(e)}"
    return ""


def _sweep(directory: pathlib.Path) -> None:
    """Removes what a killed run of ours has left."""
    for left in directory.glob("tfedge-*-*"):
        owner = left.name.split("-")[1]
        if owner.isdigit() and not (_PROC / owner).exists():
            try:
                os.rmdir(left)
            except OSError:
                continue  # still in use, or another user's


def _words(path: pathlib.Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []


def _write(path: pathlib.Path, text: str) -> None:
    with path.open("w") as file:
        file.write(text)


def _said(error: OSError) -> str:
    return (error.strerror or str(error)).lower()

"""Limits that a child process puts on itself before it touches a model.

They keep a broken model from taking the machine along. They are no wall against hostile code,
which needs a container or a virtual machine around the whole of tfedge.
"""

import ctypes
import dataclasses
import os
import resource
import signal
import sys

from tfedge.device.sandbox import memory

_HEADROOM_BYTES = 2**30  # threads' stacks and allocator arenas reserve, and do not use
_GRACE_SECONDS = 5
_PR_SET_PDEATHSIG = 1  # prctl(2)


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a child may use.

    Attributes:
        memory_bytes: resident memory above what it held before the model was loaded.
        threads: of the interpreter; it is pinned to as many cores.
        seconds: from its start to its end.
        stall_seconds: the longest that loading or one inference may take.
        output_bytes: the largest file it may write.
    """

    memory_bytes: int
    threads: int = 1
    seconds: float = 3600.0
    stall_seconds: float = 60.0
    output_bytes: int = 2**30


@dataclasses.dataclass
class Enforced:
    """Which limits hold, with their values, and which do not, with the reason."""

    in_force: dict[str, object] = dataclasses.field(default_factory=dict)
    unenforced: dict[str, str] = dataclasses.field(default_factory=dict)


def enforce(limits: Limits) -> Enforced:
    """Everything that can be set at the start: time, files, cores, dying with the parent.

    Memory and processor time that the kernel holds are `cgroups`' matter.
    """
    enforced = Enforced({"threads": min(limits.threads, usable_cores())})
    cpu_seconds = int(limits.seconds * limits.threads) + _GRACE_SECONDS
    _limit(enforced, "cpu_seconds", resource.RLIMIT_CPU, cpu_seconds)
    _limit(enforced, "output_file_bytes", resource.RLIMIT_FSIZE, limits.output_bytes)
    _limit(enforced, "core_dump_bytes", resource.RLIMIT_CORE, 0)
    _pin(enforced, limits.threads)
    _die_with_parent(enforced)
    return enforced


def enforce_address_space(limits: Limits, enforced: Enforced) -> None:
    """A backstop against one huge allocation; the parent watches the memory really held."""
    mapped = memory.address_space_bytes()
    if mapped is None or sys.platform == "darwin":
        enforced.unenforced["address_space_bytes"] = f"{sys.platform} does not enforce it"
        return
    most = mapped + limits.memory_bytes + _HEADROOM_BYTES
    _limit(enforced, "address_space_bytes", resource.RLIMIT_AS, most)


def usable_cores() -> int:
    """Cores this process may run on."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _limit(enforced: Enforced, name: str, which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
    # The soft CPU limit ends in SIGXCPU, which tells why; the hard one in SIGKILL.
    grace = _GRACE_SECONDS if which == resource.RLIMIT_CPU else 0
    ceiling = soft + grace if hard == resource.RLIM_INFINITY else hard
    try:
        resource.setrlimit(which, (soft, ceiling))
        enforced.in_force[name] = soft
    except (OSError, ValueError) as e:
        enforced.unenforced[name] = str(e)


def _pin(enforced: Enforced, threads: int) -> None:
    if sys.platform != "linux":
        enforced.unenforced["cores"] = f"{sys.platform} cannot pin a process to cores"
        return
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < threads:
        enforced.unenforced["cores"] = f"{threads} asked for, {len(usable)} there"
    first = os.getpid() % len(usable)  # so that children side by side do not share a core
    chosen = sorted((usable + usable)[first : first + min(threads, len(usable))])
    try:
        os.sched_setaffinity(0, chosen)
        enforced.in_force["cores"] = chosen
    except OSError as e:
        enforced.unenforced["cores"] = str(e)


def _die_with_parent(enforced: Enforced) -> None:
    """So that a killed parent leaves no child behind that hangs in a model."""
    if sys.platform != "linux":
        enforced.unenforced["ends_with_parent"] = f"{sys.platform} has no such signal"
        return
    if ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) == 0:
        enforced.in_force["ends_with_parent"] = True
    else:
        enforced.unenforced["ends_with_parent"] = "refused by the system"

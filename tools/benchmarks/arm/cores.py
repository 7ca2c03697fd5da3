"""The ARM cores that are emulated, as the runtime finds out what it runs on.

XNNPACK chooses its kernels by what the kernel of Linux says of the core: the system's hardware
capabilities, which qemu answers for its -cpu, and /proc/cpuinfo, which must not contradict them.
"""

import dataclasses
import pathlib

_CORES = 2  # as many in each file; the runtime reads how many there are
_BASIC = "fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid"


@dataclasses.dataclass(frozen=True)
class Core:
    """One core.

    Attributes:
        name: as qemu has it.
        part: number of the core in ARM's MIDR register.
        features: as Linux lists them.
        about: what an ARM phone has it for.
    """

    name: str
    part: str
    features: str
    about: str

    def write(self, prefix: pathlib.Path) -> None:
        """The files under /proc and /sys that tell about it, into qemu's prefix folder.

        qemu 7.2 hands out the host's own otherwise, and the runtime ends in a crash.
        """
        (prefix / "proc").mkdir(parents=True, exist_ok=True)
        processors = "\n".join(self._processor(number) for number in range(_CORES))
        (prefix / "proc" / "cpuinfo").write_text(processors, encoding="ascii")
        system = prefix / "sys" / "devices" / "system" / "cpu"
        for number in range(_CORES):
            (system / f"cpu{number}").mkdir(parents=True, exist_ok=True)
        for name in ("possible", "present", "online"):
            (system / name).write_text(f"0-{_CORES - 1}\n", encoding="ascii")

    def _processor(self, number: int) -> str:
        fields = {
            "processor": number,
            "BogoMIPS": "48.00",
            "Features": self.features,
            "CPU implementer": "0x41",
            "CPU architecture": 8,
            "CPU variant": "0x0",
            "CPU part": self.part,
            "CPU revision": 4,
        }
        return "".join(f"{name}\t: {value}\n" for name, value in fields.items())


CORES = (
    Core("cortex-a53", "0xd03", _BASIC, "small cores since 2014; no dot product instructions"),
    Core(
        "cortex-a76",
        "0xd0b",
        f"{_BASIC} atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp",
        "large cores of 2019; int8 dot product and float16 instructions",
    ),
)


def find(name: str) -> Core | None:
    """The core of that name, None if it is not known."""
    return next((core for core in CORES if core.name == name), None)

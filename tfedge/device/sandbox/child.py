"""The program of a sandbox's child.

    python -m tfedge.device.sandbox.child MODULE:FUNCTION FOLDER LIMITS GROUPS

Sets its limits, calls the function, and leaves what went wrong in FOLDER/failure.json. Started by
`sandbox.run`, never by hand.
"""

import dataclasses
import importlib
import json
import os
import pathlib
import sys
from typing import BinaryIO

from tfedge.device.sandbox import cgroups, memory
from tfedge.device.sandbox import limits as child_limits
from tfedge.device.sandbox.progress import Progress


@dataclasses.dataclass
class Workplace:
    """What a function run in a child is given.

    Attributes:
        folder: private; results are left here. Also the current folder.
        examples: what the parent feeds, as bytes.
        progress: to be kept up to date, or the parent takes it for a hang.
        groups: of the kernel, made by the parent.
    """

    folder: pathlib.Path
    examples: BinaryIO
    progress: Progress
    limits: child_limits.Limits
    enforced: child_limits.Enforced
    groups: cgroups.Groups = dataclasses.field(default_factory=cgroups.Groups)
    _allowed: int = 0

    def ready_to_load(self) -> None:
        """From here on memory counts against the limit."""
        memory.reset_peak()
        child_limits.enforce_address_space(self.limits, self.enforced)
        in_force, refused = self.groups.join(self.limits.memory_bytes, self.limits.threads)
        self.enforced.in_force.update(in_force)
        self.enforced.unenforced.update(refused)
        self.write_json("limits.json", dataclasses.asdict(self.enforced))
        self.progress.baseline_bytes = memory.resident_bytes()

    def allow(self, memory_bytes: int) -> None:
        """So much more memory does not count: it is this program's, not the model's."""
        self._allowed += memory_bytes
        self.groups.allow(self.limits.memory_bytes + self._allowed)
        self.progress.baseline_bytes += memory_bytes

    def write_json(self, name: str, content: dict) -> None:
        """Written aside and renamed: whole or not there."""
        aside = self.folder / f"{name}.part"
        aside.write_text(json.dumps(content), encoding="utf-8")
        aside.replace(self.folder / name)


def main(arguments: list[str]) -> int:
    """Returns the exit code: 0 done, 1 the function raised and failure.json says what."""
    spec, folder, limits_text, groups_text = arguments
    limits = child_limits.Limits(**json.loads(limits_text))
    place = Workplace(
        pathlib.Path(folder),
        sys.stdin.buffer,
        Progress(pathlib.Path(folder) / "progress"),
        limits,
        child_limits.enforce(limits),
        cgroups.Groups(**json.loads(groups_text)),
    )
    module, function = spec.split(":")
    try:
        getattr(importlib.import_module(module), function)(place)
    except MemoryError:
        place.write_json("failure.json", {"kind": "memory", "detail": "an allocation failed"})
        return 1
    except Exception as e:  # whatever the model makes the interpreter raise
        detail = f"{type(e).__name__}: {e}"
        place.write_json("failure.json", {"kind": "error", "detail": " ".join(detail.split())})
        return 1
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)  # a damaged model may crash once more when it is taken down

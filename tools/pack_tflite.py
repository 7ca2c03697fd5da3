"""Packs a .tflite for the download, or restores it, and shows where the bytes go.

    python tools/pack_tflite.py pack model.tflite            # writes model.tflite.packed
    python tools/pack_tflite.py unpack model.tflite.packed   # writes model.tflite
    python tools/pack_tflite.py pack RELEASE                 # writes ./model.tflite.packed

--output names another file; a file that is there is replaced only with --overwrite, and nothing is
added to a release, whose manifest would be false then. --check_only packs and compares without
writing. The weights of
lenet_300_100, pruned and clustered, take about a twelfth of the .tflite; see
tfedge/packing/FORMAT.md for a decoder of your own.
"""

import pathlib
import time
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from absl import flags
from tfedge_pipelines import entry, positional
from tfedge_tools import wide_console

from tfedge import errors

if TYPE_CHECKING:
    from tfedge.packing.account import Account

SUFFIX = ".packed"
_FLAGS = flags.FlagValues()
_ACTION = flags.DEFINE_enum(
    "action", None, ["pack", "unpack"], "May also be given without a flag.", flag_values=_FLAGS
)
_FILE = flags.DEFINE_string(
    "file",
    None,
    "The file, or a release folder to pack; may also be given without a flag.",
    flag_values=_FLAGS,
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "Where to write; default: with or without .packed.", flag_values=_FLAGS
)
_OVERWRITE = flags.DEFINE_boolean(
    "overwrite", False, "Replace a file that is there already.", flag_values=_FLAGS
)
_CHECK_ONLY = flags.DEFINE_boolean("check_only", False, "Write nothing.", flag_values=_FLAGS)


def run() -> None:
    """Takes the action and the file's name with or without their flags."""
    entry.run(main, _FLAGS, __doc__, positional.named("action", "file"))


def main() -> int:
    """Does what the flags ask for; the exit code."""
    if not _ACTION.value or not _FILE.value:
        raise errors.BadInput("command", "no action or no file", "Say pack FILE or unpack FILE.")
    path = pathlib.Path(_FILE.value)
    if _ACTION.value == "pack":
        _pack(path)
    else:
        _unpack(path, _with_path(path, path.read_bytes))
    return entry.OK


def _pack(path: pathlib.Path) -> None:
    from tfedge import packing
    from tfedge.packing import account
    from tfedge.release.publishing import released

    content = released.tflite_bytes(path, str(path))
    if path.is_dir():
        path /= released.MODEL
    default = path.with_name(path.name + SUFFIX)
    if _is_release(path.parent):
        default = pathlib.Path(default.name)
    _check_target(default)
    started = time.perf_counter()
    packed = packing.pack(content)
    packed_at = time.perf_counter()
    restored = packing.unpack(packed)
    seconds = packed_at - started, time.perf_counter() - packed_at
    if restored != content:
        raise RuntimeError(f"{path} does not come back as it was")
    _show(account.of(packed), content, seconds)
    _write(default, packed)


def _unpack(path: pathlib.Path, packed: bytes) -> None:
    from tfedge import packing

    bare = path.name.removesuffix(SUFFIX)
    if bare == path.name and not _OUTPUT.value:
        raise errors.BadInput(str(path), f"does not end in {SUFFIX}", "Name a file by --output.")
    _check_target(path.with_name(bare))
    _write(path.with_name(bare), packing.unpack(packed))


def _check_target(default: pathlib.Path) -> None:
    """Refuse, before any work, to spoil what is there."""
    path = pathlib.Path(_OUTPUT.value or default)
    if _CHECK_ONLY.value:
        return
    if _is_release(path.parent):
        raise errors.BadInput(
            str(path),
            "that folder is a release, whose manifest would be false with another file in it",
            "Name a file elsewhere by --output; release.py --packed adds the packed form itself.",
        )
    if path.exists() and not _OVERWRITE.value:
        raise errors.BadInput(
            str(path), "it is there already", "Add --overwrite, or name another by --output."
        )


def _is_release(folder: pathlib.Path) -> bool:
    from tfedge.release.publishing import manifest

    return (folder / manifest.NAME).exists()


def _write(default: pathlib.Path, content: bytes) -> None:
    if _CHECK_ONLY.value:
        return
    path = pathlib.Path(_OUTPUT.value or default)
    _with_path(path, lambda: path.write_bytes(content))
    entry.tell(f"{len(content):,} bytes in {path.absolute()}")


def _with_path(path: pathlib.Path, work: Callable[[], Any]) -> Any:
    """`work()`, with what the file system refuses told in one line."""
    try:
        return work()
    except OSError as e:
        cause = (e.strerror or str(e)).lower()
        raise errors.BadInput(str(path), cause, "Name a file that can be used.") from e


def _show(account: "Account", content: bytes, seconds: tuple[float, float]) -> None:
    from rich import box, table

    deflated = len(zlib.compress(content, 9)) - 6  # raw, as in `download_bytes`
    total = sum(account.parts.values())
    shown = table.Table("part", box=box.SIMPLE_HEAD)
    for heading in ("bytes", "share"):
        shown.add_column(heading, justify="right")
    for name, length in account.parts.items():
        shown.add_row(name, f"{length:,}", f"{length / total:.1%}")
    shown.add_row("packed", f"{total:,}", "")
    shown.add_row("deflated", f"{deflated:,}", f"{total / deflated - 1:+.1%}")
    shown.add_row("as it is", f"{len(content):,}", "")
    screen = wide_console.make()
    screen.print(shown)
    screen.print(
        f"order-0 entropy of the {account.value_bytes:,} bytes of weights, biases and scales: "
        f"{account.entropy_bytes:,.0f} bytes\n"
        f"packed in {seconds[0]:.2f} s, unpacked in {1000 * seconds[1]:.0f} ms (this computer)",
        highlight=False,
    )


if __name__ == "__main__":
    run()

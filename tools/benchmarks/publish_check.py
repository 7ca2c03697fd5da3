"""Kills publishers, fills their disks, and times what a client does with what they publish.

    python tools/benchmarks/publish_check.py --kills=200

Four tables. Kills: a process that publishes is killed at a random moment, by SIGKILL; what it left
is read as a client would, and the same call is made again. Full disks: the n-th call that touches
the disk fails, for every n. Times: of a processor here, for files of random 8-bit weights, by the
clients in Python and in JavaScript (Node.js). Sizes: ds_cnn after short trainings with two seeds,
which takes some minutes.

Exit codes: 0 nothing was lost, 2 an error of ours, 3 something was.
"""

import base64
import functools
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from unittest import mock

from absl import flags
from tfedge_pipelines import entry
from tfedge_tools import markdown

if TYPE_CHECKING:
    from tfedge.delivery.keyring import Keyring
    from tfedge.delivery.offering import Offered

_FLAGS = flags.FlagValues()
_NAMES = ["kills", "full_disks", "times", "sizes"]
_TABLE = flags.DEFINE_multi_enum("table", _NAMES, _NAMES, "Which of them.", flag_values=_FLAGS)
_KILLS = flags.DEFINE_integer("kills", 200, "How many.", lower_bound=1, flag_values=_FLAGS)
_LOST = 3
_DISK = ("mkdir", "open", "write", "fsync", "replace", "unlink")
_MODEL_BYTES = 300  # so that most of the time goes to signing and writing
_MEGABYTES, _REPEATS = (1, 20), 3
_IMAGES = 12_000
_RECIPES = ("quantize(epochs=1)", "prune(epochs=1), cluster(epochs=1), quantize(epochs=1)")


def run() -> None:
    """The program."""
    entry.run(main, _FLAGS, __doc__)


def main() -> int:
    """Prints the tables; the exit code."""
    tables = {"kills": kills, "full_disks": full_disks, "times": times, "sizes": sizes}
    good = True
    for name in _TABLE.value:
        with tempfile.TemporaryDirectory() as place:
            shown, is_good = tables[name](pathlib.Path(place))
        sys.stdout.write(f"\n{shown}\n")
        sys.stdout.flush()
        good = good and is_good
    return entry.OK if good else _LOST


def kills(place: pathlib.Path) -> tuple[str, bool]:
    """What was left, as often as a publisher was killed, and whether nothing was lost."""
    ring, base = _begun(place)
    found = dict.fromkeys(("before", "after", "ended", "lost", "stuck"), 0)
    draw, timed = random.Random(0), shutil.copytree(base, place / "timed")
    seconds = _seconds(
        functools.partial(_killed_after, None, functools.partial(_publish, timed, ring))
    )
    while sum(found[name] for name in ("before", "after", "lost")) < _KILLS.value:
        folder = shutil.copytree(base, place / "now")
        work = functools.partial(_publish, folder, ring)
        is_killed = _killed_after(draw.uniform(0, 1.1 * seconds), work)
        left = _left(folder)
        found[left if is_killed or left == "lost" else "ended"] += 1
        found["stuck"] += not _goes_on(folder, work)
        shutil.rmtree(folder)
    head = ["old state", "new state", "ended by itself", "does not hold", "does not go on"]
    table = markdown.table(head, [[str(each) for each in found.values()]])
    return table, not found["lost"] + found["stuck"]


def full_disks(place: pathlib.Path) -> tuple[str, bool]:
    """Likewise."""
    ring, base = _begun(place)
    found = dict.fromkeys(("before", "after", "lost", "stuck"), 0)
    number, calls = 0, 1
    while number < calls:
        folder = shutil.copytree(base, place / str(number))
        work = functools.partial(_publish, folder, ring)
        calls = _with_a_full_disk(number, work)
        found[_left(folder)] += 1
        found["stuck"] += not _goes_on(folder, work)
        shutil.rmtree(folder)
        number += 1
    head = ["calls", "old state", "new state", "does not hold", "does not go on"]
    row = [str(number), *(str(each) for each in found.values())]
    return markdown.table(head, [row]), not found["lost"] + found["stuck"]


def times(place: pathlib.Path) -> tuple[str, bool]:
    """Milliseconds of a processor, the best of three."""
    import numpy as np
    from tfedge_tools.benchmarks.apps import unpacking
    from tfedge_tools.benchmarks.fetching.clients import javascript

    from tfedge import packing
    from tfedge.delivery import facts, segments

    key, rows = os.urandom(segments.KEY_BYTES), []
    for megabytes in _MEGABYTES:
        weights = np.random.default_rng(0).normal(0, 30, (megabytes << 10, 1 << 10))
        content = unpacking.file_of(weights.clip(-127, 127).astype(np.int8))
        packed = packing.pack(content)
        sealed = segments.seal(packed, key, "x")
        in_python = [
            _milliseconds(functools.partial(segments.chunk_hashes, sealed)),
            _milliseconds(functools.partial(segments.open_sealed, sealed, key, "x")),
            _milliseconds(functools.partial(packing.unpack, packed)),
            _milliseconds(functools.partial(facts.File.of, content)),
        ]
        found = {"Python": in_python}
        if not javascript.missing():
            (place / "sealed").write_bytes(sealed)
            how: dict[str, Any] = {"name": "x", "length": len(content), "times": _REPEATS}
            how |= {"file": str(place / "sealed"), "key": base64.b64encode(key).decode()}
            with javascript.process(place / "node") as node:
                found["JavaScript"] = node.ask("times", chunk=segments.chunk_of(sealed, "x"), **how)
        for name, row in found.items():
            sizes = [f"{len(each):,}" for each in (content, packed, sealed)]
            rows.append([*sizes, name, *(f"{each:,.1f}" for each in (*row, sum(row)))])
    head = ["file", "packed", "sealed", "client", "chunks", "open", "unpack", "compare", "all, ms"]
    return markdown.table(head, rows), True


def sizes(_: pathlib.Path) -> tuple[str, bool]:
    """Bytes of two trainings of each recipe, and of one after the other."""
    models = {recipe: [_trained(recipe, seed) for seed in range(2)] for recipe in _RECIPES}
    first, second = models.values()
    rows = [
        *([f"`{recipe}` twice", *_sizes(*two)] for recipe, two in models.items()),
        ["the first, then the second", *_sizes(first[0], second[0])],
    ]
    return markdown.table(
        ["trainings", "file", "deflated", "packed", "sealed", "delta"], rows
    ), True


def _trained(recipe: str, seed: int) -> bytes:
    """The .tflite of ds_cnn after one epoch a pass."""
    import dataclasses

    import numpy as np

    import tfedge

    task = tfedge.load_task("fashion_mnist", seed=seed)
    task = dataclasses.replace(task, train=task.train.take(np.arange(_IMAGES)))
    model = tfedge.load_model("models/checkpoints/ds_cnn_fashion_mnist.keras")
    candidate = tfedge.Recipe.parse(recipe).apply(model, task)
    return tfedge.to_tflite(candidate, "int8", task)


def _sizes(before: bytes, after: bytes) -> list[str]:
    """Of the second, and of the way to it from the first."""
    from tfedge import packing
    from tfedge.delivery import segments
    from tfedge.packing import differing

    packed = packing.pack(after)
    sealed = segments.seal(packed, os.urandom(segments.KEY_BYTES), "x")
    delta = len(differing.encode(after, before))
    of_file = [len(after), len(zlib.compress(after, 9)), len(packed), len(sealed)]
    return [*(f"{each:,}" for each in of_file), f"{delta:,}, {delta / len(packed):.0%}"]


def _begun(place: pathlib.Path) -> "tuple[Keyring, pathlib.Path]":
    """Keys, opened, and a repository with one version."""
    from tfedge.delivery import keyring, rotation

    ring = keyring.Keyring([place / "keys"], lambda folder: b"passphrase")
    rotation.begin(place / "base", ring)
    _publish(place / "base", ring, 0)
    return ring, place / "base"


def _publish(folder: pathlib.Path, ring: "Keyring", seed: int = 1) -> None:
    from tfedge.delivery import publishing

    publishing.add(folder, ring, _offered(seed), publishing.Asked())


def _offered(seed: int) -> "Offered":
    from tfedge.delivery.offering import Offered

    return Offered("model", random.Random(seed).randbytes(_MODEL_BYTES), b"examples")


def _left(folder: pathlib.Path) -> str:
    """Which state a client finds: "before", "after" or "lost"."""
    from tfedge import errors
    from tfedge.delivery import shelf, trusted

    try:
        targets = trusted.read(folder).targets.signed.targets
        for each in targets.values():
            shelf.content(folder, each)
        entries = shelf.channel_of(folder, targets, "model", "stable").entries
    except errors.BadInput:
        return "lost"
    is_mixed = len(entries) != len(shelf.versions(targets, "model"))
    return "lost" if is_mixed else ("before", "after")[len(entries) - 1]


def _goes_on(folder: pathlib.Path, work: Callable[[], None]) -> bool:
    """Whether the same call ends in the new state, with nothing left over."""
    work()
    is_tidy = not [path for path in folder.rglob("*") if path.name.startswith(".")]
    return is_tidy and _left(folder) == "after"


def _killed_after(seconds: float | None, work: Callable[[], None]) -> bool:
    """Whether a process was still at it; None lets it end."""
    child = os.fork()
    if not child:
        work()
        os._exit(0)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def _with_a_full_disk(at: int, work: Callable[[], None]) -> int:
    """How many calls touched the disk."""
    from tfedge import errors

    count = 0

    def watched(real: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        nonlocal count
        count += 1
        if count - 1 == at:
            raise OSError(28, "No space left on device")
        return real(*args, **kwargs)

    watching: dict[str, Any] = {
        name: functools.partial(watched, getattr(os, name)) for name in _DISK
    }
    try:
        with mock.patch.multiple(os, **watching):
            work()
    except errors.BadInput:
        return max(count, at + 2)
    return count


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _milliseconds(work: Callable[[], object]) -> float:
    """Of a processor: others have this computer too."""

    def once() -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    return 1000 * min(once() for _ in range(_REPEATS))


if __name__ == "__main__":
    run()

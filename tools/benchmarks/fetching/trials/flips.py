"""Every bit of a target and of each metadata file is another one: never anything else is taken."""

import contextlib
import dataclasses
import hashlib
import pathlib
import random
import shutil
from collections.abc import Iterator, Mapping, Sequence

from tfedge_tools.benchmarks.fetching.bed import Bed, Row
from tuf.api.metadata import Metadata

from tfedge.delivery import serving
from tfedge.delivery.fetch import metadata, part, reasons, retrying, web
from tfedge.delivery.fetch.allowance import Allowance

_TARGET_BYTES = 10_000
_OVER_HTTP = 300  # of a target's bits, by a whole client; all of them by the comparison alone


def run(folder: pathlib.Path, tries: int, draw: random.Random) -> Iterator[Row]:
    """Every bit where `tries` is 0, else so many of each file."""
    made = Bed(folder, [draw.randbytes(_TARGET_BYTES)])
    made.renew_root()
    path = next(made.folder.glob("targets/*/*.sealed"))
    bits = _bits(path, tries, draw)
    yield _compared(path, folder / "part", bits)
    yield _fetched(made, path, draw.sample(bits, min(len(bits), _OVER_HTTP)))
    for each in sorted((made.folder / "metadata").iterdir()):
        if each.name in _NEWEST:
            yield _metadata(made, each, folder / "metadata", _bits(each, tries, draw))


_NEWEST = ("2.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json")


def _bits(path: pathlib.Path, tries: int, draw: random.Random) -> Sequence[int]:
    every = range(8 * path.stat().st_size)
    return draw.sample(every, min(tries, len(every))) if tries else every


def _compared(path: pathlib.Path, to: pathlib.Path, bits: Sequence[int]) -> Row:
    """As one chunk."""
    content, wrong = path.read_bytes(), 0
    digest = hashlib.sha256(content).hexdigest()
    wanted = part.Wanted("target", "", len(content), digest, len(content), (digest,))
    for bit in bits:
        to.unlink(missing_ok=True)
        with contextlib.closing(part.Part(to, wanted)) as opened:
            try:
                opened.append(_flipped(content, bit))
                wrong += 1
            except retrying.Interrupted:
                wrong += opened.checked != 0
    return Row(f"bits of a target of {len(content):,} bytes, compared", len(bits), wrong)


def _fetched(made: Bed, path: pathlib.Path, bits: Sequence[int]) -> Row:
    wrong, name = 0, str(path.relative_to(made.folder))
    with made.server() as server:
        for bit in bits:
            server.faults = serving.read_faults(f"flip(bit={bit}, only='{name}')")
            store = made.folder.parent / f"store_{bit}"
            ended = made.client(server.address, store, attempts=2).update()
            wrong += ended.version is not None or ended.reason != reasons.ARBITRARY
    return Row("bits of it, fetched by a client", len(bits), wrong)


def _metadata(made: Bed, path: pathlib.Path, store: pathlib.Path, bits: Sequence[int]) -> Row:
    content, same, wrong = path.read_bytes(), 0, 0
    signed = Metadata.from_bytes(content).signed
    files = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    role = path.name.removesuffix(".json").rpartition(".")[2]
    for bit in bits:
        shutil.rmtree(store, ignore_errors=True)
        store.mkdir()
        way = _Memory(
            Allowance(),
            retrying.Retries(attempts=1),
            files={**files, path.name: _flipped(content, bit)},
        )
        try:
            metadata.refreshed(store, "memory:/", made.trust.root, way)
        except reasons.Refused:
            continue
        same += 1
        # Read, not as text: python-tuf takes the t and z of a time in either case.
        wrong += Metadata.from_bytes((store / f"{role}.json").read_bytes()).signed != signed
    note = f"{same:,} taken, all with the same signed content" if same else "all refused"
    return Row(f"bits of {path.name}, {len(content):,} bytes", len(bits), wrong, note)


@dataclasses.dataclass(frozen=True)
class _Memory(web.Web):
    """A way to files in memory, by name."""

    files: Mapping[str, bytes] = dataclasses.field(default_factory=dict)

    def whole(self, url: str, most_bytes: int) -> bytes:
        """See `Web`."""
        name = url.rpartition("/")[2]
        if name not in self.files:
            raise retrying.Unavailable(url, status=404)
        if len(self.files[name]) > most_bytes:
            raise retrying.Unavailable(url, reasons.ENDLESS)
        return self.files[name]


def _flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)

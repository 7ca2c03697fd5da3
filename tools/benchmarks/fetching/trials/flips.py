"""Every bit of a target and of each metadata file is another one: never anything else is taken.

First by what verifies alone, for every bit, then by whole fetches of a share of them.
"""

import base64
import contextlib
import dataclasses
import hashlib
import pathlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType

from tfedge_tools.benchmarks.fetching.bed import AUDIENCE, MODEL, Asked, Bed, Row
from tfedge_tools.benchmarks.fetching.clients import javascript
from tuf.api.metadata import Metadata, Targets

from tfedge import errors
from tfedge.delivery import facts, names, segments, serving, wrapping
from tfedge.delivery.fetch import metadata, part, reasons, retrying, web
from tfedge.delivery.fetch.allowance import Allowance

_TARGET_BYTES = 10_000
_TARGET_FETCHED, _METADATA_FETCHED = 300, 100  # of the bits of each file, by a whole client
_NEWEST = ("2.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json")


@dataclasses.dataclass(frozen=True)
class _Subject:
    """What is flipped."""

    bed: Bed
    target: pathlib.Path

    @property
    def metadata(self) -> list[pathlib.Path]:
        """The newest file of each role."""
        return [self.bed.folder / "metadata" / name for name in _NEWEST]

    def content_key(self) -> bytes:
        """What opens the target."""
        name = names.sealed(MODEL, 1)
        told = Metadata[Targets].from_file(str(self.metadata[-1])).signed.targets[name]
        sealed = facts.sealed(told.custom or {}, told.length, name)
        return wrapping.unwrap(sealed.keys[AUDIENCE], self.bed.trust.key, name)


def run(asked: Asked) -> Iterator[Row]:
    """Every bit where there is no number of tries."""
    made = Bed(asked.place("flips"), [asked.draw.randbytes(_TARGET_BYTES)])
    made.renew_root()
    subject = _Subject(made, next(made.folder.glob("targets/*/*.sealed")))
    for name, module in asked.clients.items():
        if name in _VERIFIED:
            yield from _VERIFIED[name](asked, subject)
        yield from _fetched(asked, subject, name, module)


def _in_python(asked: Asked, subject: _Subject) -> Iterator[Row]:
    folder, bits = asked.place("python"), _bits(asked, subject.target)
    yield _compared(subject, folder / "part", bits)
    yield _opened(subject, bits)
    for path in subject.metadata:
        yield _verified(subject.bed, path, folder / "metadata", _bits(asked, path))


def _in_javascript(asked: Asked, subject: _Subject) -> Iterator[Row]:
    def text(content: bytes) -> str:
        return base64.b64encode(content).decode()

    bed, bits = subject.bed, [*_bits(asked, subject.target)]
    target = {"content": text(subject.target.read_bytes()), "bits": bits}
    key = {"key": text(subject.content_key()), "name": names.sealed(MODEL, 1)}
    served = {each.name: text(each.read_bytes()) for each in (bed.folder / "metadata").iterdir()}
    with javascript.process(asked.place("javascript")) as node:
        _, wrong = node.ask("flip_target", **target)
        yield _row("javascript: compared", subject.target, bits, wrong)
        _, wrong = node.ask("flip_sealed", **target, **key)
        yield _row("javascript: opened without comparing,", subject.target, bits, wrong)
        for path in subject.metadata:
            bits = [*_bits(asked, path)]
            how = {"root": text(bed.trust.root), "files": served, "name": path.name, "bits": bits}
            same, wrong = node.ask("flip_metadata", **how)
            yield _row("javascript: verified", path, bits, wrong, same)


# Without a network. A client in another language is tried by whole fetches.
_VERIFIED: Mapping[str, Callable[[Asked, _Subject], Iterator[Row]]] = {
    "python": _in_python,
    "javascript": _in_javascript,
}


def _bits(asked: Asked, path: pathlib.Path) -> Sequence[int]:
    return asked.some(range(8 * path.stat().st_size))


def _row(what: str, path: pathlib.Path, bits: Sequence[int], wrong: int, same: int = 0) -> Row:
    file = "a target" if path.suffix == ".sealed" else path.name
    note = f"{same:,} taken, all with the same signed content" if same else "all refused"
    what = f"{what} bits of {file}, {path.stat().st_size:,} bytes"
    return Row(what, len(bits), wrong, "" if wrong else note)


def _compared(subject: _Subject, to: pathlib.Path, bits: Sequence[int]) -> Row:
    """As one chunk."""
    content, wrong = subject.target.read_bytes(), 0
    digest = hashlib.sha256(content).hexdigest()
    wanted = part.Wanted("target", "", len(content), digest, len(content), (digest,))
    with contextlib.closing(part.Part(to, wanted)) as opened:
        for bit in bits:
            try:
                opened.append(_flipped(content, bit))
                wrong += 1
                opened.drop_unchecked()
            except retrying.Interrupted:
                wrong += opened.checked != 0 or opened.size != 0
        opened.append(content)  # as it was signed it is taken
        wrong += opened.checked != len(content)
    return _row("python: compared", subject.target, bits, wrong)


def _opened(subject: _Subject, bits: Sequence[int]) -> Row:
    """Were it not compared, the seal would tell too."""
    content, key, name, wrong = (
        subject.target.read_bytes(),
        subject.content_key(),
        names.sealed(MODEL, 1),
        0,
    )
    segments.open_sealed(content, key, name)
    for bit in bits:
        try:
            segments.open_sealed(_flipped(content, bit), key, name)
            wrong += 1
        except errors.BadInput:
            continue
    return _row("python: opened without comparing,", subject.target, bits, wrong)


def _verified(made: Bed, path: pathlib.Path, store: pathlib.Path, bits: Sequence[int]) -> Row:
    content, same, wrong = path.read_bytes(), 0, 0
    signed = Metadata.from_bytes(content).signed
    files = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    role = path.name.removesuffix(".json").rpartition(".")[2]
    name = names.sealed(MODEL, 1)

    def refreshed(served: bytes) -> part.Wanted:
        shutil.rmtree(store, ignore_errors=True)
        store.mkdir()
        way = _Memory(Allowance(), retrying.Retries(attempts=1), files={**files, path.name: served})
        return metadata.refreshed(store, "memory:/", made.trust.root, way).whole(name)

    wanted = refreshed(content)
    for bit in bits:
        try:
            found = refreshed(_flipped(content, bit))
        except reasons.Refused:
            continue
        same += 1
        # Read, not as text: python-tuf takes the t and z of a time in either case.
        kept = Metadata.from_bytes((store / f"{role}.json").read_bytes()).signed
        wrong += kept != signed or found != wanted
    return _row("python: verified", path, bits, wrong, same)


def _fetched(asked: Asked, subject: _Subject, name: str, module: ModuleType) -> Iterator[Row]:
    """By a client, over a network."""
    made, place = subject.bed, asked.place(f"fetched_{name}")
    digest = hashlib.sha256(made.contents[1]).hexdigest()
    with made.server() as server, module.opened(place, made, server.address) as client:

        def taken(path: pathlib.Path, bit: int) -> tuple[str, bool]:
            """Why not, and whether it ended as it has to."""
            file = path.relative_to(made.folder)
            server.faults = serving.read_faults(f"flip(bit={bit}, only='{file}')")
            client.begin()
            ended = client.update(attempts=2)
            used = None if ended.reason else (1, digest)
            return ended.reason, client.used() == used

        for path in (subject.target, *subject.metadata):
            most = _TARGET_FETCHED if path == subject.target else _METADATA_FETCHED
            bits = _bits(asked, path)
            bits = asked.draw.sample(bits, min(len(bits), most))
            ended = [taken(path, bit) for bit in bits]
            wrong = sum(not is_right for _, is_right in ended)
            if path == subject.target:
                wrong += sum(reason != reasons.ARBITRARY for reason, _ in ended)
            same = sum(not reason for reason, _ in ended)
            yield _row(f"{name}: fetched", path, bits, wrong, same)


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

"""Repositories made by hand with python-tuf, so that any part of them can be wrong."""

import copy
import datetime
import functools
import hashlib
import os
import pathlib

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from tfedge import packing
from tfedge.delivery import channel, facts, names, segments, wrapping
from tfedge.delivery.trust import Trust
from tfedge.packing import difference

MODEL, AUDIENCE = "tiny", "app"
ROLES = ("root", "targets", "snapshot", "timestamp")
SPARE = 16  # bytes by which signatures of one key may differ in length
LATER = datetime.datetime.now(datetime.UTC).replace(microsecond=0) + datetime.timedelta(days=30)


def golden_of(content):
    return b"golden of " + hashlib.sha256(content).digest()


class Repository:
    """A folder with signed metadata; change `signed` or `keys` and `write` again."""

    def __init__(self, folder: pathlib.Path, chunk: int = 4096):
        self.folder, self.chunk = folder, chunk
        for each in ("metadata", f"targets/{MODEL}"):
            (folder / each).mkdir(parents=True)
        self.audience_key = os.urandom(32)
        count = {"root": 3}
        self.keys = {
            role: [CryptoSigner.generate_ecdsa() for _ in range(count.get(role, 1))]
            for role in ROLES
        }
        self.signed = {
            "root": Root(expires=LATER, consistent_snapshot=True),
            "targets": Targets(expires=LATER),
            "snapshot": Snapshot(expires=LATER),
            "timestamp": Timestamp(expires=LATER),
        }
        for each in self.signed.values():
            each.version = 0  # none was written
        self.channel = channel.Channel(MODEL, "stable")
        self.contents: dict[int, bytes] = {}
        self.write_root()

    @property
    def trust(self):
        first = (self.folder / "metadata" / "1.root.json").read_bytes()
        return Trust(first, AUDIENCE, self.audience_key)

    def publish(self, version, content, deltas=(), **entry):
        """Adds a version and its files; `write` signs them."""
        key, name = os.urandom(32), names.sealed(MODEL, version)
        golden = names.golden(MODEL, version)
        self.add(golden, golden_of(content))
        by_base = {base: names.delta(MODEL, version, base) for base in deltas}
        keys = {AUDIENCE: wrapping.wrap(key, self.audience_key, name)}
        for base, delta in by_base.items():
            before = self.contents[base]
            told = functools.partial(facts.Delta, version, base, file_of(before))
            self.add_sealed(differing(content, before), key, delta, told)
        model = file_of(content)
        self.add_sealed(
            packing.pack(content),
            key,
            name,
            lambda chunks: facts.Sealed(version, model, chunks, keys, golden, by_base),
        )
        self.contents[version] = content
        self.offer(version, **entry)

    def offer(self, version, **entry):
        self.channel = self.channel.having(channel.Entry(version, **entry))
        self.add(names.channel(MODEL, "stable"), self.channel.to_bytes())
        return self

    def add_sealed(self, packed, key, name, told):
        sealed = segments.seal(packed, key, name, self.chunk)
        chunks = facts.Chunks(self.chunk, segments.chunk_hashes(sealed))
        self.add(name, sealed, told(chunks).to_custom())

    def add(self, name, content, custom=None):
        target = TargetFile.from_data(name, content, ["sha256"])
        if custom:
            target.unrecognized_fields["custom"] = custom
        self.signed["targets"].targets[name] = target
        self.target_path(name, target).write_bytes(content)

    def target_path(self, name, target=None):
        target = target or self.signed["targets"].targets[name]
        folder, _, last = name.rpartition("/")
        return self.folder / "targets" / folder / f"{target.hashes['sha256']}.{last}"

    def write_root(self, signers=None):
        """The next root, signed by the keys before and now."""
        root, old = self.signed["root"], getattr(self, "_root_keys", [])
        root.version += 1
        for role in ROLES:
            root.roles[role].keyids.clear()
            for key in self.keys[role]:
                root.add_key(key.public_key, role)
        root.roles["root"].threshold = 2
        known = {id(key): key for key in (*old[:2], *self.keys["root"][:2])}
        self._root_keys = list(self.keys["root"])
        self.put(f"{root.version}.root", root, known.values() if signers is None else signers)
        return self

    def write(self):
        """Everything but root, as their next versions."""
        targets, snapshot = self.signed["targets"], self.signed["snapshot"]
        targets.version += 1
        name = self.put(f"{targets.version}.targets", targets, self.keys["targets"])
        snapshot.meta = {"targets.json": listed(targets, name)}
        snapshot.version += 1
        self.put(f"{snapshot.version}.snapshot", snapshot, self.keys["snapshot"])
        return self.write_timestamp()

    def write_timestamp(self):
        timestamp, snapshot = self.signed["timestamp"], self.signed["snapshot"]
        timestamp.version += 1
        timestamp.snapshot_meta = listed(snapshot, self.path(f"{snapshot.version}.snapshot"))
        self.put("timestamp", timestamp, self.keys["timestamp"])
        return self

    def put(self, name, signed, signers):
        made = Metadata(copy.deepcopy(signed))
        for each in signers:
            made.sign(each, append=True)
        aside = self.path(name).with_suffix(".aside")
        aside.write_bytes(made.to_bytes() + b" " * SPARE)
        return aside.replace(self.path(name))

    def path(self, name):
        return self.folder / "metadata" / f"{name}.json"


def listed(signed, path):
    """How one metadata file names another."""
    return MetaFile.from_data(signed.version, path.read_bytes(), ["sha256"])


def file_of(content):
    return facts.File(len(content), hashlib.sha256(content).hexdigest())


def differing(content, base):
    """All that both have subtracted."""
    shared = min(len(content), len(base))
    pairs = zip(content[:shared], base[:shared], strict=True)
    left = bytes((new - old) % 256 for new, old in pairs) + content[shared:]
    return difference.write([(0, shared, 0)], packing.pack(left), base)

"""What a hostile server can try, written from section 1.5.2 of the TUF specification.

An attack is a generator over a `Repository` whose first version a client uses: it publishes what
is honest and yields for an update, and when it ends the repository is a trap. `REFUSED` has the
name of what a client says then; it uses what it used before.
"""

import dataclasses
import datetime
import os
import random

import repositories
from repositories import MODEL
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import TargetFile

from tfedge.delivery import channel, facts, names
from tfedge.delivery.fetch import reasons

SECOND = random.Random(2).randbytes(20_000)
LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


def honest(repository):
    repository.publish(2, SECOND)
    return repository.write()


def rollback(repository):
    """The timestamp of an earlier day."""
    old = repository.path("timestamp").read_bytes()
    honest(repository)
    yield
    repository.path("timestamp").write_bytes(old)


def rollback_of_the_snapshot(repository):
    """With a stolen timestamp key: a newer timestamp that names an older snapshot."""
    old = repository.signed["snapshot"].version
    honest(repository)
    yield
    repository.signed["snapshot"].version = old
    repository.write_timestamp()


def rollback_of_the_targets(repository):
    """With stolen timestamp and snapshot keys: they name the targets of an earlier day."""
    version = repository.signed["targets"].version
    honest(repository)
    yield
    snapshot = repository.signed["snapshot"]
    snapshot.meta["targets.json"] = repositories.listed(
        repository.signed["targets"], repository.path(f"{version}.targets")
    )
    snapshot.meta["targets.json"].version = version
    snapshot.version += 1
    repository.put(f"{snapshot.version}.snapshot", snapshot, repository.keys["snapshot"])
    repository.write_timestamp()


def renumbered_targets(repository):
    """Likewise, under the number of a later day."""
    old = repository.path("1.targets")
    yield
    honest(repository)
    snapshot = repository.signed["snapshot"]
    repository.path("3.targets").write_bytes(old.read_bytes())
    snapshot.meta["targets.json"] = repositories.listed(repository.signed["targets"], old)
    snapshot.meta["targets.json"].version = 3
    snapshot.version += 1
    repository.put(f"{snapshot.version}.snapshot", snapshot, repository.keys["snapshot"])
    repository.write_timestamp()


def freeze(repository):
    """The same timestamp for ever."""
    yield
    repository.signed["timestamp"].expires = LONG_AGO
    repository.write_timestamp()


def expired_snapshot(repository):
    """A snapshot that nobody renewed."""
    yield
    repository.signed["snapshot"].expires = LONG_AGO
    honest(repository)


def expired_targets(repository):
    """Targets that nobody renewed."""
    yield
    repository.signed["targets"].expires = LONG_AGO
    honest(repository)


def expired_root(repository):
    """A root that nobody renewed."""
    yield
    repository.signed["root"].expires = LONG_AGO
    repository.write_root()


def mixed_snapshot(repository):
    """The snapshot of another day under the name of today's."""
    old = repository.path("1.snapshot").read_bytes()
    yield
    honest(repository)
    put_in_place_of(repository.path("2.snapshot"), old)


def mixed_targets(repository):
    """The targets of another day under the name of today's."""
    old = repository.path("1.targets").read_bytes()
    yield
    honest(repository)
    put_in_place_of(repository.path("2.targets"), old)


def put_in_place_of(path, content):
    """JSON of the same length."""
    path.write_bytes(content.rstrip().ljust(path.stat().st_size))


def stolen_targets_key(repository):
    """Targets of the attacker, signed; the snapshot names the publisher's."""
    yield
    honest(repository)
    evil = repository.signed["targets"]
    evil.targets[names.channel(MODEL, "stable")] = TargetFile.from_data("x", b"evil", ["sha256"])
    path = repository.path("2.targets")
    before = path.read_bytes()
    repository.put("2.targets", evil, repository.keys["targets"])
    after, _ = path.read_bytes(), path.write_bytes(before)
    put_in_place_of(path, after)


def stolen_timestamp_key(repository):
    """A snapshot of the attacker, which only the timestamp key signs."""
    yield
    repository.keys["snapshot"] = repository.keys["timestamp"]
    honest(repository)


def endless_timestamp(repository):
    """A timestamp without an end."""
    yield
    repository.path("timestamp").write_bytes(b" " * 200_000)


def endless_snapshot(repository):
    """A snapshot longer than the timestamp says."""
    yield
    honest(repository)
    path = repository.path("2.snapshot")
    path.write_bytes(path.read_bytes() + b" " * 200_000)


def endless_model(repository):
    """A model longer than was signed."""
    yield
    honest(repository)
    path = repository.target_path(names.sealed(MODEL, 2))
    path.write_bytes(path.read_bytes() + bytes(200_000))


def wrong_key(repository):
    """A timestamp signed by a key that root does not know."""
    yield
    repository.keys["timestamp"] = [CryptoSigner.generate_ecdsa()]
    honest(repository)


def wrong_targets_key(repository):
    """Likewise the targets."""
    yield
    repository.keys["targets"] = [CryptoSigner.generate_ecdsa()]
    honest(repository)


def threshold_not_met(repository):
    """A root with one signature of two."""
    yield
    repository.write_root(signers=repository.keys["root"][:1])


def one_signature_twice(repository):
    """A root with one key's signature under two names."""
    yield
    key = repository.keys["root"][0]
    repository.write_root(signers=[key])
    path = repository.path("2.root")
    text = path.read_text()
    entry = text[text.index('"signatures"') :]
    path.write_text(text.replace(entry, doubled(entry)))


def doubled(entry):
    start, end = entry.index("{"), entry.index("}") + 1
    return f"{entry[:start]}{entry[start:end]},{entry[start:end]}{entry[end:]}"


def root_of_the_attacker(repository):
    """A root signed by keys that nobody knows."""
    yield
    strangers = [CryptoSigner.generate_ecdsa() for _ in range(3)]
    repository.keys["root"] = strangers
    repository.write_root(signers=strangers)


def root_without_its_own_keys(repository):
    """With stolen keys of root: one that only they sign, whose own keys are others."""
    yield
    stolen = repository.keys["root"]
    repository.keys["root"] = [CryptoSigner.generate_ecdsa() for _ in stolen]
    repository.write_root(signers=stolen[:2])


def skipped_root(repository):
    """The root after the next in the place of the next."""
    yield
    repository.write_root().write_root()
    repository.path("3.root").replace(repository.path("2.root"))


def damaged_timestamp(repository):
    """No JSON."""
    yield
    repository.path("timestamp").write_bytes(b'{"signed": {')


def no_metadata(repository):
    """A page of a hotel's network, with 200."""
    yield
    repository.path("timestamp").write_bytes(b"<html>Welcome! Accept our terms.</html>")


def arbitrary_model(repository):
    """Other bytes of the same length."""
    yield
    honest(repository)
    path = repository.target_path(names.sealed(MODEL, 2))
    path.write_bytes(os.urandom(path.stat().st_size))


def arbitrary_channel(repository):
    """Other bytes of the same length."""
    yield
    honest(repository)
    path = repository.target_path(names.channel(MODEL, "stable"))
    path.write_bytes(path.read_bytes().replace(b": 2,", b": 1,"))


def channel_of_another_model(repository):
    """Signed, and of another model."""
    yield
    other = channel.Channel("other", "stable", (channel.Entry(1),))
    repository.add(names.channel(MODEL, "stable"), other.to_bytes())
    repository.write()


def path_traversal(repository):
    """Signed by a stolen targets key: the examples lie outside of the repository."""
    yield from changed_facts(repository, golden="../../../etc/passwd")


def another_version(repository):
    """Version 1 under the name of version 2."""
    yield from changed_facts(repository, version=1)


def changed_facts(repository, **changes):
    yield
    repository.publish(2, SECOND)
    target = repository.signed["targets"].targets[names.sealed(MODEL, 2)]
    told = facts.sealed(target.custom, target.length, "test")
    changed = dataclasses.replace(told, **changes).to_custom()
    target.unrecognized_fields["custom"] = changed
    repository.write()


def withheld(repository):
    """A mirror without the newest files."""
    yield
    honest(repository)
    repository.target_path(names.sealed(MODEL, 2)).unlink()


REFUSED = {
    rollback: reasons.ROLLBACK,
    rollback_of_the_snapshot: reasons.ROLLBACK,
    rollback_of_the_targets: reasons.MIXED,
    renumbered_targets: reasons.MIXED,
    freeze: reasons.EXPIRED,
    expired_snapshot: reasons.EXPIRED,
    expired_targets: reasons.EXPIRED,
    expired_root: reasons.EXPIRED,
    mixed_snapshot: reasons.MIXED,
    mixed_targets: reasons.MIXED,
    stolen_targets_key: reasons.MIXED,
    stolen_timestamp_key: reasons.UNSIGNED,
    endless_timestamp: reasons.ENDLESS,
    endless_snapshot: reasons.ENDLESS,
    endless_model: reasons.ARBITRARY,
    wrong_key: reasons.UNSIGNED,
    wrong_targets_key: reasons.UNSIGNED,
    threshold_not_met: reasons.UNSIGNED,
    one_signature_twice: reasons.DAMAGED,
    root_of_the_attacker: reasons.UNSIGNED,
    root_without_its_own_keys: reasons.UNSIGNED,
    skipped_root: reasons.ROLLBACK,
    damaged_timestamp: reasons.DAMAGED,
    no_metadata: reasons.DAMAGED,
    arbitrary_model: reasons.ARBITRARY,
    arbitrary_channel: reasons.ARBITRARY,
    channel_of_another_model: reasons.ARBITRARY,
    path_traversal: reasons.ARBITRARY,
    another_version: reasons.ARBITRARY,
    withheld: reasons.OFFLINE,
}


def fast_forward(repository):
    """A stolen timestamp key signs the highest version; a new key makes that void."""
    yield
    timestamp = repository.signed["timestamp"]
    before, timestamp.version = timestamp.version, 2**31
    repository.write_timestamp()
    yield
    timestamp.version = before
    repository.keys["timestamp"] = [CryptoSigner.generate_ecdsa()]
    repository.write_root()
    honest(repository)


def fast_forward_of_the_snapshot(repository):
    """Likewise with both online keys."""
    yield
    snapshot = repository.signed["snapshot"]
    before, snapshot.version = snapshot.version, 2**31
    repository.put(f"{snapshot.version}.snapshot", snapshot, repository.keys["snapshot"])
    repository.write_timestamp()
    yield
    snapshot.version = before
    for role in ("snapshot", "timestamp"):
        repository.keys[role] = [CryptoSigner.generate_ecdsa()]
    repository.write_root()
    honest(repository)


def two_rotations(repository):
    """A phone slept while all keys of root were changed twice, and the others with them."""
    yield
    for _ in range(2):
        for role, keys in repository.keys.items():
            repository.keys[role] = [CryptoSigner.generate_ecdsa() for _ in keys]
        repository.write_root()
    honest(repository)


def difference_outside(repository):
    """A difference with a name outside of the repository is left alone."""
    yield from changed_facts(repository, deltas={1: "../../x"})


RECOVERED = (fast_forward, fast_forward_of_the_snapshot, two_rotations, difference_outside)

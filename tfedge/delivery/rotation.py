"""Keys made, replaced and taken back: each is a new root that enough of root's keys have signed.

A planned replacement is signed by the old key and the new, so nobody notices. When a key was
stolen, those of snapshot and timestamp go with it: a client forgets what it knows of their versions
then, and with it any number that the thief has run ahead to (section 5.3.11 of TUF's
specification).
"""

import copy
import dataclasses
import datetime
import pathlib
from collections.abc import Callable, Sequence

from tuf.api.metadata import Key, Metadata, Root

from tfedge import errors
from tfedge.delivery import belonging, commits, holding, keyring, next_root, trusted
from tfedge.delivery.keyring import ROLES, ROOT, SNAPSHOT, TIMESTAMP

AUDIENCE = "app"  # that there is from the start


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Of a change of root.

    Attributes:
        version: of the new root.
        missing: how many signatures it waits for; 0 when it is in place.
        retired: the keys that nothing trusts any more, as (role, key id).
    """

    version: int
    missing: int
    retired: tuple[tuple[str, str], ...] = ()


def begin(folder: pathlib.Path, ring: keyring.Keyring, count: int = 3, threshold: int = 2) -> None:
    """Makes all keys that are not there yet, and an empty repository that they sign.

    Args:
        folder: of the repository.
        ring: gets the keys.
        count: of root's keys.
        threshold: how many of them sign a root.

    Raises:
        BadInput: there is a repository already, keys of another one, or numbers that make no sense.
    """
    if (folder / trusted.FIRST_ROOT).exists():
        raise errors.BadInput(str(folder), "it is a repository already", "Give a new folder.")
    if not 1 <= threshold <= count:
        cause = f"{threshold} of {count} keys cannot sign"
        raise errors.BadInput(
            f"--threshold={threshold}", cause, f"Write a number from 1 to {count}."
        )
    if any(folder in (each, *each.parents) for each in ring.folders):
        cause = "the keys would lie in the repository, and be served"
        raise errors.BadInput(str(ring.folders[0]), cause, "Give a folder beside it.")
    belonging.check_new(folder, ring)
    with holding.disk(folder):
        belonging.write(folder, ring)
        root = Root(consistent_snapshot=True, expires=_expires())
        for role in ROLES:
            for key in _keys(ring, role, count if role == ROOT else 1):
                root.add_key(key, role)
        root.roles[ROOT].threshold = threshold
        if AUDIENCE not in ring.audiences():
            ring.make_audience(AUDIENCE)
        belonging.write(folder, ring, root.roles[ROOT].keyids)
        metadata = Metadata(root)
        for keyid in root.roles[ROOT].keyids:
            signer = ring.signer(ROOT, keyid)
            if signer is not None:
                metadata.sign(signer, append=True)
        commits.found(folder, metadata, ring)


def replace(
    folder: pathlib.Path, ring: keyring.Keyring, role: str, key: str = "", *, is_stolen: bool
) -> Outcome:
    """A new key in the place of one of a role.

    Args:
        folder: of the repository.
        ring: with the keys of root, and with those of the other roles as far as they are there.
        role: one of TUF's.
        key: the first digits of the key's id; "" where the role has one.
        is_stolen: takes those of snapshot and timestamp too.

    Raises:
        BadInput: no such key; another change waits for signatures.
    """
    roles = {role, SNAPSHOT, TIMESTAMP} if is_stolen else {role}

    def changed(root: Root) -> None:
        for each in sorted(roles):
            old = _named(root, each, key if each == role else "")
            root.revoke_key(old, each)
            (new,) = _keys(ring, each, 1, trusted.roots(folder))
            root.add_key(new, each)

    return _change(folder, ring, changed)


def renew(folder: pathlib.Path, ring: keyring.Keyring) -> Outcome:
    """The same root for another year."""
    return _change(folder, ring, lambda root: None)


def sign(folder: pathlib.Path, ring: keyring.Keyring) -> Outcome:
    """Adds the signatures of the keys that are here to a root that waits for them.

    Raises:
        BadInput: none waits.
    """
    with holding.held(folder, finishing=True) as state:
        waiting = next_root.read(folder)
        if waiting is None:
            raise errors.BadInput(str(folder), "no root waits for signatures", "See --help.")
        return _finished(folder, state, waiting, ring)


def _change(
    folder: pathlib.Path, ring: keyring.Keyring, changed: Callable[[Root], None]
) -> Outcome:
    with holding.held(folder, finishing=True) as state:
        waiting = next_root.read(folder)
        root = copy.deepcopy(state.root.signed)
        root.version, root.expires = root.version + 1, _expires()
        changed(root)
        if waiting is None:
            waiting = Metadata(root)
        elif (waiting.signed.roles, waiting.signed.keys) != (root.roles, root.keys):
            cause = "another change of root waits for signatures"
            remedy = f"Finish it with publish.py keys sign, or delete {next_root.NAME}."
            raise errors.BadInput(str(folder), cause, remedy)
        return _finished(folder, state, waiting, ring)


def _finished(
    folder: pathlib.Path, state: trusted.State, waiting: Metadata[Root], ring: keyring.Keyring
) -> Outcome:
    version = waiting.signed.version
    next_root.sign(folder, state.root, waiting, ring)
    missing = next_root.missing(state.root, waiting)
    if missing:
        return Outcome(version, missing)
    commits.commit(folder, state, commits.Change(root=waiting), ring)
    next_root.remove(folder)
    return Outcome(version, 0, tuple(_retired(state.root.signed, waiting.signed)))


def _retired(before: Root, after: Root) -> list[tuple[str, str]]:
    return [
        (role, keyid)
        for role in ROLES
        for keyid in before.roles[role].keyids
        if keyid not in after.roles[role].keyids
    ]


def _keys(
    ring: keyring.Keyring, role: str, count: int, roots: Sequence[Metadata[Root]] = ()
) -> list[Key]:
    """New keys for a role: those that a killed run has made, and more."""
    used = {keyid for root in roots for keyid in root.signed.keys}
    found = [ring.public(role, number) for number in ring.numbers(role)]
    fresh = [key for key in found if key.keyid not in used][:count]
    return [*fresh, *(ring.make(role) for _ in range(count - len(fresh)))]


def _named(root: Root, role: str, key: str) -> str:
    found = [keyid for keyid in root.roles[role].keyids if keyid.startswith(key)]
    if len(found) != 1:
        listed = ", ".join(keyid[:16] for keyid in root.roles[role].keyids)
        cause = f"{len(found)} of {role}'s keys begin so; there are {listed}"
        raise errors.BadInput(f"--key={key}", cause, "Give the first digits of one.")
    return found[0]


def _expires() -> datetime.datetime:
    return trusted.now() + datetime.timedelta(days=commits.DAYS[ROOT])

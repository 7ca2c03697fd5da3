"""Old versions out of what is signed, and files that no reader asks for any more off the disk.

Every update fetches what is signed of all versions, a kilobyte for each, and every publication
leaves the state before it. Two rules make both small again, and neither is noticed by a reader:

- A version leaves a channel where enough newer ones (`keep`) are for everybody who could get it, so
  that it would not be chosen even when all but one of these were withdrawn. What was withdrawn
  stays, or the same release would be published again.
- Metadata of a state that has not been the newest for some days go, and with them the files that no
  other metadata name. Roots stay: who slept reads one after another.
"""

import dataclasses
import datetime
import pathlib

from tuf.api.metadata import TargetFile

from tfedge.delivery import commits, drafts, holding, keyring, names, shelf, trusted
from tfedge.delivery.keyring import SNAPSHOT, TARGETS

KEEP, DAYS = 3, 30


@dataclasses.dataclass(frozen=True)
class Tidied:
    """What went.

    Attributes:
        versions: (model, version) of those that are not signed for any more.
        files: how many were deleted.
        bytes: of these.
    """

    versions: tuple[tuple[str, int], ...]
    files: int
    bytes: int


def tidy(
    folder: pathlib.Path, ring: keyring.Keyring, keep: int = KEEP, days: float = DAYS
) -> Tidied:
    """Makes a repository small again; killed anywhere, the same call goes on.

    Args:
        folder: of the repository.
        ring: with the keys of targets, snapshot and timestamp.
        keep: how many versions for everybody are between a version that goes and nobody.
        days: for which the files of an earlier state stay.

    Raises:
        BadInput: keys that are not there; a repository that does not hold; a disk that refuses.
    """
    with holding.held(folder) as before:
        state = before
        draft = drafts.Draft(folder, ring, dict(state.targets.signed.targets))
        gone = _forget(draft, keep)
        if gone:
            change = commits.Change(draft.targets, draft.files)
            state = commits.commit(folder, state, change, ring)
        old = [*_old(folder, state, TARGETS, days), *_old(folder, state, SNAPSHOT, days)]
        size = sum(_delete(path) for path in old)
        left = holding.leftovers(folder, state)
        size += sum(_delete(path) for path in left)
        return Tidied(tuple(gone), len(old) + len(left), size)


def _forget(draft: drafts.Draft, keep: int) -> list[tuple[str, int]]:
    """Takes versions out of channels, and those that are in none out of the targets."""
    needed: dict[str, set[int]] = {}
    before = dict(draft.targets)
    for model, name in shelf.channels(before):
        offers = shelf.channel_of(draft.folder, before, model, name)
        gone = offers.superseded(keep)
        left = tuple(each for each in offers.entries if each.version not in gone)
        needed.setdefault(model, set()).update(each.version for each in left)
        if gone:
            changed = dataclasses.replace(offers, entries=left)
            draft.put(names.channel(model, name), changed.to_bytes())
    found = [
        (model, version)
        for model, version in shelf.all_versions(before)
        if version not in needed.get(model, set())
    ]
    for model, version in found:
        for name in [each for each in draft.targets if _is_of(each, model, version)]:
            del draft.targets[name]
    for model, version in shelf.all_versions(draft.targets):
        _without_lost_bases(draft, model, version)
    return found


def _is_of(name: str, model: str, version: int) -> bool:
    directory, _, last = name.rpartition("/")
    return directory == model and last.partition(".")[0] == str(version)


def _without_lost_bases(draft: drafts.Draft, model: str, version: int) -> None:
    """A difference from a version that is not signed for cannot be compared with it."""
    name, told = names.sealed(model, version), shelf.fields(draft.targets, model, version)
    bases = {base for base in told.deltas if names.sealed(model, base) in draft.targets}
    if bases == set(told.deltas):
        return
    for base in told.deltas.keys() - bases:
        del draft.targets[told.deltas[base]]
    fewer = dataclasses.replace(told, deltas={base: told.deltas[base] for base in bases})
    target = TargetFile.from_dict(draft.targets[name].to_dict(), name)
    target.unrecognized_fields = {"custom": fewer.to_custom()}
    draft.targets[name] = target


def _old(folder: pathlib.Path, state: trusted.State, role: str, days: float) -> list[pathlib.Path]:
    """Metadata of a role whose successor has been there for so many days."""
    latest = trusted.now() - datetime.timedelta(days=days)
    found, newer = [], getattr(state, role)
    for version in range(newer.signed.version - 1, 0, -1):
        path = folder / trusted.METADATA / f"{version}.{role}.json"
        if not path.exists():
            break
        # The day on which the successor was signed is not in it, but when it expires is.
        if newer.signed.expires - datetime.timedelta(days=commits.DAYS[role]) <= latest:
            found.append(path)
        newer = trusted.parse(path.read_bytes(), path)
    return found[::-1]  # the oldest first, so that a kill leaves no gap


def _delete(path: pathlib.Path) -> int:
    size = path.stat().st_size
    path.unlink()
    return size

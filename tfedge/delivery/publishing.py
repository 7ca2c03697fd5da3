"""A release into a channel, more people into its share, or nobody any more.

    publishing.add(folder, ring, offering.read("release", "stable"), publishing.Asked(rollout=500))

Each call signs one new state and is done when it is written; one that was killed is called again.
What is published already is not published twice: a release is known by its model's SHA-256, so the
same call again changes nothing, and one with a larger share changes the share.
"""

import dataclasses
import pathlib

from tfedge import errors
from tfedge.delivery import (
    belonging,
    channel,
    commits,
    drafts,
    holding,
    keyring,
    names,
    shelf,
    trusted,
)
from tfedge.delivery.drafts import Draft
from tfedge.delivery.offering import Offered


@dataclasses.dataclass(frozen=True)
class Asked:
    """How a version is offered. What is None stays as it is in the channel, if it is there.

    Attributes:
        channel: the name of one.
        rollout: to how many, in ten-thousandths; everybody at first.
        min_app: the least version of the app.
        min_runtime: the least version of LiteRT; what the model needs at first.
        audiences: who may open it; () for all whose keys are there.
        days: how long the timestamp is good for.
    """

    channel: str = "stable"
    rollout: int | None = None
    min_app: str | None = None
    min_runtime: str | None = None
    audiences: tuple[str, ...] = ()
    days: int = commits.DAYS[keyring.TIMESTAMP]


@dataclasses.dataclass(frozen=True)
class Published:
    """What a call made of a release.

    Attributes:
        model: its name.
        entry: in the channel.
        is_new: whether the version was not there before.
        is_changed: whether anything was signed.
        bytes: of `full`, `packed`, `sealed` and `delta`, as far as they were made.
    """

    model: str
    entry: channel.Entry
    is_new: bool
    is_changed: bool
    bytes: dict[str, int]


def add(folder: pathlib.Path, ring: keyring.Keyring, offered: Offered, asked: Asked) -> Published:
    """Publishes a release to a channel.

    Args:
        folder: of the repository.
        ring: with the keys of targets, snapshot, timestamp and audiences.
        offered: the release.
        asked: how.

    Raises:
        BadInput: withdrawn before; keys that are not there; a repository that does not hold; a full
            disk.
    """
    names.check_channel(asked.channel, f"--channel={asked.channel}")
    with holding.held(folder) as state:
        before = state.targets.signed.targets
        draft = Draft(folder, ring, dict(before))
        offers = shelf.channel_of(folder, before, offered.model, asked.channel)
        known = shelf.versions(before, offered.model)
        version = next(
            (number for number, each in known.items() if each.model.sha256 == offered.sha256), None
        )
        is_new = version is None
        audiences = _audiences(ring, asked)
        for each in audiences:
            belonging.check_audience(folder, state, ring, each)
        if version is None:
            version = max(known, default=0) + 1
            sizes = drafts.put_version(draft, offered, version, _base(offers), audiences)
        else:
            sizes = {}
            drafts.put_keys(draft, offered.model, version, audiences)
        if offered.provenance:
            draft.put(names.provenance(offered.model, version), offered.provenance)
        if offered.signature:
            draft.put(names.signature(offered.model, version), offered.signature)
        entry = _entry(offers, version, offered, asked)
        draft.put(names.channel(offered.model, asked.channel), offers.having(entry).to_bytes())
        is_changed = draft.targets != before
        if is_changed:
            commits.commit(
                folder, state, commits.Change(draft.targets, draft.files, days=asked.days), ring
            )
        return Published(offered.model, entry, is_new, is_changed, sizes)


def withdraw(
    folder: pathlib.Path,
    ring: keyring.Keyring,
    model: str,
    name: str,
    version: int,
    *,
    undo: bool = False,
) -> bool:
    """Takes a version back from a channel: installations that have it go to the one before.

    Args:
        folder: of the repository.
        ring: with the keys of targets, snapshot and timestamp.
        model: its name.
        name: of the channel.
        version: to withdraw.
        undo: to offer it again.

    Returns:
        Whether it was not so already.

    Raises:
        BadInput: the channel has no such version.
    """
    with holding.held(folder) as state:
        before = state.targets.signed.targets
        offers = shelf.channel_of(folder, before, model, name)
        entry = next((each for each in offers.entries if each.version == version), None)
        if entry is None:
            has = ", ".join(str(each.version) for each in offers.entries) or "no version"
            raise errors.BadInput(
                f"--version_number={version}", f"{model}/{name} has {has}", "Give one that it has."
            )
        changed = offers.having(dataclasses.replace(entry, withdrawn=not undo))
        draft = Draft(folder, ring, dict(before))
        draft.put(names.channel(model, name), changed.to_bytes())
        if draft.targets == before:
            return False
        commits.commit(folder, state, commits.Change(draft.targets, draft.files), ring)
        return True


def refresh(folder: pathlib.Path, ring: keyring.Keyring, days: int) -> trusted.State:
    """A new timestamp, and of the other roles what has less than half of its days left."""
    with holding.held(folder) as state:
        return commits.commit(folder, state, commits.Change(days=days), ring)


def _audiences(ring: keyring.Keyring, asked: Asked) -> tuple[str, ...]:
    found = asked.audiences or ring.audiences()
    if not found:
        where = ", ".join(map(str, ring.folders))
        raise errors.BadInput(where, "no key of an audience is there", "Make one: keys audience.")
    return found


def _base(offers: channel.Channel) -> int | None:
    """The version that most installations of a channel have, as far as that is known here."""
    there = [each.version for each in offers.entries if not each.withdrawn]
    return max(there, default=None)


def _entry(offers: channel.Channel, version: int, offered: Offered, asked: Asked) -> channel.Entry:
    """What is asked for over what the channel says already."""
    first = channel.Entry(version, min_runtime=offered.needs_runtime)
    there = next((each for each in offers.entries if each.version == version), first)
    if there.withdrawn:
        cause = f"version {version} was withdrawn from {offers.model}/{offers.name}"
        command = f"publish.py withdraw {version} --channel={offers.name} --undo"
        remedy = f"Release another, or: {command}"
        raise errors.BadInput(f"--channel={offers.name}", cause, remedy)
    wanted = {
        name: getattr(asked, name)
        for name in ("rollout", "min_app", "min_runtime")
        if getattr(asked, name) is not None
    }
    for name in wanted.keys() & {"min_app", "min_runtime"}:
        channel.check_version(wanted[name], f"--{name}={wanted[name]}")
    return dataclasses.replace(there, **wanted)

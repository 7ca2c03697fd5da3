"""A channel: the versions of a model that some installations may have, a small JSON target."""

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any

from tfedge import errors, foreign
from tfedge.delivery import names, rollout

SCHEMA_VERSION = 1
_REMEDY = "Publish again with this tfedge."
# Digits of ASCII, which each client reads alike, and no more than any language counts.
_VERSION = re.compile(r"([0-9]{1,9}(\.[0-9]{1,9})*)?")


@dataclasses.dataclass(frozen=True)
class Entry:
    """One version in a channel.

    Attributes:
        version: its number.
        rollout: who may have it, in ten-thousandths of all installations.
        withdrawn: nobody may have it any more, also who has it already.
        min_app: the least version of the app, such as "2.4"; "" for any.
        min_runtime: likewise of LiteRT.
    """

    version: int
    rollout: int = rollout.WHOLE
    withdrawn: bool = False
    min_app: str = ""
    min_runtime: str = ""


@dataclasses.dataclass(frozen=True)
class Channel:
    """What a channel offers.

    Attributes:
        model: its name.
        name: of the channel.
        entries: by version, the lowest first.
    """

    model: str
    name: str
    entries: tuple[Entry, ...] = ()

    def to_bytes(self) -> bytes:
        """The target's content; the same bytes for the same channel."""
        told = {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(self)}
        return (json.dumps(told, indent=1) + "\n").encode()

    def having(self, entry: Entry) -> "Channel":
        """The channel with this entry, in the place of an earlier one of the same version."""
        others = [each for each in self.entries if each.version != entry.version]
        entries = tuple(sorted([*others, entry], key=lambda each: each.version))
        return dataclasses.replace(self, entries=entries)

    def superseded(self, by: int) -> frozenset[int]:
        """Versions that nobody would be given, also where `by` - 1 newer ones were withdrawn.

        For each there are `by` newer ones for all installations, of an app and a runtime that
        are no newer than it needs itself. Those that are withdrawn are none of them.
        """
        whole = [
            each for each in self.entries if not each.withdrawn and each.rollout == rollout.WHOLE
        ]
        return frozenset(
            each.version
            for each in self.entries
            if not each.withdrawn and sum(_replaces(newer, each) for newer in whole) >= by
        )

    def choose(
        self, installation: str, app: str = "", runtime: str = "", current: int | None = None
    ) -> int | None:
        """The version that an installation should have; None where there is none for it.

        That is the highest one that it may have. What it has already it keeps, also when the share
        has become smaller since, unless it was withdrawn or there is a higher one.

        Args:
            installation: see `rollout.includes`.
            app: its version here, such as "2.4.1"; "" where not known, which is as good as any.
            runtime: likewise, of LiteRT.
            current: the version that it has, if any.
        """
        fit = [
            each.version
            for each in self.entries
            if not each.withdrawn
            and _reaches(app, each.min_app)
            and _reaches(runtime, each.min_runtime)
            and (
                each.version == current
                or rollout.includes(each.rollout, self.model, each.version, installation)
            )
        ]
        return max(fit, default=None)


def read(content: bytes, where: str) -> Channel:
    """What `Channel.to_bytes` wrote.

    Raises:
        BadInput: it is none, or of a later version.
    """
    told = foreign.parse_json(content, where, _REMEDY)
    with foreign.reading(where, _REMEDY, "no channel"):
        if foreign.whole(told["schema_version"]) != SCHEMA_VERSION:
            raise ValueError(f"it is of version {told['schema_version']}")
        entries = tuple(_entry(each) for each in told["entries"])
        if sorted({each.version for each in entries}) != [each.version for each in entries]:
            raise ValueError("its versions are not in order")
        model = names.check_model(str(told["model"]), where)
        return Channel(model, names.check_channel(str(told["name"]), where), entries)


def check_version(text: str, where: str) -> str:
    """The text, where it may be the version of an app or a runtime.

    Raises:
        BadInput: it is not numbers with dots between.
    """
    if not _VERSION.fullmatch(text):
        cause = f"expected numbers with dots between, such as 2.4.1; got {text!r}"
        raise errors.BadInput(where, cause, "Leave out what is no number.")
    return text


def _entry(told: Mapping[str, Any]) -> Entry:
    version, share = told["version"], told["rollout"]
    if type(version) is not int or type(share) is not int or type(told["withdrawn"]) is not bool:
        raise ValueError("an entry is not of the right types")
    if version < 1 or not 0 <= share <= rollout.WHOLE:
        raise ValueError(f"it names version {version} with a share of {share}")
    least = [check_version(told[name], name) for name in ("min_app", "min_runtime")]
    return Entry(version, share, told["withdrawn"], *least)


def _replaces(newer: Entry, older: Entry) -> bool:
    """Whether whoever could have the older one could have the newer one, if offered to all."""
    return (
        newer.version > older.version
        and _parts(newer.min_app) <= _parts(older.min_app)
        and _parts(newer.min_runtime) <= _parts(older.min_runtime)
    )


def _reaches(version: str, least: str) -> bool:
    """Whether a version, if known, is at least another; missing parts are 0."""
    return not version or not least or _parts(version) >= _parts(least)


def _parts(version: str) -> list[int]:
    parts = [int(part) for part in check_version(version, "version").split(".") if part]
    while parts and not parts[-1]:
        parts.pop()
    return parts

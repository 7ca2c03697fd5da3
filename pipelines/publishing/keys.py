"""Makes the keys of a repository, replaces them, and writes what an app brings with it.

    python pipelines/publish.py keys                     # make: all keys, and an empty repository
    python pipelines/publish.py keys rotate --role=targets
    python pipelines/publish.py keys revoke --role=timestamp      # it was stolen
    python pipelines/publish.py keys sign --keys=/media/stick     # the second holder of root
    python pipelines/publish.py keys renew               # root for another year
    python pipelines/publish.py keys audience --name=partner
    python pipelines/publish.py keys audience --trust=app_trust.json   # its key was lost: again
    python pipelines/publish.py keys passphrase --keys=/media/stick    # another one, for these
    python pipelines/publish.py keys signing             # for publish.py sign
    python pipelines/publish.py keys trust --output=app_trust.json

Move root-*.key to sticks when they are made; only rotate, revoke, renew and sign need them, as one
more folder: --keys=keys,/media/stick. docs/keys.md says what to do when a key is lost or stolen.
"""

import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from absl import flags
from tfedge_pipelines import entry
from tfedge_pipelines.publishing import key_flags

from tfedge import errors, settings

if TYPE_CHECKING:
    from tfedge.delivery.keyring import Keyring
    from tfedge.delivery.rotation import Outcome

FLAGS = flags.FlagValues()
WORDS = ("what",)
_WHAT = flags.DEFINE_string(
    "what",
    "make",
    "make | rotate | revoke | sign | renew | audience | signing | trust | passphrase; may be given "
    "without the flag.",
    flag_values=FLAGS,
)
key_flags.repository(FLAGS)
key_flags.keys(FLAGS)
_ROOT_KEYS = flags.DEFINE_integer(
    "root_keys", 3, "make: how many for root.", 1, 100, flag_values=FLAGS
)
_THRESHOLD = flags.DEFINE_integer(
    "threshold", 2, "make: how many of them sign a root.", lower_bound=1, flag_values=FLAGS
)
_ROLE = flags.DEFINE_string(
    "role", None, "rotate, revoke: root | targets | snapshot | timestamp.", flag_values=FLAGS
)
_KEY = flags.DEFINE_string(
    "key",
    "",
    "rotate, revoke: first digits of the key, where a role has several.",
    flag_values=FLAGS,
)
_NAME = flags.DEFINE_string("name", "app", "audience, trust: whose key.", flag_values=FLAGS)
_TRUST = flags.DEFINE_string(
    "trust",
    None,
    "audience: a file of keys trust, whose key is written back.",
    flag_values=FLAGS,
)
_OUTPUT = flags.DEFINE_string("output", None, "trust: the file to write.", flag_values=FLAGS)


def main() -> int:
    """Does what is asked; the exit code."""
    if _WHAT.value not in _DONE_BY:
        remedy = settings.nearest(_WHAT.value, list(_DONE_BY))
        raise errors.BadInput(f"keys {_WHAT.value}", "no such step", remedy)
    from tfedge.delivery import holding

    ring, folder = key_flags.ring(FLAGS, is_new=_WHAT.value == "make"), key_flags.folder(FLAGS)
    with holding.disk(ring.folders[0]):
        _DONE_BY[_WHAT.value](folder, ring)
    return entry.OK


def _make(folder: pathlib.Path, ring: "Keyring") -> None:
    from tfedge.delivery import rotation

    rotation.begin(folder, ring, _ROOT_KEYS.value, _THRESHOLD.value)
    entry.tell(f"{folder} is a repository; its keys are in {ring.folders[0]}")
    entry.tell(f"move root-*.key of it to {_ROOT_KEYS.value} sticks, and keep copies of all keys")


def _rotate(folder: pathlib.Path, ring: "Keyring") -> None:
    _replace(folder, ring, is_stolen=False)


def _revoke(folder: pathlib.Path, ring: "Keyring") -> None:
    _replace(folder, ring, is_stolen=True)


def _sign(folder: pathlib.Path, ring: "Keyring") -> None:
    from tfedge.delivery import rotation

    _tell(rotation.sign(folder, ring))


def _renew(folder: pathlib.Path, ring: "Keyring") -> None:
    from tfedge.delivery import rotation

    _tell(rotation.renew(folder, ring))


def _audience(_: pathlib.Path, ring: "Keyring") -> None:
    if _TRUST.value:
        from tfedge import foreign
        from tfedge.delivery import trust

        where = f"--trust={_TRUST.value}"
        told = trust.read(foreign.read_bytes(_TRUST.value, "Name another.", where), where)
        ring.make_audience(told.audience, told.key)
        entry.tell(f"the key of {told.audience} is in {ring.folders[0]} again")
        return
    ring.make_audience(_NAME.value)
    entry.tell(f"a key of {_NAME.value} is in {ring.folders[0]}; versions added from now on open")
    entry.tell("by it, and those that are added again")


def _signing(_: pathlib.Path, ring: "Keyring") -> None:
    path = ring.make_signing()
    entry.tell(f"{path} is for those who check what it signs; beside it is the key itself")


def _passphrase(_: pathlib.Path, ring: "Keyring") -> None:
    count = ring.change_passphrase(key_flags.new_passphrase(FLAGS))
    entry.tell(f"{count} keys in {ring.folders[0]} are behind the new passphrase")


def _trust(folder: pathlib.Path, ring: "Keyring") -> None:
    from tfedge.delivery import belonging, holding, trust, trusted, writing

    if not _OUTPUT.value:
        raise errors.BadInput("--output", "missing", "Name the file to write.")
    holding.check_there(folder)
    belonging.check_audience(folder, trusted.read(folder), ring, _NAME.value)
    root = trusted.bytes_of(trusted.roots(folder)[-1])
    content = trust.Trust(root, _NAME.value, ring.audience_key(_NAME.value)).to_bytes()
    writing.asked_for(_OUTPUT.value, content, mode=0o600)
    entry.tell(f"written to {_OUTPUT.value}; whoever has it opens all models for {_NAME.value}")


def _replace(folder: pathlib.Path, ring: "Keyring", is_stolen: bool) -> None:
    from tfedge.delivery import keyring, rotation

    if _ROLE.value not in keyring.ROLES:
        cause = f"expected one of {', '.join(keyring.ROLES)}; got {_ROLE.value}"
        raise errors.BadInput("--role", cause, "Write --role=targets.")
    _tell(rotation.replace(folder, ring, _ROLE.value, _KEY.value, is_stolen=is_stolen))


def _tell(outcome: "Outcome") -> None:
    if outcome.missing:
        entry.tell(f"root {outcome.version} waits for {outcome.missing} more of root's keys:")
        entry.tell("publish.py keys sign --keys=keys,FOLDER, where they are")
        return
    entry.tell(f"root {outcome.version} is in place")
    for role, keyid in outcome.retired:
        entry.tell(f"nothing trusts {role}-{keyid[:16]}.key any more")


_DONE_BY: dict[str, Callable[[pathlib.Path, "Keyring"], None]] = {
    "make": _make,
    "rotate": _rotate,
    "revoke": _revoke,
    "sign": _sign,
    "renew": _renew,
    "audience": _audience,
    "passphrase": _passphrase,
    "signing": _signing,
    "trust": _trust,
}

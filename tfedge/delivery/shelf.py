"""What the signed targets of a repository offer, and what is in them for who holds a key."""

import pathlib
from collections.abc import Mapping

from tuf.api import exceptions
from tuf.api.metadata import TargetFile

from tfedge import errors, foreign, packing
from tfedge.delivery import channel, facts, keyring, names, segments, trusted, wrapping

_SEALED = ".sealed"
_REMEDY = "Take the folder from a backup or from what is served."


def versions(targets: Mapping[str, TargetFile], model: str) -> dict[int, facts.Sealed]:
    """The versions of a model that are published, the lowest first."""
    return {number: fields(targets, model, number) for number in numbers(targets, model)}


def numbers(targets: Mapping[str, TargetFile], model: str) -> list[int]:
    """The numbers of a model's versions, the lowest first."""
    return sorted(filter(None, (_number(name, model) for name in targets)))


def all_versions(targets: Mapping[str, TargetFile]) -> list[tuple[str, int]]:
    """(model, version) of all that is published, sorted."""
    models = {path.partition("/")[0] for path in targets}
    return sorted((model, number) for model in models for number in numbers(targets, model))


def fields(targets: Mapping[str, TargetFile], model: str, version: int) -> facts.Sealed:
    """What was signed of a version.

    Raises:
        BadInput: there is none of that number.
    """
    name = names.sealed(model, version)
    target = targets.get(name)
    if target is None:
        raise errors.BadInput(model, f"it has no version {version}", "See publish.py verify.")
    return facts.sealed(target.custom, target.length, name)


def channel_of(
    folder: pathlib.Path, targets: Mapping[str, TargetFile], model: str, name: str
) -> channel.Channel:
    """A channel; one that is not there yet is empty."""
    path = names.channel(model, name)
    if path not in targets:
        return channel.Channel(model, name)
    return channel.read(content(folder, targets[path]), path)


def channels(targets: Mapping[str, TargetFile]) -> list[tuple[str, str]]:
    """(model, channel) of each, sorted."""
    found = (path.removesuffix(".json").split("/") for path in targets if path.endswith(".json"))
    return sorted((model, name) for model, name in found)


def content(folder: pathlib.Path, target: TargetFile) -> bytes:
    """The bytes of a target, compared with what was signed.

    Raises:
        BadInput: they are others, or not there.
    """
    found = foreign.read_bytes(trusted.file_of(folder, target), _REMEDY, target.path)
    try:
        target.verify_length_and_hashes(found)
    except exceptions.LengthOrHashMismatchError as error:
        raise errors.BadInput(target.path, "not the bytes that were signed", _REMEDY) from error
    return found


def content_key(ring: keyring.Keyring, fields: facts.Sealed, name: str) -> bytes:
    """The key of a version, by any audience that is here.

    Raises:
        BadInput: none of its audiences is.
    """
    for audience in ring.audiences():
        if audience in fields.keys:
            return wrapping.unwrap(fields.keys[audience], ring.audience_key(audience), name)
    cause = f"no key of its audiences ({', '.join(fields.keys)}) is there"
    raise errors.BadInput(name, cause, "Give --keys=FOLDER,FOLDER.")


def model(
    folder: pathlib.Path,
    targets: Mapping[str, TargetFile],
    ring: keyring.Keyring,
    of: str,
    version: int,
) -> bytes:
    """The .tflite of a version."""
    name = names.sealed(of, version)
    told = fields(targets, of, version)
    key = content_key(ring, told, name)
    return packing.unpack(segments.open_sealed(content(folder, targets[name]), key, name))


def _number(name: str, model: str) -> int | None:
    """The version in the name of a sealed model; None of any other target."""
    directory, _, last = name.rpartition("/")
    number = last.removesuffix(_SEALED)
    return int(number) if directory == model and last != number and number.isdecimal() else None

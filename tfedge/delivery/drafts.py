"""Targets as the next state will have them: a version sealed, its difference, its keys."""

import dataclasses
import os
import pathlib
from typing import Any

from tuf.api.metadata import TargetFile

from tfedge import packing
from tfedge.delivery import facts, keyring, names, segments, shelf, wrapping
from tfedge.delivery.offering import Offered
from tfedge.packing import differing

DELTA_SHARE = 0.5  # of the packed file; a longer difference is not worth a second way


@dataclasses.dataclass
class Draft:
    """What will be signed.

    Attributes:
        folder: of the repository.
        ring: with keys of audiences.
        targets: all of them, by name.
        files: content of those that are to be written.
    """

    folder: pathlib.Path
    ring: keyring.Keyring
    targets: dict[str, TargetFile]
    files: dict[str, bytes] = dataclasses.field(default_factory=dict)

    def put(self, name: str, content: bytes, custom: dict[str, Any] | None = None) -> None:
        """A target that is new, or is another one now."""
        target = TargetFile.from_data(name, content, ["sha256"])
        if custom is not None:
            target.unrecognized_fields["custom"] = custom
        self.targets[name] = target
        self.files[name] = content

    def wrapped(self, key: bytes, audiences: tuple[str, ...], name: str) -> dict[str, bytes]:
        """A content key for each audience."""
        return {each: wrapping.wrap(key, self.ring.audience_key(each), name) for each in audiences}


def put_version(
    draft: Draft, offered: Offered, version: int, base: int | None, audiences: tuple[str, ...]
) -> dict[str, int]:
    """The sealed model, its examples, and the way from an earlier version where that is short.

    Args:
        draft: gets them.
        offered: the release.
        version: its number.
        base: the version to come from, if there is one.
        audiences: who may open it.

    Returns:
        The bytes of `full`, `packed`, `sealed` and `delta`, which is also told where it is too
        long to be offered.
    """
    name, key = names.sealed(offered.model, version), os.urandom(segments.KEY_BYTES)
    packed = packing.pack(offered.content)
    sealed = segments.seal(packed, key, name)
    sizes = {"full": len(offered.content), "packed": len(packed), "sealed": len(sealed)}
    deltas: dict[int, str] = {}
    if base is not None:
        before = shelf.model(draft.folder, draft.targets, draft.ring, offered.model, base)
        difference = differing.encode(offered.content, before)
        sizes["delta"] = len(difference)
        if len(difference) < DELTA_SHARE * len(packed):
            deltas[base] = names.delta(offered.model, version, base)
            delta = segments.seal(difference, key, deltas[base])
            chunks = _chunks(delta, deltas[base])
            of_delta = facts.Delta(version, base, facts.File.of(before), chunks)
            draft.put(deltas[base], delta, of_delta.to_custom())
    examples = names.golden(offered.model, version)
    draft.put(examples, offered.golden)
    told = facts.Sealed(
        version=version,
        model=facts.File.of(offered.content),
        chunks=_chunks(sealed, name),
        keys=draft.wrapped(key, audiences, name),
        golden=examples,
        deltas=deltas,
    )
    draft.put(name, sealed, told.to_custom())
    return sizes


def put_keys(draft: Draft, model: str, version: int, audiences: tuple[str, ...]) -> None:
    """Audiences that a published version does not have yet; its file stays as it is."""
    name = names.sealed(model, version)
    told = shelf.fields(draft.targets, model, version)
    new = tuple(each for each in audiences if each not in told.keys)
    if not new:
        return
    key = shelf.content_key(draft.ring, told, name)
    target = TargetFile.from_dict(draft.targets[name].to_dict(), name)
    more = dataclasses.replace(told, keys={**told.keys, **draft.wrapped(key, new, name)})
    target.unrecognized_fields = {"custom": more.to_custom()}
    draft.targets[name] = target


def _chunks(sealed: bytes, name: str) -> facts.Chunks:
    return facts.Chunks(segments.chunk_of(sealed, name), segments.chunk_hashes(sealed))

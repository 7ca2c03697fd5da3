"""A whole repository, without a network: what a client would refuse, and what is offered."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterator, Mapping

from tuf.api.metadata import TargetFile

from tfedge import errors, packing
from tfedge.delivery import (
    channel,
    facts,
    holding,
    keyring,
    model_signature,
    names,
    next_root,
    provenance,
    rollout,
    segments,
    shelf,
    trusted,
)
from tfedge.delivery.keyring import ROLES, ROOT
from tfedge.packing import difference
from tfedge.release.golden import vectors


@dataclasses.dataclass(frozen=True)
class Row:
    """One thing that was looked at.

    Attributes:
        what: a role, a version, a channel, a file.
        found: what is there, or what is wrong with it.
        is_good: whether a client takes it.
    """

    what: str
    found: str
    is_good: bool = True


def check(folder: pathlib.Path, ring: keyring.Keyring | None = None) -> list[Row]:
    """Everything that is signed, and everything that lies there.

    Args:
        folder: of the repository.
        ring: with keys of audiences, by which models are opened and unpacked, and public keys of
            who signs releases; None looks at what anybody can see.
    """
    state: list[trusted.State] = []
    rows = [_row("metadata", functools.partial(_read, folder, state))]
    if not state:
        return rows
    rows = [_role(state[0], role) for role in ROLES]
    targets = state[0].targets.signed.targets
    shown = _Shown(folder, targets, ring)
    for model, version in shelf.all_versions(targets):
        rows.append(_row(f"{model} {version}", functools.partial(shown.version, model, version)))
    for model, name in shelf.channels(targets):
        rows.append(_row(f"{model}/{name}", functools.partial(shown.channel, model, name)))
    return rows + list(_around(folder, state[0]))


@dataclasses.dataclass(frozen=True)
class _Shown:
    """The targets, looked at one by one; each raises BadInput where something is wrong."""

    folder: pathlib.Path
    targets: dict[str, TargetFile]
    ring: keyring.Keyring | None

    @property
    def _opens(self) -> bool:
        return self.ring is not None and not self.ring.is_public

    def version(self, model: str, version: int) -> str:
        name = names.sealed(model, version)
        told = shelf.fields(self.targets, model, version)
        if told.version != version:
            raise errors.BadInput(name, f"its fields are those of {told.version}", "")
        sealed = self._sealed(name, told.chunks)
        golden = vectors.read(self._content(told.golden), told.golden)
        if golden.model_sha256 != told.model.sha256:
            raise errors.BadInput(told.golden, "its examples are another model's", "")
        said = [f"{told.model.length:,} B, sealed {len(sealed):,} B for {', '.join(told.keys)}"]
        content = self._opened(name, sealed, told) if self._opens else b""
        for base, delta in told.deltas.items():
            said.append(f"from {base}: {self._delta(told, base, delta, content):,} B")
        said += ["opened"] * self._opens
        return "; ".join([*said, *self._origin(model, version, told.model.sha256)])

    def channel(self, model: str, name: str) -> str:
        found = shelf.channel_of(self.folder, self.targets, model, name)
        if (found.model, found.name) != (model, name):
            raise errors.BadInput(name, f"it is that of {found.model}/{found.name}", "")
        for each in found.entries:
            shelf.fields(self.targets, model, each.version)
        return "; ".join(_said(each) for each in reversed(found.entries)) or "empty"

    def _origin(self, model: str, version: int, sha256: str) -> Iterator[str]:
        """Where it comes from and who has signed that, of one release where both are there."""
        listed: Mapping[str, str] = {}
        name = names.provenance(model, version)
        if name in self.targets:
            found = provenance.read(self._content(name), name)
            listed = found.files
            _is_about(sha256, found.files, name)
            yield f"made by {found.recipe or 'no recipe'}: {found.outcome}"
        name = names.signature(model, version)
        if name in self.targets:
            signers = self.ring.signers() if self.ring else ()
            signed = model_signature.read(self._content(name), name, signers)
            _is_about(sha256, signed.files, name)
            if not listed.items() <= signed.files.items():
                raise errors.BadInput(name, "it is of another release than its provenance", "")
            how = "signed by" if signed.is_checked else "says that it is signed by an unknown key,"
            yield f"{how} {signed.signer}"

    def _content(self, name: str) -> bytes:
        if name not in self.targets:
            raise errors.BadInput(name, "named by what is signed, and no target", "")
        return shelf.content(self.folder, self.targets[name])

    def _sealed(self, name: str, chunks: facts.Chunks) -> bytes:
        sealed = self._content(name)
        if facts.Chunks(segments.chunk_of(sealed, name), segments.chunk_hashes(sealed)) != chunks:
            raise errors.BadInput(name, "its chunks are not those that are signed", "")
        return sealed

    def _opened(self, name: str, sealed: bytes, told: facts.Sealed) -> bytes:
        content = packing.unpack(segments.open_sealed(sealed, self._key(name, told), name))
        return _same(content, told.model, name)

    def _delta(self, told: facts.Sealed, base: int, name: str, content: bytes) -> int:
        length = len(self._content(name))
        of_delta = facts.delta(self.targets[name].custom, length, name)
        sealed = self._sealed(name, of_delta.chunks)
        model = name.partition("/")[0]
        before = shelf.fields(self.targets, model, base).model
        if (of_delta.version, of_delta.base, of_delta.base_model) != (told.version, base, before):
            raise errors.BadInput(name, "it is that of other versions", "")
        if self._opens:
            assert self.ring is not None
            key = self._key(names.sealed(model, told.version), told)
            made = segments.open_sealed(sealed, key, name)
            earlier = shelf.model(self.folder, self.targets, self.ring, model, base)
            _same(difference.unpack(made, earlier), told.model, name)
        return len(sealed)

    def _key(self, name: str, told: facts.Sealed) -> bytes:
        assert self.ring is not None
        return shelf.content_key(self.ring, told, name)


def _read(folder: pathlib.Path, into: list[trusted.State]) -> str:
    into.append(trusted.read(folder))
    return ""


def _row(what: str, look: Callable[[], str]) -> Row:
    try:
        return Row(what, look())
    except (errors.BadInput, OSError) as error:
        said = error.cause if isinstance(error, errors.BadInput) else str(error)
        where = error.where if isinstance(error, errors.BadInput) else ""
        return Row(what, f"{where}: {said}", is_good=False)


def _role(state: trusted.State, role: str) -> Row:
    metadata = getattr(state, role)
    keys = state.root.signed.roles[role]
    days = trusted.days_left(metadata)
    said = f"version {metadata.signed.version}, {keys.threshold} of {len(keys.keyids)} keys"
    if days <= 0:
        how = "publish.py keys renew" if role == ROOT else "publish.py refresh"
        return Row(role, f"{said}, expired {-days:.1f} days ago: {how}", is_good=False)
    return Row(role, f"{said}, good for {days:.1f} days")


def _around(folder: pathlib.Path, state: trusted.State) -> Iterator[Row]:
    for path in sorted(folder.rglob("*.key")):
        name = str(path.relative_to(folder))
        yield Row(name, "a private key, where everybody is served", is_good=False)
    if (folder / next_root.NAME).exists():
        yield Row(next_root.NAME, "a root waits for signatures: publish.py keys sign")
    for path in holding.leftovers(folder, state):
        yield Row(str(path.relative_to(folder)), "a killed publisher left it, the next removes it")


def _is_about(sha256: str, files: Mapping[str, str], name: str) -> None:
    if sha256 not in files.values():
        raise errors.BadInput(name, "it tells of another model", "")


def _same(content: bytes, told: facts.File, name: str) -> bytes:
    if facts.File.of(content) != told:
        raise errors.BadInput(name, "what it opens to is not the model that was signed", "")
    return content


def _said(entry: channel.Entry) -> str:
    if entry.withdrawn:
        return f"{entry.version} withdrawn"
    least = [f"app {entry.min_app}"] * bool(entry.min_app)
    least += [f"runtime {entry.min_runtime}"] * bool(entry.min_runtime)
    share = f"{entry.version} for {100 * entry.rollout / rollout.WHOLE:g}%"
    return ", from ".join([share, *least])

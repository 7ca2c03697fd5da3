"""A small repository with two versions, served on this machine, and clients that do not wait.

A model's examples are its SHA-256 here, and a probe compares just that: thousands of updates are
tried, and what an interpreter answers is not in question.
"""

import dataclasses
import hashlib
import pathlib
import random
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import TypeVar

from tfedge.delivery import fetch, keyring, publishing, rotation, serving, trust
from tfedge.delivery.fetch import reasons
from tfedge.delivery.fetch.retrying import Retries
from tfedge.delivery.offering import Offered
from tfedge.delivery.serving.fault import Fault

MODEL, AUDIENCE = "tiny", "app"
Place = TypeVar("Place")
_FILE = pathlib.Path(__file__).resolve().parents[3] / "tests/device/files/sequence_float16.tflite"
_MOVED = 300  # bytes at the end that a training has moved


@dataclasses.dataclass(frozen=True)
class Row:
    """What a trial has shown.

    Attributes:
        what: was tried, and by whose client.
        tries: how often.
        wrong: how many of them did not end as they have to; none may.
        note: figures.
    """

    what: str
    tries: int
    wrong: int
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Asked:
    """How to try.

    Attributes:
        folder: for all that is made; empty.
        tries: how often; 0 for every place there is.
        draw: chance.
        clients: files of `clients`, by name.
    """

    folder: pathlib.Path
    tries: int
    draw: random.Random
    clients: Mapping[str, ModuleType]

    def place(self, name: str) -> pathlib.Path:
        """A new folder in `folder`."""
        made = self.folder / name
        made.mkdir(parents=True)
        return made

    def some(self, places: Sequence[Place]) -> Sequence[Place]:
        """As many of them as tries, evenly spread; all where `tries` is 0."""
        if not self.tries or self.tries >= len(places):
            return places
        step = len(places) / self.tries
        begin = self.draw.random()
        return [places[int((number + begin) * step)] for number in range(self.tries)]


class Bed:
    """A repository in a new folder.

    Attributes:
        folder: of the repository.
        contents: of the models, by version.
        trust: what an app brings.
    """

    def __init__(self, folder: pathlib.Path, contents: Iterable[bytes]):
        """Makes keys and publishes the first model; `publish` adds the next."""
        self.folder = folder / "repository"
        self._ring = keyring.Keyring([folder / "keys"], lambda _: b"of a trial")
        rotation.begin(self.folder, self._ring)
        self._left = list(contents)
        self.contents: dict[int, bytes] = {}
        root = (self.folder / "metadata" / "1.root.json").read_bytes()
        self.trust = trust.Trust(root, AUDIENCE, self._ring.audience_key(AUDIENCE))
        self.publish()

    def publish(self) -> None:
        """The next model."""
        content = self._left.pop(0)
        offered = Offered(MODEL, content, hashlib.sha256(content).digest())
        done = publishing.add(self.folder, self._ring, offered, publishing.Asked())
        self.contents[done.entry.version] = content

    def renew_root(self) -> None:
        """Another root, by the same keys."""
        rotation.renew(self.folder, self._ring)

    def server(self, *faults: Fault) -> serving.Server:
        """The repository behind an address, not yet begun."""
        return serving.Server(self.folder, faults)

    def client(self, address: str, store: pathlib.Path, attempts: int = 50) -> fetch.Client:
        """An installation."""
        retries = Retries(attempts, sleep=lambda _: None)
        return fetch.Client(address, self.trust, MODEL, store, retries=retries, probe=probe)

    def used(self, client: fetch.Client) -> int:
        """The version that an installation uses.

        Raises:
            BadInput: none.
            ValueError: its bytes are not those that were published.
        """
        with client.using() as model:
            if model.content != self.contents[model.version]:
                raise ValueError(f"version {model.version} is another file")
            return model.version


def probe(content: bytes, golden: bytes) -> None:
    """See the top of this file."""
    if hashlib.sha256(content).digest() != golden:
        raise reasons.Refused(reasons.PROBE, "another answer")


def small_models() -> list[bytes]:
    """Two of a few kB, so near each other that a difference is published."""
    first = _FILE.read_bytes()
    draw = random.Random(0)
    tail = bytes((each + draw.randrange(2)) % 256 for each in first[-_MOVED:])
    return [first, first[:-_MOVED] + tail]


def large_models(size: int) -> list[bytes]:
    """Two of so many bytes that have nothing in common."""
    return [random.Random(number).randbytes(size) for number in range(2)]

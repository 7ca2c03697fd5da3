"""What `preparing.prepare` found out of a model file, kept: the same is known without opening it.

Opening a model means loading TensorFlow, which takes longer than all else where every stage is in
the cache already. It is kept only where all of it follows from the bytes of a file and the data,
nothing was said on the way, and recipe, export and task are as they were given: who would be told
something is told it again.
"""

import contextlib
import dataclasses
import hashlib
import json
import logging as stdlib_logging
import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from absl import logging

from tfedge import cache, errors, foreign, progress
from tfedge.device.prediction import own_phone
from tfedge.device.profiles import Profile
from tfedge.making import timing
from tfedge.making.reading import Given

if TYPE_CHECKING:
    from tfedge.compress.recipe import Recipe

_TOLD, _FILE = "told.json", "baseline.tflite"  # in an entry
_PROGRESS = pathlib.Path(progress.__file__).parent
_ENDINGS = (".keras", ".h5")


@dataclasses.dataclass(frozen=True)
class About:
    """What can be said of a model without opening it.

    Attributes:
        name: its own; empty for none.
        no_layers: why passes cannot work on it; empty where they can.
        slow: classes of layers that integers make slower, see `default_export`.
        start_key: what determines its candidate, as a number; empty where there is none, or it is
            not known yet.
    """

    name: str = ""
    no_layers: str = ""
    slow: tuple[str, ...] = ()
    start_key: str = ""


class Memory:
    """What is known for one order, in a cache; nowhere where it could not be told by a key."""

    def __init__(self, stages: cache.Cache | None, given: Given, phone: Profile | None):
        """Reads the model file, to know it again."""
        self._stages, self._path = stages, _plain_file(given)
        self._digest = "" if self._path is None else _digest(self._path)
        self._key = "" if stages is None or self._path is None else self._key_of(given, phone)
        self._said: list[stdlib_logging.LogRecord] = []
        self._is_deaf = False

    def read(self) -> tuple[About, bytes] | None:
        """The model, and its file as float32; None where they are not known."""
        if self._stages is None or not self._key:
            return None
        files = self._stages.read(self._key)
        if files is None:
            return None
        try:
            with foreign.reading("its facts", cache.REMEDY):
                about = _about(foreign.parse_json(files[_TOLD], _TOLD, cache.REMEDY))
                found = about, files[_FILE]
        except errors.BadInput as error:
            self._stages.refuse(self._key, error)
            return None
        logging.info("the input model's file: taken over from %s", self._stages.folder)
        return found

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Notices whether anything is said inside; where nobody would hear it, nothing is kept."""
        self._is_deaf = self._is_deaf or logging.get_verbosity() < logging.INFO
        listener = _Listener(self._said)
        logging.get_absl_logger().addHandler(listener)
        try:
            yield
        finally:
            logging.get_absl_logger().removeHandler(listener)

    def write(self, about: About, baseline: bytes) -> None:
        """Keeps it, where nothing was said on the way."""
        if self._stages is not None and self._key and not (self._said or self._is_deaf):
            told = json.dumps(dataclasses.asdict(about)).encode()
            self._stages.write(self._key, {_TOLD: told, _FILE: baseline})

    def check_same(self) -> None:
        """Refuses a file that was exchanged since it was read.

        Raises:
            BadInput: it was.
        """
        if self._path is not None and _digest(self._path) != self._digest:
            raise errors.BadInput(
                f"--model={self._path}",
                "the file is another one than when this run began",
                "Give the same command again.",
            )

    def _key_of(self, given: Given, phone: Profile | None) -> str:
        from tfedge.compress import keys

        order, task = given.order, given.task
        asked = [
            *(order.recipe, order.export, order.input_shape, order.allow_flex),
            *(given.recipe, given.export.to_text(), phone, timing.told(phone), own_phone.told()),
        ]
        start = keys.fingerprint([self._digest.encode()], task, tuple(task.splits()))
        text = f"prepared for {[f'{each}' for each in asked]} {task.name} {task.labels}"
        return keys.extend(start, text, _reads(given.recipe))


class _Listener(stdlib_logging.Handler):
    def __init__(self, records: list[stdlib_logging.LogRecord]):
        super().__init__(stdlib_logging.INFO)
        self._records = records

    def emit(self, record: stdlib_logging.LogRecord) -> None:
        if pathlib.Path(record.pathname).parent != _PROGRESS:  # which says how far a run is
            self._records.append(record)


def _plain_file(given: Given) -> pathlib.Path | None:
    """The model's file, where all that is known of it follows from its bytes."""
    order = given.order
    if order.custom_objects is not None or given.recipe_file:
        return None
    if not isinstance(order.model, str | pathlib.Path):
        return None
    path = pathlib.Path(order.model)
    return path if path.suffix in _ENDINGS and path.is_file() else None


def _digest(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reads(recipe: "Recipe") -> list[str]:
    return [path for each in recipe.passes for path in each.reads()]


def _about(told: Any) -> About:
    texts = {name: told[name] for name in ("name", "no_layers", "start_key")}
    if not all(isinstance(each, str) for each in (*texts.values(), *told["slow"])):
        raise ValueError("a fact that is no text")
    return About(slow=tuple(told["slow"]), **texts)

"""A release that is to be converted: its files, verified, and what they say."""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from tfedge import errors, foreign
from tfedge.device.file import tflite
from tfedge.release import app_facts
from tfedge.release.publishing import manifest, released

KERAS = "model.keras"


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """What a target is made of.

    Attributes:
        where: what to call it in errors.
        files: of the release, by name.
        file: its .tflite.
        told: of the model and its data.
        keras: the compressed Keras model, which has no batch of 1; None where there is none.
    """

    where: str
    files: Mapping[str, bytes]
    file: tflite.TfliteFile
    told: app_facts.AppFacts
    keras: bytes | None

    @property
    def recipe(self) -> Mapping[str, Any]:
        """What recipe.json says."""
        content = self.files.get("recipe.json", b"{}")
        return foreign.parse_json(content, f"{self.where}, recipe.json", "Release again.")


def read(release: str | os.PathLike, keras: str | None = None) -> Source:
    """Reads a release folder.

    Args:
        release: its path.
        keras: a .keras file in the place of the release's model.keras.

    Raises:
        BadInput: no release, or not as it was released.
    """
    where = f"--release={os.fspath(release)}"
    files = manifest.read_release(release)
    listing = manifest.parse(files[manifest.NAME]) or {}
    if not manifest.is_release(listing) or released.MODEL not in files:
        raise errors.BadInput(where, "it was not released", "Give the folder of a release.")
    file = tflite.read(files[released.MODEL], where)
    if file.signature is None:
        raise errors.BadInput(where, "its file has no signature", "Export it with tfedge.")
    given = files.get(KERAS)
    if keras is not None:
        flag = f"--keras={keras}"
        given = foreign.read_bytes(pathlib.Path(keras), "Give a .keras file.", flag)
    return Source(where, files, file, app_facts.read(listing, where), given)

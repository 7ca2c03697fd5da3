"""A release for other runtimes: ONNX, SavedModel, each compared with the released file.

    targets.convert("release", "onnx", "release-onnx")

A format is a file of `formats`. What it makes answers the held-out examples, and is written only
where its answers are the release's.
"""

import collections
import dataclasses
import os
import pathlib
from collections.abc import Mapping

import numpy as np
from absl import logging

from tfedge import errors, progress
from tfedge.app import folder
from tfedge.data import sources
from tfedge.release import golden
from tfedge.release.golden import vectors
from tfedge.release.publishing import manifest, released
from tfedge.targets import comparison, formats
from tfedge.targets import source as source_lib

COMPARISON = "comparison.json"
MOST_EXAMPLES = 10_000
LEAST_SAME = 0.98


@dataclasses.dataclass(frozen=True)
class Converted:
    """What came out.

    Attributes:
        folder: the output folder, absolute.
        is_written: whether enough answers were the same.
        compared: with the release.
        notes: what a reader has to know.
        sizes: bytes of the release's model.tflite, and of each file or folder that was made.
    """

    folder: pathlib.Path
    is_written: bool
    compared: comparison.Comparison
    notes: tuple[str, ...]
    sizes: Mapping[str, int]


def convert(
    release: str | os.PathLike,
    to: str,
    output_dir: str | os.PathLike,
    *,
    data: str | None = None,
    data_dir: str | None = None,
    keras: str | None = None,
    most_examples: int = MOST_EXAMPLES,
    least_same: float = LEAST_SAME,
) -> Converted:
    """Brings a release into another format.

    Args:
        release: a release folder.
        to: the name of a file of `formats`.
        output_dir: a new folder, or one that this wrote and nobody has changed since.
        data: whose held-out examples are compared on; None takes the release's own source, or its
            golden.npz where it names none.
        data_dir: where the data set lies, if not in the usual place.
        keras: the compressed Keras model, in the place of the release's model.keras.
        most_examples: as many held-out examples at most.
        least_same: the least share of answers that must be the same.

    Raises:
        BadInput: no release; what the format cannot take, with what to export instead; a folder
            that holds what is not ours. Nothing is written then.
    """
    wanted = formats.find(to)
    with folder.checked(output_dir) as target:
        source = source_lib.read(release, keras)
        examples = _examples(source, data, data_dir, most_examples)
        with progress.phase(f"converting to {to}"):
            made = wanted.make(source, examples.inputs)
        with progress.phase("comparing it with the release"):
            found = comparison.compare(source, examples, made.answer(examples.inputs))
        if found.same >= least_same:
            told = {"to": to, "model_sha256": examples.model_sha256, **found.to_json()}
            files = {**made.files, COMPARISON: manifest.as_json(told)}
            folder.write(target, wanted.name, examples.model_sha256, files)
    sizes = collections.Counter({released.MODEL: source.file.file_bytes})
    for path, content in made.files.items():
        sizes[path.partition("/")[0]] += len(content)
    return Converted(target, found.same >= least_same, found, made.notes, sizes)


def _examples(
    source: source_lib.Source, data: str | None, data_dir: str | None, most: int
) -> vectors.Vectors:
    """Inputs as the file takes them, and what it answers."""
    named = source.recipe
    address = data or named.get("source")
    if address is None or (data is None and address.startswith("py:")):
        logging.info("compared on golden.npz; --data=SOURCE compares on all held-out examples")
        return vectors.read(source.files[golden.NAME], f"{source.where}, {golden.NAME}")
    task = sources.load_task(address, data_dir or named.get("data_dir"), named.get("seed") or 0)
    if task.holdout is None:
        raise errors.BadInput(f"--data={address}", "it holds nothing out", "Give other data.")
    held_out = task.holdout.take(np.arange(min(most, len(task.holdout))))
    with progress.phase("running the release on the held-out examples"):
        return golden.of(source.file, held_out, task.normalization, "held_out")

"""A .tflite on this computer: what it answers to pictures and arrays, by the names of a release."""

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from tfedge import errors, foreign
from tfedge.app import picture, port
from tfedge.data import kinds, splits
from tfedge.data.answers import Answers
from tfedge.data.reading import resizing
from tfedge.data.task import Normalization
from tfedge.device import inference, sandbox
from tfedge.device.file import tflite
from tfedge.device.sandbox import limits
from tfedge.release import app_facts
from tfedge.release.publishing import manifest, released

_ARRAYS = (".npy", ".npz")
_MEMORY_BYTES, _SECONDS = 2**32, 600.0


@dataclasses.dataclass(frozen=True, eq=False)
class Answer:
    """To one example.

    Attributes:
        where: the file it came from, with its number where there are several.
        classes: (label, score) of each class, the likeliest first; empty where it tells no class.
        outputs: by name, real values.
    """

    where: str
    classes: tuple[tuple[str, float], ...]
    outputs: dict[str, np.ndarray]


def answer(model: str | os.PathLike, inputs: Sequence[str]) -> list[Answer]:
    """Runs a file, in a sandbox, on files of examples; one that keeps state is reset between them.

    Args:
        model: a .tflite or a release folder. In a release, or beside its manifest, it is known how
            raw inputs are normalized and what the classes are called.
        inputs: pictures; .npy of one example or of several; .npz of arrays by the inputs' names.

    Raises:
        BadInput: the model or an input cannot be read, or they do not fit.
    """
    content = released.tflite_bytes(model, str(model))
    file, told = tflite.read(content, str(model)), _told(pathlib.Path(model), content)
    found: list[Answer] = []
    for path in inputs:
        x = _examples(path, file, told)
        targets = np.zeros(splits.count(x), np.float32)  # nothing is judged
        found += _answers(path, splits.ArraySplit(x, targets), file, told)
    return found


def _told(model: pathlib.Path, content: bytes) -> app_facts.AppFacts | None:
    """Of the manifest beside the file, if it is that of this very file."""
    folder = model if model.is_dir() else model.parent
    listing = folder / manifest.NAME
    found = manifest.parse(listing.read_bytes()) if listing.is_file() else None
    if found is None or app_facts.KEY not in found:
        return None
    hashes = {each["sha256"] for each in found["files"].values()}
    if hashlib.sha256(content).hexdigest() not in hashes:
        return None
    return app_facts.read(found, str(folder))


def _examples(
    path: str, file: tflite.TfliteFile, told: app_facts.AppFacts | None
) -> np.ndarray | dict[str, np.ndarray]:
    """(n, ...) raw inputs."""
    if pathlib.Path(path).suffix not in _ARRAYS:
        return _picture(path, file, told)
    with foreign.reading(path, "Save it with numpy.save or numpy.savez."):
        found = np.load(path, allow_pickle=False)
        arrays = found if isinstance(found, np.ndarray) else {name: found[name] for name in found}
    ranks = {name: len(tensor.shape) for name, tensor in file.named_inputs.items()}
    if isinstance(arrays, dict):
        return {name: _batched(array, ranks.get(name, 0)) for name, array in arrays.items()}
    return _batched(arrays, next(iter(ranks.values())))


def _batched(array: np.ndarray, rank: int) -> np.ndarray:
    return array[np.newaxis] if array.ndim == rank - 1 else array


def _picture(path: str, file: tflite.TfliteFile, told: app_facts.AppFacts | None) -> np.ndarray:
    from tfedge.data.reading import decoding  # Pillow

    wanted = None if told is None else _wanted(file, told)
    if told is None or wanted is None:
        cause = "it is no .npy or .npz, and nothing says how this model takes pictures"
        raise errors.BadInput(path, cause, "Give the release folder, or an array of the raw input.")
    pixels = decoding.decode(path, wanted.channels)
    size = (wanted.height, wanted.width)
    resized = resizing.resize(pixels, size, wanted.interpolation, wanted.fit)
    (values,) = told.inputs.values()
    raw = resized * (wanted.most / picture.BYTE)
    is_whole = np.dtype(values.dtype).kind in "iu"
    return (np.rint(raw) if is_whole else raw).astype(values.dtype)[np.newaxis]


def _wanted(file: tflite.TfliteFile, told: app_facts.AppFacts) -> picture.Picture | None:
    return picture.of(
        told,
        port.inputs(file.named_inputs, file.inputs, told, file.takes_raw_input),
        port.outputs(file.named_outputs, file.outputs),
        resizing.INTERPOLATIONS,
    )


def _answers(
    path: str, split: splits.ArraySplit, file: tflite.TfliteFile, told: app_facts.AppFacts | None
) -> Iterator[Answer]:
    normalization = told.normalization if told else Normalization()
    allowed = sandbox.Limits(_MEMORY_BYTES, limits.usable_cores(), _SECONDS)
    run = inference.run(file, split, normalization, allowed, path, timed_seconds=0)
    if run.outcome.failure:
        failure = run.outcome.failure
        raise errors.BadInput(path, f"the model does not run: {failure.detail}", "Evaluate it.")
    count = len(next(iter(run.outputs.values())))
    for row in range(count):
        outputs = {name: values[row] for name, values in run.outputs.items()}
        where = f"{path}[{row}]" if count > 1 else path
        yield Answer(where, _classes(outputs, told), outputs)


def _classes(
    outputs: dict[str, np.ndarray], told: app_facts.AppFacts | None
) -> tuple[tuple[str, float], ...]:
    scores = next(iter(outputs.values()))
    if told is None or kinds.named(told.kind).answers is not Answers.ONE_OF_MANY:
        return ()
    if len(outputs) != 1 or scores.shape != (len(told.labels),):
        return ()
    order = np.argsort(-scores, kind="stable")
    return tuple((told.labels[index], float(scores[index])) for index in order)

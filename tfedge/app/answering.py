"""A .tflite on this computer: what it answers to pictures and arrays, by the names of a release."""

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from absl import logging

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
_ROWS = ".csv"
_HELD_OUT = "x_test"  # of the npz: that models are made with
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
        inputs: pictures; .npy of one example or of several; .npz of arrays by the inputs' names;
            .csv with the numbers of an example in each row, below a heading or not.

    Raises:
        BadInput: the model or an input cannot be read, or they do not fit.
    """
    content = released.tflite_bytes(model, str(model))
    file, told = tflite.read(content, str(model)), _told(pathlib.Path(model), content)
    if told is None:
        logging.info(
            "no manifest tells of %s: inputs go in as they are, classes have no names", model
        )
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
    if not pathlib.Path(path).is_file():
        raise errors.BadInput(path, "there is no such file", "Name a picture, .npy, .npz or .csv.")
    suffix = pathlib.Path(path).suffix.lower()
    if suffix == _ROWS:
        return _rows(path, file, told)
    if suffix not in _ARRAYS:
        return _picture(path, file, told)
    with foreign.reading(path, "Save it with numpy.save or numpy.savez."):
        found = np.load(path, allow_pickle=False)
        arrays = found if isinstance(found, np.ndarray) else {name: found[name] for name in found}
    ranks = {name: len(tensor.shape) for name, tensor in file.named_inputs.items()}
    if isinstance(arrays, dict):
        chosen = _by_input(path, arrays, list(ranks))
        return {name: _batched(chosen[name], rank) for name, rank in ranks.items()}
    return _batched(arrays, next(iter(ranks.values())))


def _by_input(
    path: str, arrays: Mapping[str, np.ndarray], inputs: Sequence[str]
) -> Mapping[str, np.ndarray]:
    """The array of each input; what goes into the only one may have another name."""
    if set(inputs) <= set(arrays):
        return arrays
    if len(inputs) == 1 and (len(arrays) == 1 or _HELD_OUT in arrays):
        return {inputs[0]: arrays.get(_HELD_OUT, next(iter(arrays.values())))}
    cause = f"it holds {', '.join(arrays) or 'nothing'}, the model takes {', '.join(inputs)}"
    example = ", ".join(f"{name}=..." for name in inputs)
    raise errors.BadInput(path, cause, f"Name the arrays so: numpy.savez(FILE, {example}).")


def _rows(path: str, file: tflite.TfliteFile, told: app_facts.AppFacts | None) -> np.ndarray:
    """The numbers of each row in the shape of the only input, and in the type of its raw values."""
    if len(file.named_inputs) != 1:
        cause = f"a row is for one input, the model takes {', '.join(file.named_inputs)}"
        raise errors.BadInput(path, cause, "Give a .npz with an array for each.")
    (tensor,) = file.named_inputs.values()
    remedy = "Write the numbers of one example in each row, with commas between."
    with foreign.reading(path, remedy, "no rows of numbers"):
        lines = pathlib.Path(path).read_text(encoding="utf-8-sig").splitlines()
        skipped = 0 if _are_numbers(lines[0]) else 1
        table = np.loadtxt(lines[skipped:], delimiter=",", ndmin=2)
    wanted = tensor.shape[1:]
    if table.shape[1:] != (int(np.prod(wanted)),) or not len(table):
        cause = f"a row has {table.shape[1]} numbers, the model takes {int(np.prod(wanted))}"
        shape = " x ".join(map(str, wanted))
        raise errors.BadInput(path, cause, f"Write those of {shape}, the last axis fastest.")
    dtype = np.dtype(next(iter(told.inputs.values())).dtype) if told and told.inputs else None
    return table.reshape(-1, *wanted).astype(dtype or tensor.dtype.lower())


def _are_numbers(line: str) -> bool:
    try:
        [float(each) for each in line.split(",")]
    except ValueError:
        return False
    return True


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

"""How many answers of a platform are those of the evaluation's own interpreter."""

import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np
from tfedge_tools.benchmarks.apps import javascript, kotlin
from tfedge_tools.benchmarks.apps.subject import Subject


@dataclasses.dataclass(frozen=True)
class Row:
    """One output of one subject on one platform.

    Attributes:
        subject: its name.
        output: its name.
        platform: what computed it.
        total: held-out examples.
        equal: of them, with the same answer: the same class where the output is a class's scores,
            else a value within the release's tolerance for other runtimes.
        identical: of them, the same to the last bit.
        apart: the largest difference.
    """

    subject: str
    output: str
    platform: str
    total: int
    equal: int
    identical: int
    apart: float


def in_kotlin(subjects: list[Subject], place: pathlib.Path) -> list[Row]:
    """All of them in one program; `place` is an empty folder."""
    assets = {each.name: kotlin.written(each, place / each.name) for each in subjects}
    code = "".join(kotlin.telling(each, assets[each.name]) for each in subjects)
    calls = "\n".join(f"    case_{each.name}()" for each in subjects)
    lines = kotlin.ran(list(place.rglob("*.kt")), f"{code}fun main() {{\n{calls}\n}}\n", place)
    found = []
    for each in subjects:
        first = next(line for line in lines if line.startswith(f"check {each.name} "))
        if "passed=true" not in first:
            raise RuntimeError(first)
        found += _rows(each, "Kotlin", kotlin.answers(lines, each))
    return found


def in_chromium(subject: Subject, folder: pathlib.Path, *, packed: bool) -> tuple[list[Row], float]:
    """The rows, and the milliseconds that the page took to load the model."""
    told = javascript.in_chromium(javascript.written(subject, folder, packed=packed), subject)
    if not told["check"]["passed"]:
        raise RuntimeError(f"{subject.name}: {told['check']}")
    return _rows(subject, "JavaScript", told["answers"]), told["loadMs"]


def _rows(subject: Subject, platform: str, theirs: Mapping[str, np.ndarray]) -> list[Row]:
    model = subject.model("android")
    found = []
    for port in model.outputs:
        ours = subject.answers()[port.name].reshape(len(theirs[port.name]), -1)
        got = theirs[port.name].reshape(ours.shape)
        allowed = model.tolerance(port) * (port.scale or 1.0)
        same = (np.abs(got - ours) <= allowed + 1e-6 * np.abs(ours)).all(1)
        if ours.shape[1] > 1:
            same = got.argmax(1) == ours.argmax(1)
        identical = int((got == ours).all(1).sum())
        apart = float(np.abs(got - ours).max())
        found.append(
            Row(subject.name, port.name, platform, len(ours), int(same.sum()), identical, apart)
        )
    return found

"""Release folders of the small kept files, as a release writes them; no TensorFlow."""

import dataclasses
import json
import pathlib
from typing import Any

import numpy as np

import tfedge
from tfedge.data.task import ArraySplit, Normalization, Task
from tfedge.device.file import tflite
from tfedge.release import app_facts, golden
from tfedge.release.publishing import bundle

FILES = pathlib.Path(__file__).resolve().parents[3] / "tests" / "device" / "files"
LABELS = ("a", 'b "quoted"', "c $x", "d\\")


@dataclasses.dataclass(frozen=True)
class Case:
    """A model and its data.

    Attributes:
        file: name in tests/device/files.
        task: raw examples.
    """

    file: str
    task: Task

    @property
    def content(self) -> bytes:
        """Of the file."""
        return (FILES / f"{self.file}.tflite").read_bytes()


def _task(x: Any, kind: str = "classification", **fields: Any) -> Task:
    count = len(next(iter(x.values()))) if isinstance(x, dict) else len(x)
    y = np.arange(count) % 4
    targets = y if kind == "classification" else y.astype(np.float32)
    split = ArraySplit(x, targets)
    return Task("tiny", kind, split, split, split, split, **fields)


def all_cases() -> dict[str, Case]:
    """By name: inputs of bytes, codes and floats; two inputs and outputs with a state; a loop."""
    draw = np.random.default_rng(3)
    images = draw.integers(0, 17, (40, 8, 8, 1)).astype(np.uint8)
    scaled: dict[str, Any] = {"labels": LABELS, "normalization": Normalization(1 / 16)}
    steps = {
        "steps": draw.normal(size=(40, 5, 3)).astype(np.float32),
        "extra": draw.normal(size=(40, 2)).astype(np.float32),
    }
    loop = draw.normal(size=(40, 6, 3)).astype(np.float32)
    return {
        "uint8_raw": Case("image_uint8_raw", _task(images, **scaled)),
        "int8": Case("image_int8", _task(images, **scaled)),
        "float": Case("image_float", _task(images, **scaled)),
        "two_ends": Case("sequence_float", _task(steps, kind="custom", metric=None)),
        "regression": Case("loop_float", _task(loop, kind="custom", metric=None)),
    }


def publish(
    case: Case,
    folder: pathlib.Path,
    outcome: str = "PASS",
    packed: bytes | None = None,
    **facts: Any,
) -> pathlib.Path:
    """A release of a case.

    Args:
        case: what is released.
        folder: the new folder.
        outcome: of its verdict.
        packed: the packed file; None for that of the case, nothing for none.
        **facts: more of the manifest.
    """
    file = tflite.read(case.content)
    metric = {"name": "accuracy", "value": 0.9871}
    card = {"schema_version": 1, "metric": metric, "file_bytes": file.file_bytes}
    files = {
        "model.tflite": case.content,
        "golden.npz": golden.make(file, case.task).to_bytes(),
        "scorecard.json": json.dumps(card).encode(),
        "verdict.json": json.dumps({"schema_version": 1, "outcome": outcome}).encode(),
    }
    packed = tfedge.pack(case.content) if packed is None else packed
    if packed:
        files["model.tflite.packed"] = packed
    told = {app_facts.KEY: app_facts.of("tiny_net", case.task).to_json()}
    return bundle.publish(folder, files, {**told, **facts})

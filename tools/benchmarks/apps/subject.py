"""A release whose generated code is run, with the raw examples that it is given."""

import base64
import dataclasses
import pathlib
from typing import Any

import numpy as np

from tfedge.app import platforms, reading
from tfedge.app.asked import Asked
from tfedge.app.model import Model
from tfedge.data import splits
from tfedge.data.task import Task
from tfedge.device import inference, sandbox
from tfedge.device.file import tflite
from tfedge.release import golden
from tfedge.release.golden import vectors

_MEMORY_BYTES = 2**32


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """A model in a release.

    Attributes:
        name: one word.
        release: its folder.
        task: raw held-out examples.
        most: how many of them are run.
    """

    name: str
    release: pathlib.Path
    task: Task
    most: int = 10**9

    @property
    def file(self) -> tflite.TfliteFile:
        """The released file."""
        return tflite.read((self.release / "model.tflite").read_bytes())

    @property
    def held_out(self) -> splits.ArraySplit:
        """The raw examples that are run."""
        assert self.task.holdout is not None
        count = min(self.most, len(self.task.holdout))
        return self.task.holdout.take(np.arange(count))

    def rows(self) -> dict[str, np.ndarray]:
        """Input name -> raw values, (n, ...), in the order of the signature."""
        x = self.held_out.x
        names = self.file.named_inputs
        return {name: x[name] if isinstance(x, dict) else x for name in names}

    def answers(self) -> dict[str, np.ndarray]:
        """Output name -> real values, (n, ...), of the evaluation's own interpreter."""
        run = inference.run(
            self.file,
            self.held_out,
            self.task.normalization,
            sandbox.Limits(_MEMORY_BYTES, 1),
            timed_seconds=0,
        )
        return {name: np.asarray(each) for name, each in run.outputs.items()}

    def known(self) -> list[vectors.Vectors]:
        """What a runtime that computes nothing has to know: the self-check's examples, too."""
        here = golden.of(self.file, self.held_out, self.task.normalization, "held_out")
        return [here, self.model("android").vectors]

    def model(self, platform: str, **asked: Any) -> Model:
        """What the templates of a platform are filled with."""
        return reading.read(self.release, Asked(**asked), platforms.find(platform))


def as_text(array: np.ndarray) -> str:
    """The bytes of a tensor in base64, as the stubs know them."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()

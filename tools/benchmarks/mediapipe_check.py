"""Runs files with metadata in MediaPipe's ImageClassifier, and compares class and name with LiteRT.

    python tools/benchmarks/mediapipe_check.py --examples=200

The trained network of coloured Fashion-MNIST, exported as uint8 and as float32 with
`metadata=True`, classifies held-out pictures in MediaPipe's own environment (built once in the
user's cache: 400 MB, a minute) and here.

Exit codes: 0 all classes and names are the same, 1 bad input or no MediaPipe can be had here (one
line says why), 2 an error of ours, 3 MediaPipe says something else.
"""

import dataclasses
import pathlib
from typing import TYPE_CHECKING

import numpy as np
import tfedge_models
from absl import flags
from tfedge_pipelines import entry

if TYPE_CHECKING:
    from tfedge.data.task import Task

_FLAGS = flags.FlagValues()
_EXAMPLES = flags.DEFINE_integer(
    "examples", 200, "How many held-out pictures.", lower_bound=1, flag_values=_FLAGS
)
_BED = "colour_cnn_coloured_fashion_mnist.keras"
_EXPORTS = (
    'int8(input="uint8", output="uint8", raw_input=True, metadata=True)',
    "float32(metadata=True)",
)
_DIFFERS = 3


@dataclasses.dataclass(frozen=True)
class Found:
    """What MediaPipe said of one file.

    Attributes:
        export: how it was made.
        examples: how many.
        same: how many have the class that the interpreter finds likeliest, or one of several.
        named: how many have the name of that class.
        right: how many are what the picture shows.
    """

    export: str
    examples: int
    same: int
    named: int
    right: int

    @property
    def agrees(self) -> bool:
        """Whether it said what it should."""
        return self.same == self.named == self.examples


def run() -> None:
    """The program."""
    entry.run(main, _FLAGS, __doc__, in_child=True, extra="compress")


def main() -> int:
    """Runs both files here and there; the exit code."""
    from tfedge_tools.benchmarks.mediapipe import environment

    import tfedge

    python = environment.set_up()  # where it cannot be had, that is said before any work
    task = tfedge.load_task("coloured_fashion_mnist")
    model = tfedge.load_model(pathlib.Path(tfedge_models.__path__[0], "checkpoints", _BED))
    found = []
    for export in _EXPORTS:
        content = tfedge.to_tflite(model, export, task)
        images = task.splits()["holdout"].take(np.arange(_EXAMPLES.value)).x
        said = environment.classified(python, content, images)
        found.append(compare(export, content, task, said))
        entry.tell(_line(found[-1]))
    return entry.OK if all(each.agrees for each in found) else _DIFFERS


def compare(export: str, content: bytes, task: "Task", said: list[tuple[int, str | None]]) -> Found:
    """What was said of the first held-out pictures, next to this host's interpreter.

    Two classes may have the highest code both; either of them is the same answer.
    """
    from tfedge.device import inference, sandbox
    from tfedge.device.file import tflite

    split = task.splits()["holdout"].take(np.arange(len(said)))
    limits = sandbox.Limits(2**32, 1)
    run = inference.run(tflite.read(content), split, task.normalization, limits, timed_seconds=0)
    (scores,) = run.outputs.values()
    classes = np.array([index for index, _ in said])
    same = scores[np.arange(len(said)), classes] == scores.max(axis=1)
    named = [name == task.labels[index] for index, name in said]
    return Found(export, len(said), int(same.sum()), sum(named), int((classes == split.y).sum()))


def _line(found: Found) -> str:
    return (
        f"{found.export}: {found.same} of {found.examples} classes the same, {found.named} with "
        f"their name, {found.right} right"
    )


if __name__ == "__main__":
    run()

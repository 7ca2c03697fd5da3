"""Prints what a model answers to pictures and arrays.

    python -m tfedge.run model.tflite digit.png      # or a release folder, as tfedge run
    python -m tfedge.run RELEASE examples.npy --json

An input is a picture; a .npy of one example or several; a .npz with an array for each input; a
.csv with an example in each row (columns of a table, tokens of a text). They are raw, as the
training data held them: in a release folder the manifest says how they are normalized, how pictures
are resized and what the classes are called. Needs NumPy and LiteRT only (Pillow for pictures). The
model runs in a sandbox.
"""

import json
import sys
from typing import TYPE_CHECKING

from absl import flags
from tfedge_pipelines import entry, positional

from tfedge import errors

if TYPE_CHECKING:
    from tfedge.app.answering import Answer

_FLAGS = flags.FlagValues()
_TFLITE = flags.DEFINE_string(
    "tflite",
    None,
    "The file, or a release folder; may also be given without a flag.",
    flag_values=_FLAGS,
)
_INPUTS = flags.DEFINE_multi_string(
    "input", [], "A file of examples; may also be given without a flag.", flag_values=_FLAGS
)
_TOP = flags.DEFINE_integer(
    "top", 3, "How many classes to name.", lower_bound=1, flag_values=_FLAGS
)
_JSON = flags.DEFINE_boolean("json", False, "Print JSON, a line each.", flag_values=_FLAGS)
_MOST_VALUES = 10


def run() -> None:
    """Takes the files' names with or without their flags."""
    names = ["tflite", *["input"] * len(sys.argv)]
    entry.run(main, _FLAGS, __doc__, positional.named(*names))


def main() -> int:
    """Prints an answer for each example; the exit code."""
    if not _TFLITE.value or not _INPUTS.value:
        raise errors.BadInput("command", "no model or no input", "Say MODEL.tflite INPUT...")
    from tfedge.app import answering

    for found in answering.answer(_TFLITE.value, _INPUTS.value):
        entry.tell(_line(found))
    return entry.OK


def _line(found: "Answer") -> str:
    if _JSON.value:
        outputs = {name: values.tolist() for name, values in found.outputs.items()}
        classes = [{"label": label, "score": score} for label, score in found.classes]
        told = {"input": found.where, "classes": classes[: _TOP.value], "outputs": outputs}
        return json.dumps(told)
    if found.classes:
        named = ", ".join(f"{label} ({score:.3g})" for label, score in found.classes[: _TOP.value])
        return f"{found.where}: {named}"
    shown = (
        f"{name} {_brief(values.reshape(-1).tolist())}" for name, values in found.outputs.items()
    )
    return f"{found.where}: {'; '.join(shown)}"


def _brief(values: list[float]) -> str:
    said = " ".join(f"{value:.6g}" for value in values[:_MOST_VALUES])
    more = len(values) - _MOST_VALUES
    return f"{said} and {more:,} more" if more > 0 else said


if __name__ == "__main__":
    run()

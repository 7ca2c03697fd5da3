"""Brings a release into another format, and compares its answers with those of the release.

    python pipelines/convert.py --release=DIR --to=onnx --output_dir=DIR
    python pipelines/convert.py --release=DIR --to=saved_model --output_dir=DIR

onnx is made of the released model.tflite (pip install 'tfedge[onnx]'), saved_model of the
model.keras that `release.py --keras` or `compress.py --keras` has written. Inputs and outputs have
the release's names, and inputs its types. Compared are the held-out examples of the data that the
release was made with; the table and comparison.json say how many answers are the same, and the
largest difference. Where too few are, nothing is written.

Exit codes: 0 written, 1 bad input, 2 an error of ours, 3 answers that are not the release's.
"""

import tfedge_pipelines as _interruptible  # noqa: F401  (Ctrl-C is one line from here on)

# isort: split
from typing import TYPE_CHECKING

from absl import flags
from tfedge_pipelines import entry

from tfedge import errors

if TYPE_CHECKING:
    from tfedge.targets import Converted

_DIFFERS = 3
_FLAGS = flags.FlagValues()


def _text(name: str, about: str) -> flags.FlagHolder:
    return flags.DEFINE_string(name, None, about, flag_values=_FLAGS)


_RELEASE = _text("release", "The folder of a release. Required.")
_TO = _text("to", "onnx | saved_model. Required.")
_OUTPUT_DIR = _text(
    "output_dir",
    "Folder to write to; what an earlier run wrote and nobody changed is replaced. Required.",
)
_DATA = _text(
    "data",
    "Whose held-out examples are compared on. Default: the release's own, or the up to 32 of its "
    "golden.npz where it names none.",
)
_DATA_DIR = _text("data_dir", "Where the data set lies, if not in the usual place.")
_KERAS = _text("keras", "The compressed Keras model. Default: the release's model.keras.")
_MOST = flags.DEFINE_integer(
    "most_examples", 10_000, "As many held-out examples.", lower_bound=2, flag_values=_FLAGS
)
_LEAST_SAME = flags.DEFINE_float(
    "least_same",
    0.98,
    "The least share of answers that must be the release's: the same class, or a value within 1 % "
    "of the output's range.",
    lower_bound=0,
    upper_bound=1,
    flag_values=_FLAGS,
)


def run() -> None:
    """The `tfedge convert` command."""
    entry.run(main, _FLAGS, __doc__, in_child=True, extra="compress")


def main() -> int:
    """Converts as the flags say; the exit code."""
    for flag in (_RELEASE, _TO, _OUTPUT_DIR):
        if not flag.value:
            raise errors.BadInput(f"--{flag.name}", "missing", "See --help.")
    from tfedge import targets

    found = targets.convert(
        _RELEASE.value,
        _TO.value,
        _OUTPUT_DIR.value,
        data=_DATA.value,
        data_dir=_DATA_DIR.value,
        keras=_KERAS.value,
        most_examples=_MOST.value,
        least_same=_LEAST_SAME.value,
    )
    _show(found)
    for note in found.notes:
        entry.tell(note)
    if not found.is_written:
        entry.tell(
            f"nothing is written: {found.compared.same:.2%} of answers are the release's, "
            f"--least_same={_LEAST_SAME.value:g} asks for more"
        )
        return _DIFFERS
    entry.tell(f"written to {found.folder}")
    return entry.OK


def _show(found: "Converted") -> None:
    from rich import table
    from tfedge_pipelines import screen

    rows = table.Table("output", "same answers", "largest difference", "of values", "one code")
    for row in found.compared.rows:
        rows.add_row(
            row.output,
            f"{row.same:.2%}",
            f"{row.largest_difference:.3g}",
            f"{row.lowest:.3g} to {row.highest:.3g}",
            f"{row.step:.3g}" if row.step else "",
        )
    out = screen.make()
    examples = f"{found.compared.examples:,} {found.compared.source.replace('_', '-')} examples"
    sizes = ", ".join(f"{name} of {size:,} bytes" for name, size in found.sizes.items())
    out.print(rows)
    out.print(f"{examples}; {sizes}", markup=False, highlight=False)


if __name__ == "__main__":
    run()

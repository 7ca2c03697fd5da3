"""Shows what a .tflite is made of: its kernels, operators, tensors and bytes.

    python tools/inspect_tflite.py model.tflite [--json] [--all]     # or a release folder

Kernels come first: the different values, in all and the most in one channel, are what clustering
left, zeros what pruning left, entropy the bits an ideal coder of single weights would spend. Then
where the bytes go, the operators, inputs and outputs; with --all every tensor. Nothing in the file
is run, so any file may be looked at.
"""

import json
import sys
from typing import TYPE_CHECKING, Any

from absl import flags
from tfedge_pipelines import entry, positional
from tfedge_tools import wide_console

from tfedge import errors

if TYPE_CHECKING:
    from rich.console import Console

    from tfedge.device.file.tflite import TfliteFile

_FLAGS = flags.FlagValues()
_JSON = flags.DEFINE_boolean("json", False, "Print JSON instead of tables.", flag_values=_FLAGS)
_ALL = flags.DEFINE_boolean("all", False, "Every tensor, not kernels only.", flag_values=_FLAGS)
_TFLITE = flags.DEFINE_string(
    "tflite",
    None,
    "The file, or a release folder; may also be given without a flag.",
    flag_values=_FLAGS,
)


def run() -> None:
    """Takes the file's name with or without its flag."""
    entry.run(main, _FLAGS, __doc__, positional.named("tflite"))


def main() -> int:
    """Prints what the flags ask for; the exit code."""
    from tfedge.device.file import tflite
    from tfedge.release.publishing import released

    if not _TFLITE.value:
        raise errors.BadInput("--tflite", "missing", "Name a .tflite file or a release folder.")
    content = released.tflite_bytes(_TFLITE.value, _TFLITE.value)
    described = describe(tflite.read(content, _TFLITE.value), with_tensors=_ALL.value)
    if _JSON.value:
        sys.stdout.write(json.dumps(described, indent=2) + "\n")
    else:
        _show(described)
    return entry.OK


def describe(file: "TfliteFile", with_tensors: bool = True) -> dict[str, Any]:
    """The facts of a file as JSON takes them; see `device.file.tflite`."""
    from tfedge.device.file import overhead

    described = {
        "file_bytes": file.file_bytes,
        "download_bytes": file.download_bytes,
        "weight_bytes": file.weight_bytes,
        "overhead_bytes": file.overhead_bytes,
        "bytes_by_kind": overhead.by_kind(file),
        "kernels": [
            {
                **_tensor(kernel.tensor),
                "operator": kernel.operator.kind,
                "channel_axis": kernel.channel_axis,
                "sparsity": kernel.tensor.sparsity,
                "distinct": kernel.tensor.distinct,
                "distinct_per_channel": kernel.tensor.distinct_per_channel,
                "entropy_bits": kernel.tensor.entropy_bits,
            }
            for kernel in file.kernels()
        ],
        "operators": file.operator_counts,
        "flex_operators": list(file.flex_operators),
        "inputs": {name: _tensor(tensor) for name, tensor in file.named_inputs.items()},
        "outputs": {name: _tensor(tensor) for name, tensor in file.named_outputs.items()},
        "takes_raw_input": file.takes_raw_input,
        "metadata": {name: len(content) for name, content in file.metadata.items()},
    }
    if with_tensors:
        described["tensors"] = [_tensor(tensor) for tensor in file.tensors]
    return described


def _tensor(tensor: Any) -> dict[str, Any]:
    return {
        "index": tensor.index,
        "name": tensor.name,
        "shape": list(tensor.shape_signature),
        "dtype": tensor.dtype,
        "bits": tensor.bits,
        "bytes": tensor.buffer_bytes,
        "scales": len(tensor.scales),
    }


def _show(described: dict[str, Any]) -> None:

    screen = wide_console.make()
    screen.print(
        f"{described['file_bytes']:,} bytes, {described['download_bytes']:,} to download "
        f"(deflate), {described['weight_bytes']:,} of weights",
        highlight=False,
    )
    columns = {
        "kernel": lambda k: k["name"].split(";")[0] or f"tensor {k['index']}",
        "operator": lambda k: k["operator"],
        "shape": lambda k: _times(k["shape"]),
        "type": lambda k: k["dtype"],
        "bits": lambda k: str(k["bits"]),
        "zeros": lambda k: f"{k['sparsity']:.1%}",
        "distinct": lambda k: str(k["distinct"]),
        "/ch.": lambda k: str(k["distinct_per_channel"]),
        "bytes": lambda k: f"{k['bytes']:,}",
        "entropy": lambda k: f"{k['entropy_bits']:.2f}",
    }
    _table(screen, "kernels", columns, described["kernels"])
    by_kind = sorted(described["bytes_by_kind"].items(), key=lambda part: -part[1])
    share = {
        "bytes by kind": lambda part: part[0].replace("_", " "),
        "bytes": lambda part: f"{part[1]:,}",
        "share": lambda part: f"{part[1] / described['file_bytes']:.1%}",
    }
    _table(screen, "where the bytes go", share, [part for part in by_kind if part[1]])
    counts = {"operator": lambda part: part[0], "times": lambda part: str(part[1])}
    _table(screen, "operators", counts, list(described["operators"].items()))
    ends = [("in", *end) for end in described["inputs"].items()]
    ends += [("out", *end) for end in described["outputs"].items()]
    named = {"": lambda end: end[0], "name": lambda end: end[1], **_typed(lambda end: end[2])}
    _table(screen, "inputs and outputs", named, ends)
    if "tensors" in described:
        whole = {"tensor": lambda t: f"{t['index']} {t['name']}", **_typed(lambda t: t)}
        stored = {"bytes": lambda t: f"{t['bytes']:,}", "scales": lambda t: str(t["scales"])}
        _table(screen, "tensors", {**whole, **stored}, described["tensors"])


def _typed(of: Any) -> dict[str, Any]:
    """The columns that every tensor has."""
    return {
        "shape": lambda row: _times(of(row)["shape"]),
        "type": lambda row: of(row)["dtype"],
    }


def _table(screen: "Console", title: str, columns: dict[str, Any], rows: list) -> None:
    """One column for each entry: its heading, and what to say of a row."""
    from rich import box, table, text

    shown = table.Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for heading in columns:
        is_text = heading in _TEXT_COLUMNS
        shown.add_column(
            heading,
            justify="left" if is_text else "right",
            no_wrap=heading not in _FOLDED_COLUMNS,
            overflow="fold",
            min_width=8 if heading in _FOLDED_COLUMNS else None,
        )
    for row in rows:
        shown.add_row(*(text.Text(cell(row)) for cell in columns.values()))
    screen.print(shown)


_FOLDED_COLUMNS = ("kernel", "tensor", "name", "operator")
_TEXT_COLUMNS = (*_FOLDED_COLUMNS, "shape", "type", "bytes by kind", "")


def _times(shape: list[int]) -> str:
    return "x".join(map(str, shape)) or "scalar"


if __name__ == "__main__":
    run()

"""Compares a Keras model with its .tflite, layer by layer, and names the first that diverges.

    python tools/parity.py --model=model.keras --tflite=model.tflite --data=SOURCE
    python tools/parity.py --recipe='quantize(bits=8, epochs=1)' --export=int8

The first compares the model as it is. With --recipe the model is compressed first (a recipe.json
repeats a release's own training) and compared, its fake quantization in place, with --tflite or,
without one, with what --export makes of it. Without --model and --data: the embedded digits
network, whose int8 layers lie at about 27 to 50 dB and float32 ones above 120. Decibels are signal
to noise over all values of some calibration examples. Exit code 3 if a layer diverges.
"""

import json
import pathlib
import sys
from typing import TYPE_CHECKING, Any

from absl import flags, logging
from tfedge_pipelines import entry, order_flags
from tfedge_tools import wide_console

from tfedge import errors, progress

if TYPE_CHECKING:
    from tfedge.export.parity import LayerParity, Parity

_FLAGS = flags.FlagValues()
_INPUT = order_flags.read_flags(_FLAGS)
_TFLITE = flags.DEFINE_string(
    "tflite", None, "The file to compare with, or a release folder.", flag_values=_FLAGS
)
_EXAMPLES = flags.DEFINE_integer(
    "examples", 8, "How many calibration examples.", lower_bound=1, flag_values=_FLAGS
)
_LEAST_DB = flags.DEFINE_float(
    "least_db", None, "A layer below it diverges. Default: by type.", flag_values=_FLAGS
)
_JSON = flags.DEFINE_boolean("json", False, "Print JSON instead of a table.", flag_values=_FLAGS)
_DIVERGES = 3


def run() -> None:
    """The program."""
    entry.run(main, _FLAGS, __doc__, in_child=True, extra="compress")


def main() -> int:
    """Prints the comparison; the exit code."""
    from tfedge.release.publishing import released

    if _FLAGS.recipe is None:
        _FLAGS.recipe = ""  # the model as it is
    shipped = None
    if _TFLITE.value is not None:
        shipped = released.tflite_bytes(_TFLITE.value, f"--tflite={_TFLITE.value}")
    order = order_flags.order(_INPUT)
    source, task, export = _source(order)

    from tfedge.export import parity, to_tflite

    data = shipped or to_tflite(source, export, task)
    with progress.phase("comparing layer by layer"):
        found = parity.compare(source, data, task, _EXAMPLES.value, _LEAST_DB.value)
    if _JSON.value:
        sys.stdout.write(json.dumps(found.to_json(), indent=2) + "\n")
    else:
        show(found)
    if _TFLITE.value is not None and not _FLAGS.recipe:
        _say_what_trained(_TFLITE.value, order["model"])
    return entry.OK if found.first_divergence is None else _DIVERGES


def _source(order: dict[str, Any]) -> tuple[Any, Any, str]:
    """The model or candidate, the task, and the export."""
    from tfedge.compress import bridge, loading
    from tfedge.compress.loading import drawn_models
    from tfedge.compress.recipe import Recipe
    from tfedge.data import sources

    task = sources.load_task(order["task"], order["data_dir"], order["seed"] or 0)
    recipe = Recipe.parse(order["recipe"]).scaled(order["epochs_scale"])
    with progress.phase(f"opening {pathlib.Path(order['model']).name}"):
        model = loading.load_model(order["model"], order["custom_objects"], order["input_shape"])
    model = drawn_models.of(model, task)
    if not bridge.is_functional(model):
        raise errors.BadInput(
            f"--model={order['model']}", "it has no Keras layers", "Name a .keras or .h5 file."
        )
    source = recipe.apply(model, task) if recipe.passes else model
    return source, task, order["export"] or (recipe.default_route() if recipe.passes else "int8")


def _say_what_trained(shipped: str, model: str) -> None:
    """A release has other weights than the model it was made of, and no layer is wrong for it."""
    from tfedge.release.publishing import released

    passes = released.recipe_of(shipped).get("passes")
    if passes:
        path = pathlib.Path(shipped)
        folder = path if path.is_dir() else path.parent
        logging.info(
            "%s was trained (%s), so its weights are others than those of %s; --recipe=%s trains "
            "the model in the same way before it is compared",
            *(shipped, ", ".join(each["name"] for each in passes), model, folder / "recipe.json"),
        )


def show(found: "Parity") -> None:
    """A row for each tensor, then what it comes to in a sentence."""
    from rich import box, table, text

    screen = wide_console.make()
    first = found.first_divergence
    shown = table.Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    shown.add_column("layer", overflow="fold", min_width=16)
    for heading in ("operator", "shape", "type"):
        shown.add_column(heading, no_wrap=True)
    for heading in ("SNR dB", "input dB", "largest difference"):
        shown.add_column(heading, justify="right")
    shown.add_column("")
    for layer in found.layers:
        style = "bold red" if layer is first else "red" if layer.diverges else ""
        shown.add_row(*(text.Text(cell) for cell in _cells(layer)), style=style)
    screen.print(shown)
    for name, reason in found.skipped:
        screen.print(text.Text(f"not compared: {name}: {reason}"))
    if first is None:
        said = f"No layer diverges ({len(found.layers)} tensors, {found.examples} examples)."
    else:
        said = f"First divergence: {first.layer} ({first.operator or 'input'}): {first.diverges}."
    screen.print(text.Text(said))


def _cells(layer: "LayerParity") -> list[str]:
    given = layer.input_snr_db
    return [
        " + ".join((layer.layer, *layer.fused)),
        layer.operator or "input",
        "x".join(map(str, layer.shape)),
        layer.dtype,
        _decibels(layer.snr_db),
        "" if given is None else _decibels(given),
        f"{layer.largest_difference:.3g}",
        "diverges" if layer.diverges else "",
    ]


def _decibels(value: float) -> str:
    from tfedge.export.parity import snr

    return "exact" if value >= snr.EXACT_DB else f"{value:.1f}"


if __name__ == "__main__":
    run()

"""Takes the mobile-sized networks of keras.applications all the way: bridge, recipe, int8 file.

    python tools/benchmarks/check_networks.py [--networks=MobileNet,...] [--size=224] \
        [--output=FILE.json]

Random, well-scaled weights and made-up images: what is checked is that every network goes
through, that both Kerases agree, that every promise is found in the file, and that it runs.
Twelve networks take about half an hour on two cores at any size: most of it is tracing graphs.
"""

import dataclasses
import json
import pathlib
import time
from typing import Any

import numpy as np
from absl import flags
from tfedge_pipelines import entry
from tfedge_tools import wide_console
from tfedge_tools.benchmarks import random_weights

_FLAGS = flags.FlagValues()
_NETWORKS = flags.DEFINE_list(
    "networks",
    [
        *("MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large"),
        *("EfficientNetB0", "EfficientNetV2B0", "NASNetMobile", "DenseNet121"),
        *("ResNet50", "Xception", "InceptionV3", "ConvNeXtTiny"),
    ],
    "Names in keras.applications.",
    flag_values=_FLAGS,
)
_SIZE = flags.DEFINE_integer(
    "size", 0, "Height and width; 0 is each network's own.", flag_values=_FLAGS
)
_RECIPE = flags.DEFINE_string(
    "recipe",
    "prune(epochs=1), cluster(epochs=1), quantize(epochs=1)",
    "As for release.py.",
    flag_values=_FLAGS,
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "Also write the rows to this JSON file.", flag_values=_FLAGS
)

_OWN_SIZE = {"Xception": 299, "InceptionV3": 299}
_LEAST_SIZE = {"Xception": 75, "InceptionV3": 75}


@dataclasses.dataclass(frozen=True)
class Row:
    """One network's way."""

    network: str
    bridge_difference: float
    float_layers: int
    int8_kernels: str
    promises_kept: str
    agreement: float
    file_bytes: int
    seconds: float
    error: str = ""


def run() -> None:
    """The program."""
    entry.run(main, _FLAGS, __doc__)


def main() -> int:
    """Print a table; exit 1 when a network did not go through."""
    from rich import table

    rows = []
    out = wide_console.make()
    for name in _NETWORKS.value:
        rows.append(_row(name))
        out.print(rows[-1])
    shown = table.Table(*[field.name for field in dataclasses.fields(Row)])
    for row in rows:
        shown.add_row(*[str(value) for value in dataclasses.astuple(row)])
    out.print(shown)
    if _OUTPUT.value:
        text = json.dumps([dataclasses.asdict(row) for row in rows], indent=2)
        pathlib.Path(_OUTPUT.value).write_text(text + "\n", encoding="utf-8")
    return int(any(row.error for row in rows))


def _row(name: str) -> Row:
    started = time.monotonic()
    try:
        facts = _go(name)
    except Exception as error:  # one network's failure is a row, the others still count
        facts = {
            "bridge_difference": float("nan"),
            **{"float_layers": 0, "int8_kernels": "", "promises_kept": "", "agreement": 0.0},
            **{"file_bytes": 0, "error": f"{type(error).__name__}: {error}"[:300]},
        }
    return Row(name, seconds=round(time.monotonic() - started, 1), **facts)


def _go(name: str) -> dict[str, Any]:
    import tfedge
    from tfedge.compress import bridge
    from tfedge.compress import keras as k
    from tfedge.device.file import tflite

    size = max(_SIZE.value or _OWN_SIZE.get(name, 224), _LEAST_SIZE.get(name, 32))
    build = getattr(k.keras3().applications, name)
    model = build(input_shape=(size, size, 3), weights=None, classes=10)
    random_weights.assign(model)
    images = np.random.default_rng(0).uniform(0, 1, (24, size, size, 3)).astype(np.float32)
    twin = bridge.to_tf_keras(model)
    expected, found = np.asarray(model(images[:4])), np.asarray(twin(images[:4]))
    difference = float(np.abs(expected - found).max() / np.abs(expected).max())
    # The labels are the network's own answers, so that accuracy means agreement with it.
    labels = np.argmax(np.concatenate([model(images[i : i + 4]) for i in range(0, 24, 4)]), axis=-1)
    split = _split(images, labels)
    task = tfedge.Task("made-up", "classification", split, split, split, split, batch_size=8)
    candidate = tfedge.Recipe.parse(_RECIPE.value).apply(twin, task)
    content = tfedge.to_tflite(candidate, "int8", task)
    kernels = tflite.read(content).kernels()
    card = tfedge.evaluate(content, task, "flagship_phone", holds=candidate.holds)
    if card.failure is not None:
        raise RuntimeError(f"does not run: {card.failure}")
    kept = sum(hold["kept"] for hold in card.holds)
    return {
        "bridge_difference": difference,
        "float_layers": len(candidate.quantization.float_layers) if candidate.quantization else 0,
        "int8_kernels": f"{sum(each.tensor.bits == 8 for each in kernels)} of {len(kernels)}",
        "promises_kept": f"{kept} of {len(card.holds)}",
        "agreement": card.metric.value,
        "file_bytes": len(content),
    }


def _split(images: np.ndarray, labels: np.ndarray) -> Any:
    from tfedge.data import task

    return task.ArraySplit(images, labels)


if __name__ == "__main__":
    run()

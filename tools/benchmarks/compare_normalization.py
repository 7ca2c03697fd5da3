"""What becomes of a trained transformer on each export: bytes, accuracy, time beside float32.

    python tools/benchmarks/compare_normalization.py [--outliers=50] [--recipe=equalize] \
        [--exports='dynamic,int8']

With --outliers three channels of each normalization that only dense kernels read are so much
larger, and the kernels behind divide them again: the same function, which integers bear less well.
--recipe is applied before the exports. Accuracy is of the whole held-out split; time is of one
thread here, the median over 400 rounds of ten inferences each, files in turns.
"""

import time
from typing import Any

import numpy as np
from absl import flags
from tfedge_pipelines import entry
from tfedge_tools import wide_console

_FLAGS = flags.FlagValues()
_MODEL = flags.DEFINE_string(
    "model",
    "models/checkpoints/vit_tiny_fashion_mnist.keras",
    "A Keras model file.",
    flag_values=_FLAGS,
)
_DATA = flags.DEFINE_string("data", "fashion_mnist", "Its data.", flag_values=_FLAGS)
_OUTLIERS = flags.DEFINE_float(
    "outliers", 1.0, "How much larger some channels are; 1 is none.", flag_values=_FLAGS
)
_RECIPE = flags.DEFINE_string("recipe", "", "Passes in front of each export.", flag_values=_FLAGS)
_EXPORTS = flags.DEFINE_list(
    "exports", ["dynamic", "int8"], "Beside float32; see tfedge help exports.", flag_values=_FLAGS
)
_ROUNDS, _EACH = 400, 10
_CHANNELS = 3


def run() -> None:
    """The program."""
    entry.run(main, _FLAGS, __doc__)


def main() -> int:
    """Prints a table."""
    from rich import table

    import tfedge
    from tfedge.compress.graph import canonical

    task = tfedge.load_task(_DATA.value)
    model = canonical.tidy(tfedge.load_model(_MODEL.value))
    add_outliers(model, _OUTLIERS.value)
    source = tfedge.Recipe.parse(_RECIPE.value).apply(model, task) if _RECIPE.value else model
    made = {"float32": tfedge.to_tflite(model, "float32", task)}
    made |= {export: tfedge.to_tflite(source, export, task) for export in _EXPORTS.value}
    times = _times(made)
    shown = table.Table("export", "bytes", "metric", "ms", "of float32")
    for export, data in made.items():
        found = tfedge.evaluate(data, task, baseline=made["float32"]).metric
        share = float(np.median(times[export] / times["float32"]))
        row = (f"{len(data):,}", f"{found.value:.4f}", f"{np.median(times[export]):.4f}")
        shown.add_row(export, *row, f"{share:.2f}")
    wide_console.make().print(shown)
    return entry.OK


def add_outliers(model: Any, factor: float) -> None:
    """Channels of normalizations times a factor, what reads them divided by it, in place."""
    from tfedge.compress.graph import scale_pairs, scaled_norms
    from tfedge.compress.layers import kernels

    generator = np.random.default_rng(0)
    known = {kernel.layer: kernel for kernel in kernels.find(model)}
    for norm in scaled_norms.find(model)[0]:
        layer = model.get_layer(norm.layer)
        factors = np.ones(layer.output_shape[-1])
        factors[generator.choice(len(factors), _CHANNELS, replace=False)] = factor
        scaled_norms.divide(layer, 1 / factors)
        for each in (known[name] for name in norm.readers):
            value = each.numpy() / scale_pairs.incoming(each, factors)
            each.variable.assign(value.astype(np.float32))


def _times(files: dict[str, bytes]) -> dict[str, np.ndarray]:
    """Milliseconds of an inference, (rounds,) for each file; all in turns."""
    from tfedge.device.file import tflite

    ready = {name: tflite.interpreter(data, threads=1) for name, data in files.items()}
    for each in ready.values():
        each.allocate_tensors()
        (given,) = each.get_input_details()
        each.set_tensor(given["index"], np.random.default_rng(0).random(given["shape"], np.float32))
    found: dict[str, list[float]] = {name: [] for name in files}
    for number in range(_ROUNDS):
        names = list(ready) if number % 2 else list(ready)[::-1]
        for name in names:
            began = time.perf_counter()
            for _ in range(_EACH):
                ready[name].invoke()
            found[name].append(1000 * (time.perf_counter() - began) / _EACH)
    return {name: np.array(each) for name, each in found.items()}


if __name__ == "__main__":
    run()

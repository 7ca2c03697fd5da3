"""Takes networks with attention through the bridge, the plain form and both post-training routes.

    python tools/benchmarks/check_transformers.py [--networks=BERT,ViT] [--output=FILE.json]

Random weights, made-up inputs, small sizes. For each network: how far its twin is from it, how far
the form that passes work on is, the share of the weights in variables of rank 2 and more that are
kernels there, and how far the dynamic and the int8 file are, or why there is none. keras-hub's are
left out where it is not installed. Fifteen networks take about six minutes on a core.
"""

import dataclasses
import importlib.util
import json
import math
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import flags
from tfedge_pipelines import entry
from tfedge_tools import wide_console
from tfedge_tools.benchmarks import random_weights

_FLAGS = flags.FlagValues()
_NETWORKS = flags.DEFINE_list("networks", [], "Parts of names; none: all.", flag_values=_FLAGS)
_OUTPUT = flags.DEFINE_string(
    "output", None, "Also write the rows to this JSON file.", flag_values=_FLAGS
)

_LEAST_SHARE = 0.97
_LARGEST_PLAIN = 1e-5
_EXAMPLES = 4


@dataclasses.dataclass(frozen=True)
class Row:
    """One network.

    Attributes:
        bridge, plain: largest difference of an output, as a share of the largest output.
        kernels: share of the weights in variables of rank 2 and more.
        dynamic, int8: bytes of the file and its largest difference, or why there is none.
    """

    network: str
    bridge: float = math.nan
    plain: float = math.nan
    kernels: float = 0.0
    dynamic: str = ""
    int8: str = ""
    error: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it is what it has to be."""
        return self.plain <= _LARGEST_PLAIN and self.kernels >= _LEAST_SHARE and not self.error


def run() -> None:
    """The program."""
    entry.run(main, _FLAGS, __doc__)


def main() -> int:
    """Print a table; exit 1 when a network falls short."""
    from rich import table
    from tfedge_tools.benchmarks import transformer_networks

    out, rows = wide_console.make(), []
    for name, build in transformer_networks.NETWORKS.items():
        asked = not _NETWORKS.value or any(part in name for part in _NETWORKS.value)
        missing = name.startswith("keras-hub") and importlib.util.find_spec("keras_hub") is None
        if asked and not missing:
            rows.append(_row(name, build))
            out.print(rows[-1])
    shown = table.Table(*[field.name for field in dataclasses.fields(Row)])
    for row in rows:
        shown.add_row(
            *[f"{v:.3g}" if isinstance(v, float) else v for v in dataclasses.astuple(row)]
        )
    out.print(shown)
    if _OUTPUT.value:
        text = json.dumps([dataclasses.asdict(row) for row in rows], indent=2)
        pathlib.Path(_OUTPUT.value).write_text(text + "\n", encoding="utf-8")
    return int(not all(row.is_good for row in rows))


def _row(name: str, build: Any) -> Row:
    try:
        return _go(name, build)
    except Exception as error:  # one network's failure is a row, the others still count
        return Row(name, error=f"{type(error).__name__}: {error}"[:300])


def _go(name: str, build: Any) -> Row:
    from tfedge_tools.benchmarks import transformer_networks

    from tfedge.compress import bridge, folding
    from tfedge.compress import keras as k
    from tfedge.compress.bridge import replay
    from tfedge.compress.layers import kernels

    k.keras3().utils.set_random_seed(0)
    model = build()
    random_weights.assign(model)
    open_sizes = {
        replay.input_name(each): (transformer_networks.STEPS,)
        for each in model.inputs
        if None in each.shape[1:]
    }
    twin = bridge.to_tf_keras(model, input_shapes=open_sizes)
    flat = folding.flatten(twin)
    data = replay.substitute(replay.inputs(twin), _examples)
    wanted = replay.flat(model(data, training=False))
    weights = sum(math.prod(each.shape) for each in flat.weights if len(each.shape) > 1)
    found = sum(math.prod(each.shape) for each in kernels.find(flat))
    named = {t._keras_history.layer.name: a for t, a in zip(twin.inputs, _flat(data), strict=True)}
    return Row(
        name,
        _apart(wanted, replay.flat(twin(data, training=False))),
        _apart(wanted, replay.flat(flat(data, training=False))),
        found / weights,
        _file(twin, "dynamic", named, wanted),
        _file(twin, "int8", named, wanted),
    )


def _flat(data: Any) -> list[np.ndarray]:
    from tfedge.compress.bridge import replay

    return replay.flat(data)


def _examples(tensor: Any) -> np.ndarray:
    """Noise, and numbers that are tokens and masks alike."""
    random, shape = np.random.default_rng(0), (_EXAMPLES, *tensor.shape[1:])
    if tensor.dtype.is_floating:
        return random.normal(size=shape).astype(np.float32)
    found = random.integers(0, 2, shape)
    found[:, 0] = 1
    return found.astype(tensor.dtype.as_numpy_dtype)


def _apart(wanted: list[Any], found: list[Any]) -> float:
    pairs = [(np.asarray(a, np.float64), np.asarray(b)) for a, b in zip(wanted, found, strict=True)]
    return max(float(np.abs(a - b.reshape(a.shape)).max() / np.abs(a).max()) for a, b in pairs)


def _file(twin: Any, route: str, inputs: Mapping[str, np.ndarray], wanted: list[Any]) -> str:
    """Bytes and largest difference of a file, or why there is none."""
    import tfedge
    from tfedge.data.task import ArraySplit

    values = dict(inputs) if len(inputs) > 1 else next(iter(inputs.values()))
    split = ArraySplit(values, np.zeros(_EXAMPLES, int))
    task = tfedge.Task("made-up", "classification", split, split, split, split, batch_size=2)
    try:
        content = tfedge.to_tflite(twin, route, task)
        found = _run(content, inputs)
    except (tfedge.BadInput, RuntimeError, ValueError) as error:
        return f"none: {error}"[:200]
    return f"{len(content):,} B, {100 * _nearest(wanted, found):.2g} %"


def _run(content: bytes, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """All outputs, one example at a time."""
    from tfedge.device.file import tflite

    file = tflite.read(content)
    interpreter = tflite.interpreter(content, 1)
    interpreter.allocate_tensors()
    ends = file.named_inputs
    rows: list[list[np.ndarray]] = [[] for _ in interpreter.get_output_details()]
    for number in range(_EXAMPLES):
        for name, tensor in ends.items():
            value = inputs[name] if name in inputs else next(iter(inputs.values()))
            interpreter.set_tensor(tensor.index, value[number].reshape(tensor.shape))
        interpreter.invoke()
        for row, output in zip(rows, interpreter.get_output_details(), strict=True):
            row.append(interpreter.get_tensor(output["index"])[0].copy())
    return [np.stack(row) for row in rows]


def _nearest(wanted: list[Any], found: list[np.ndarray]) -> float:
    """The outputs of a file are in an order of its own: each of them is that which is nearest."""
    worst = 0.0
    for each in wanted:
        alike = [other for other in found if other[0].size == np.asarray(each)[0].size]
        worst = max(worst, min(_apart([each], [other]) for other in alike))
    return worst


if __name__ == "__main__":
    run()

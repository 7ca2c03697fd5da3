"""Takes networks with attention through the bridge, the plain form and both post-training routes.

    python tools/benchmarks/check_transformers.py [--networks=BERT,ViT] [--passes=all]

Random weights, made-up inputs, small sizes. For each network: how far its twin is from it, how far
the form that passes work on is, the share of the weights in variables of rank 2 and more that are
kernels there, and how far the dynamic and the int8 file are, or why there is none. keras-hub's are
left out where it is not installed. Fifteen networks take about six minutes on a core.

With --passes each network goes through these, untrained but for a teacher's epoch: what is touched
and left alone, what the file, the Keras 3 model and the gate say; a minute and a half a network.
"""

import dataclasses
import importlib.util
import json
import math
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from absl import flags
from tfedge_pipelines import entry
from tfedge_tools import wide_console
from tfedge_tools.benchmarks import made_up, random_weights, transformer_passes

_FLAGS = flags.FlagValues()
_NETWORKS = flags.DEFINE_list("networks", [], "Parts of names; none: all.", flag_values=_FLAGS)
_PASSES = flags.DEFINE_list(
    "passes", [], "Names of passes, or all: tried one by one instead.", flag_values=_FLAGS
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "Also write the rows to this JSON file.", flag_values=_FLAGS
)

_LEAST_SHARE = 0.97
_LARGEST_PLAIN = 1e-5


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
            for row in _rows(name, build):
                rows.append(row)
                out.print(row)
    shown = table.Table(*[field.name for field in dataclasses.fields(rows[0])])
    for row in rows:
        shown.add_row(
            *[f"{v:.3g}" if isinstance(v, float) else str(v) for v in dataclasses.astuple(row)]
        )
    out.print(shown)
    if _OUTPUT.value:
        text = json.dumps([dataclasses.asdict(row) for row in rows], indent=2)
        pathlib.Path(_OUTPUT.value).write_text(text + "\n", encoding="utf-8")
    return int(not all(row.is_good for row in rows))


def _rows(name: str, build: Any) -> Iterator[Any]:
    try:
        model, twin = _built(build)
        if _PASSES.value:
            asked = transformer_passes.names(_PASSES.value)
            yield from transformer_passes.rows(name, model, twin, asked)
        else:
            yield _row(name, model, twin)
    except Exception as error:  # one network's failure is a row, the others still count
        yield Row(name, error=f"{type(error).__name__}: {error}"[:300])


def _built(build: Any) -> tuple[Any, Any]:
    """The network, and its twin."""
    from tfedge_tools.benchmarks import transformer_networks

    from tfedge.compress import bridge
    from tfedge.compress import keras as k
    from tfedge.compress.bridge import replay

    k.keras3().utils.set_random_seed(0)
    model = build()
    random_weights.assign(model)
    open_sizes = {
        replay.input_name(each): (transformer_networks.STEPS,)
        for each in model.inputs
        if None in each.shape[1:]
    }
    return model, bridge.to_tf_keras(model, input_shapes=open_sizes)


def _row(name: str, model: Any, twin: Any) -> Row:
    from tfedge.compress import folding
    from tfedge.compress.bridge import replay
    from tfedge.compress.layers import kernels

    flat = folding.flatten(twin)
    data = replay.substitute(replay.inputs(twin), made_up.examples)
    wanted = replay.flat(model(data, training=False))
    weights = sum(math.prod(each.shape) for each in flat.weights if len(each.shape) > 1)
    found = sum(math.prod(each.shape) for each in kernels.find(flat))
    named = {
        t._keras_history.layer.name: a for t, a in zip(twin.inputs, replay.flat(data), strict=True)
    }
    return Row(
        name,
        made_up.apart(wanted, replay.flat(twin(data, training=False))),
        made_up.apart(wanted, replay.flat(flat(data, training=False))),
        found / weights,
        _file(twin, "dynamic", named, wanted),
        _file(twin, "int8", named, wanted),
    )


def _file(twin: Any, route: str, inputs: Mapping[str, np.ndarray], wanted: list[Any]) -> str:
    """Bytes and largest difference of a file, or why there is none."""
    import tfedge
    from tfedge.data.task import ArraySplit

    values = dict(inputs) if len(inputs) > 1 else next(iter(inputs.values()))
    split = ArraySplit(values, np.zeros(made_up.EXAMPLES, int))
    task = tfedge.Task("made-up", "classification", split, split, split, split, batch_size=2)
    try:
        content = tfedge.to_tflite(twin, route, task)
        found = made_up.run(content, inputs)
    except (tfedge.BadInput, RuntimeError, ValueError) as error:
        return f"none: {error}"[:200]
    return f"{len(content):,} B, {100 * made_up.nearest(wanted, found):.2g} %"


if __name__ == "__main__":
    run()

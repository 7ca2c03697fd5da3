"""Processor time of the three-pass recipe beside TFMOT by hand for the same steps.

    python tools/benchmarks/training_time.py --network=ds_cnn --epochs=3 --times=3

Prunes half of the weights, clusters to 16 values and trains for int8, by tfedge and by TFMOT's
PCQAT, from the same model, in turns. Says the ratio of processor seconds, from the model to the
file, and how much of ours is spent outside of training steps. Nothing is judged.
"""

import dataclasses
import pathlib
import statistics
import time
from collections.abc import Sequence
from typing import Any
from unittest import mock

import numpy as np
from absl import flags, logging
from tfedge_pipelines import data_flags, entry
from tfedge_tools.benchmarks.peers import by_hand, ours, setup

_FLAGS = flags.FlagValues()
_NETWORK = flags.DEFINE_string(
    "network", "ds_cnn", "Reference network with a kept checkpoint.", flag_values=_FLAGS
)
_DATA, _DATA_DIR = data_flags.define(_FLAGS, "fashion_mnist")
_EPOCHS = flags.DEFINE_integer("epochs", 3, "Of all phases.", 3, flag_values=_FLAGS)
_TIMES = flags.DEFINE_integer("times", 3, "Of each.", 1, flag_values=_FLAGS)
_TRAIN_EXAMPLES = flags.DEFINE_integer(
    "train_examples", None, "Train on so many only.", 1, flag_values=_FLAGS
)
_BUILDS = 5.0  # times as long as a step
_RECIPE = "prune(final_sparsity=0.5), cluster(number_of_clusters=16), quantize"
_BY_HAND = "tfmot_pcqat_50_16"


def run() -> None:
    """The program."""
    entry.run(main, _FLAGS, __doc__, extra="compress")


def main() -> int:
    """Makes both in turns."""
    from tfedge.compress import keras
    from tfedge.compress.training import step

    given = _setup()
    sides = {"ours": ours.find(ours.PREFIX + _RECIPE, "int8"), "by hand": by_hand.find(_BY_HAND)}
    inside: list[float] = []
    call = step.Step.__call__

    def timed(*batch: Any) -> Any:
        began = time.process_time()
        loss = call(*batch)
        inside.append(time.process_time() - began)
        return loss

    seconds: dict[str, list[float]] = {name: [] for name in sides}
    outside = []
    with mock.patch.object(step.Step, "__call__", timed):
        for _ in range(_TIMES.value):
            for name, make in sides.items():
                assert make is not None
                keras.tf_keras.backend.clear_session()
                keras.tf_keras.utils.set_random_seed(given.task.seed)
                inside.clear()
                began = time.process_time()
                make(given)
                seconds[name].append(time.process_time() - began)
                logging.info("%s: %.1f s of processors", name, seconds[name][-1])
                if inside:
                    outside.append(1 - _of_steps(inside) / seconds[name][-1])
    ratios = [a / b for a, b in zip(seconds["ours"], seconds["by hand"], strict=True)]
    entry.tell(
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} .. {max(ratios):.2f}) of the time by "
        f"hand, {statistics.median(seconds['ours']):.0f} of "
        f"{statistics.median(seconds['by hand']):.0f} s; {statistics.median(outside):.0%} of it "
        f"outside of {len(inside) or 'the'} steps"
    )
    return entry.OK


def _of_steps(calls: Sequence[float]) -> float:
    """Seconds of all steps; the first call of a training, which builds its graph, is as any."""
    usual = statistics.median(calls)
    return sum(each if each < _BUILDS * usual else usual for each in calls)


def _setup() -> setup.Setup:
    import tfedge_models

    from tfedge.data import sources

    name = f"{_NETWORK.value}_{_DATA.value}.keras"
    path = pathlib.Path(tfedge_models.__path__[0], "checkpoints", name)
    task = sources.load_task(_DATA.value, _DATA_DIR.value, 0)
    if _TRAIN_EXAMPLES.value:
        task = dataclasses.replace(task, train=task.train.take(np.arange(_TRAIN_EXAMPLES.value)))
    return setup.Setup(str(path), task, _EPOCHS.value, 1e-3, 128)


if __name__ == "__main__":
    run()

"""Compares tfedge with TFMOT by hand and with the AI Edge Quantizer, on equal terms.

    python tools/benchmarks/compare_peers.py --network=ds_cnn --data=fashion_mnist --epochs=12 \
        --recipe='prune(final_sparsity=0.6), cluster(number_of_clusters=16), quantize()' \
        --output_dir=DIR

One network, one data set: every peer starts from the same trained model and gets the same epochs
and batch size, split over its phases (12 epochs are 6 + 6 for PQAT, 4 + 4 + 4 for PCQAT; the passes
of a recipe share them in the proportions of their own). A recipe trains at its own learning rates,
as it does everywhere. All files are judged by the same interpreter on the whole held-out split,
paired with the plain float32 file. Each row is made with every one of --seeds: figures are medians,
accuracy has its range, and no loss is PASS of the run in the middle and of two thirds of them.

DIR/seed_N gets peers.json and every .tflite file, DIR/frontier.svg shows accuracy against packed
bytes. Rows already in peers.json with the same settings are kept, so a killed run goes on. The
eight rows by hand take about half an hour for ds_cnn and one seed on two cores.
"""

import dataclasses
import hashlib
import importlib.metadata
import pathlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from absl import flags, logging
from tfedge_pipelines import data_flags, entry
from tfedge_tools.benchmarks.peers import ai_edge, by_hand, drawing, from_scratch, ours, setup
from tfedge_tools.benchmarks.peers import report as report_lib

from tfedge import errors, settings

_FLAGS = flags.FlagValues()
_NETWORK = flags.DEFINE_string(
    "network", "ds_cnn", "Reference network with a kept checkpoint.", flag_values=_FLAGS
)
_MODEL = flags.DEFINE_string(
    "model", None, "Keras model file to start from instead of --network.", flag_values=_FLAGS
)
_DATA, _DATA_DIR = data_flags.define(_FLAGS, "fashion_mnist")
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Folder for peers.json and the .tflite files. Required.", flag_values=_FLAGS
)
_ROWS = flags.DEFINE_list(
    "rows",
    [*by_hand.NAMES, *ai_edge.NAMES],
    f"Peers to run: {by_hand.GRAMMAR} (S: sparsity in percent, C: clusters), "
    f"{', '.join(ai_edge.NAMES)}. Empty for none.",
    flag_values=_FLAGS,
)
_RECIPES = flags.DEFINE_multi_string(
    "recipe", [], "A tfedge recipe; may be given several times.", flag_values=_FLAGS
)
_FROM_SCRATCH = flags.DEFINE_multi_string(
    "from_scratch",
    [],
    "A recipe whose network is trained from fresh weights instead, for as many epochs.",
    flag_values=_FLAGS,
)
_AUGMENT = flags.DEFINE_string(
    "augment",
    "",
    "As for train.py; for tfedge's recipes and --from_scratch, the peers' loops have none.",
    flag_values=_FLAGS,
)
_EXPORT = flags.DEFINE_string(
    "export", "int8", "How tfedge's recipes are exported.", flag_values=_FLAGS
)
_EPOCHS = flags.DEFINE_integer(
    "epochs", 12, "All training of a row, over all its phases.", lower_bound=3, flag_values=_FLAGS
)
_LEARNING_RATE = flags.DEFINE_float(
    "learning_rate",
    1e-3,
    "Adam's at the start of a phase of the rows by hand.",
    lower_bound=0.0,
    flag_values=_FLAGS,
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 128, "Examples per training step.", lower_bound=1, flag_values=_FLAGS
)
_SEEDS = flags.DEFINE_list(
    "seeds", ["1", "2", "3"], "Each row is made with every one of them.", flag_values=_FLAGS
)
_MARGIN = flags.DEFINE_float(
    "margin", 0.005, "Loss of accuracy that counts as none, a share.", flag_values=_FLAGS
)
_TRAIN_EXAMPLES = flags.DEFINE_integer(
    "train_examples", None, "Train on so many only, for a trial.", lower_bound=1, flag_values=_FLAGS
)

BASELINE = "float32"


def run() -> None:
    """The whole program."""
    entry.run(main, _FLAGS, __doc__)


def main() -> int:
    """Runs the rows that are missing and shows the table; the exit code."""
    if not _OUTPUT_DIR.value:
        raise errors.BadInput("--output_dir", "missing", "Name a folder to write to")
    peers, seeds = _peers(), _seeds()
    reports = [_rows(peers, seed) for seed in seeds]
    title = f"{_MODEL.value or _NETWORK.value} on {_DATA.value}, {_EPOCHS.value} epochs"
    report_lib.show(reports, [BASELINE, *peers], f"{title}, seeds {', '.join(map(str, seeds))}")
    _draw(reports, peers, title)
    return entry.OK


def _draw(reports: Sequence[report_lib.Report], names: Iterable[str], title: str) -> None:
    """The picture of the rows that did not fail."""
    rows = {name: [report.row(name) for report in reports] for name in names}
    dots = [
        drawing.dot(name, runs, report_lib.loses_nothing(runs))
        for name, runs in rows.items()
        if not any("failed" in run for run in runs)
    ]
    if dots:
        path = pathlib.Path(_OUTPUT_DIR.value, "frontier.svg")
        path.write_text(drawing.draw(dots, reports[0].row(BASELINE)["accuracy"], title), "utf-8")
        logging.info("%s", path)


def _seeds() -> list[int]:
    for text in _SEEDS.value:
        if not text.isdecimal():
            raise errors.BadInput("--seeds", f"expected whole numbers, got {text!r}", "Write 1,2,3")
    return [int(text) for text in _SEEDS.value]


def _rows(peers: Mapping[str, Callable[[setup.Setup], bytes]], seed: int) -> report_lib.Report:
    """All rows with one seed; those that are there stay."""
    folder = pathlib.Path(_OUTPUT_DIR.value, f"seed_{seed}")
    folder.mkdir(parents=True, exist_ok=True)
    given = _setup(seed)
    report = report_lib.Report(folder, _settings(given, seed))
    if not report.has(BASELINE):
        _make(by_hand.float32, BASELINE, given, report)
    for name, peer in peers.items():
        if not report.has(name):
            logging.info("%s, seed %d ...", name, seed)
            _make(peer, name, given, report)
    return report


def _peers() -> dict[str, Callable[[setup.Setup], bytes]]:
    """What to run, by row name; every name is checked before anything runs."""
    found = {}
    recipes = [
        *(from_scratch.PREFIX + recipe for recipe in _FROM_SCRATCH.value),
        *(ours.PREFIX + recipe for recipe in _RECIPES.value),
    ]
    for name in [*_ROWS.value, *recipes]:
        if name in ai_edge.NAMES and not ai_edge.is_installed():
            logging.warning("%s: left out, ai-edge-quantizer is not installed", name)
            continue
        of_recipe = from_scratch.find(name, _EXPORT.value) or ours.find(name, _EXPORT.value)
        peer = by_hand.find(name) or ai_edge.find(name) or of_recipe
        if peer is None:
            known = [*by_hand.NAMES, *ai_edge.NAMES]
            raise errors.BadInput("--rows", f"no peer {name!r}", settings.nearest(name, known))
        found[name] = peer
    return found


def _setup(seed: int) -> setup.Setup:
    from tfedge.data import sources

    path = pathlib.Path(_MODEL.value or _checkpoint())
    if not path.is_file():
        flag = "--model" if _MODEL.value else "--network"
        raise errors.BadInput(flag, f"no file {path}", "Train one with pipelines/train.py")
    task = sources.load_task(_DATA.value, _DATA_DIR.value, seed)
    task = dataclasses.replace(task, augment=_AUGMENT.value)
    if _TRAIN_EXAMPLES.value:
        chosen = np.random.default_rng(seed).permutation(len(task.train))
        task = dataclasses.replace(task, train=task.train.take(chosen[: _TRAIN_EXAMPLES.value]))
    return setup.Setup(str(path), task, _EPOCHS.value, _LEARNING_RATE.value, _BATCH_SIZE.value)


def _checkpoint() -> pathlib.Path:
    import tfedge_models

    name = f"{_NETWORK.value}_{_DATA.value}.keras"
    return pathlib.Path(tfedge_models.__path__[0], "checkpoints", name)


def _settings(given: setup.Setup, seed: int) -> dict[str, Any]:
    """All that a row's numbers depend on."""
    packages = ("tensorflow", "tf-keras", "tensorflow-model-optimization", "ai-edge-litert")
    return {
        "model_sha256": hashlib.sha256(pathlib.Path(given.model_path).read_bytes()).hexdigest(),
        "data": _DATA.value,
        "augment": given.task.augment,
        "train_examples": len(given.task.train),
        "steps": given.epochs * given.steps_per_epoch,
        "epochs": given.epochs,
        "learning_rate": given.learning_rate,
        "batch_size": given.batch_size,
        "seed": seed,
        "margin": _MARGIN.value,
        "export": _EXPORT.value,
        "versions": {name: importlib.metadata.version(name) for name in packages},
    }


def _make(peer: Callable, name: str, given: setup.Setup, report: report_lib.Report) -> None:
    """Runs one row and writes it down; a peer that breaks gets a row that says so."""
    from tfedge_tools.benchmarks.peers import judge

    from tfedge import quiet
    from tfedge.compress import keras

    keras.tf_keras.backend.clear_session()
    keras.tf_keras.utils.set_random_seed(given.task.seed)
    started = time.monotonic()
    try:
        with quiet.captured():
            content = peer(given)
    except Exception as error:
        # TFMOT refuses with every kind of error; without the baseline there is no comparison.
        if name == BASELINE or isinstance(error, errors.BadInput):
            raise
        logging.exception("%s", name)
        report.add(name, {"failed": f"{type(error).__name__}: {error}"[:300]}, b"")
        return
    seconds = round(time.monotonic() - started, 1)
    baseline = content if name == BASELINE else report.content(BASELINE)
    row = judge.measure(content, baseline, given.task, _MARGIN.value)
    report.add(name, {**row, "seconds": seconds}, content)


if __name__ == "__main__":
    run()

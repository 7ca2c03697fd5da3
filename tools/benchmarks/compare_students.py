"""Shows what a teacher is worth: the same student trained alone and distilled, paired.

    python tools/benchmarks/compare_students.py --teacher=resnet8 --student=ds_cnn \
        --data=fashion_mnist --epochs=12 --output_dir=DIR

All students start from the same weights and see the same examples in the same order, under the
same learning rate; nothing but the loss differs. Each float32 file is judged on the whole
held-out split and paired with the student trained alone: a method is better where the interval
lies above 0. DIR gets peers.json and every .tflite file; rows already there with the same
settings are kept. A row takes about four minutes for ds_cnn on two cores.
"""

import dataclasses
import hashlib
import importlib.metadata
import pathlib
import time
from typing import Any

import numpy as np
from absl import flags, logging
from tfedge_pipelines import data_flags, entry
from tfedge_tools import wide_console
from tfedge_tools.benchmarks.peers import report as report_lib

from tfedge import errors

_FLAGS = flags.FlagValues()
_TEACHER = flags.DEFINE_string(
    "teacher",
    "resnet8",
    "Reference network with a kept checkpoint, or a model file.",
    flag_values=_FLAGS,
)
_STUDENT = flags.DEFINE_string(
    "student",
    "ds_cnn",
    "As transfer(student=...), or a number: that width of the teacher's.",
    flag_values=_FLAGS,
)
_DATA, _DATA_DIR = data_flags.define(_FLAGS, "fashion_mnist")
_AUGMENT = flags.DEFINE_string("augment", "", "As for train.py.", flag_values=_FLAGS)
_METHODS = flags.DEFINE_list(
    "methods", ["logits"], "Of distill; joined by + they are taken together.", flag_values=_FLAGS
)
_LAYERS = flags.DEFINE_string(
    "layers", "none", "As transfer(layers=...): which weights to start from.", flag_values=_FLAGS
)
_WEIGHT = flags.DEFINE_float("weight", 0.9, "The teacher's in the loss.", flag_values=_FLAGS)
_TEMPERATURE = flags.DEFINE_float("temperature", 4.0, "Of the logits.", flag_values=_FLAGS)
_EPOCHS = flags.DEFINE_integer("epochs", 12, "Of each row.", lower_bound=1, flag_values=_FLAGS)
_LEARNING_RATE = flags.DEFINE_float(
    "learning_rate", 2e-3, "Adam's at the start.", lower_bound=0.0, flag_values=_FLAGS
)
_SEED = flags.DEFINE_integer("seed", 0, "Of everything.", lower_bound=0, flag_values=_FLAGS)
_TRAIN_EXAMPLES = flags.DEFINE_integer(
    "train_examples", None, "Train on so many only, for a trial.", lower_bound=1, flag_values=_FLAGS
)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Required.", flag_values=_FLAGS)

ALONE = "alone"
_ALPHA = 0.05  # of the two-sided interval


def run() -> None:
    """The whole program."""
    entry.run(main, _FLAGS, __doc__)


def main() -> int:
    """Runs the rows that are missing and shows the table; the exit code."""
    if not _OUTPUT_DIR.value:
        raise errors.BadInput("--output_dir", "missing", "Name a folder to write to")
    folder = pathlib.Path(_OUTPUT_DIR.value)
    folder.mkdir(parents=True, exist_ok=True)
    recipes, teacher, task = _recipes(), _teacher(), _task()
    report = report_lib.Report(folder, _settings(teacher))
    rows = {}
    for name, recipe in recipes.items():
        if not report.has(name):
            logging.info("%s ...", name)
            _make(name, recipe, teacher, task, report)
        rows[name] = _paired(report.content(name), report.content(ALONE), task)
    _show(rows)
    return entry.OK


def _recipes() -> dict[str, Any]:
    """Row -> recipe; settings are checked before anything runs."""
    from tfedge.compress import recipe

    student: dict[str, Any] = {"student": _STUDENT.value}
    if _STUDENT.value.replace(".", "", 1).isdigit():
        student = {"width": float(_STUDENT.value)}
    training = {"epochs": _EPOCHS.value, "learning_rate": _LEARNING_RATE.value}
    settings = {**student, "layers": _LAYERS.value, **training}
    transfer = recipe.make("transfer", settings)
    rows = {ALONE: recipe.Recipe((recipe.make("transfer", {**settings, "weight": 0.0}),))}
    for methods in _METHODS.value:
        softness = {"weight": _WEIGHT.value, "temperature": _TEMPERATURE.value}
        chosen = recipe.make("distill", {"method": tuple(methods.split("+")), **softness})
        rows[methods] = recipe.Recipe((chosen, transfer))
    return rows


def _teacher() -> pathlib.Path:
    import tfedge_models

    path = pathlib.Path(_TEACHER.value)
    if not path.is_file():
        name = f"{_TEACHER.value}_{_DATA.value}.keras"
        path = pathlib.Path(tfedge_models.__path__[0], "checkpoints", name)
    if not path.is_file():
        raise errors.BadInput("--teacher", f"no file {path}", "Train one with pipelines/train.py")
    return path


def _task() -> Any:
    from tfedge.data import sources

    task = sources.load_task(_DATA.value, _DATA_DIR.value, _SEED.value)
    if _TRAIN_EXAMPLES.value:
        chosen = np.random.default_rng(_SEED.value).permutation(len(task.train))
        task = dataclasses.replace(task, train=task.train.take(chosen[: _TRAIN_EXAMPLES.value]))
    return dataclasses.replace(task, augment=_AUGMENT.value)


def _settings(teacher: pathlib.Path) -> dict[str, Any]:
    """All that a row's numbers depend on."""
    own = {flag.name: flag.value for flag in _FLAGS.get_flags_for_module(__name__)}
    for name in ("output_dir", "data_dir", "methods"):
        own.pop(name, None)
    versions = {name: importlib.metadata.version(name) for name in ("tensorflow", "tf-keras")}
    digest = hashlib.sha256(teacher.read_bytes()).hexdigest()
    return {**own, "teacher_sha256": digest, "versions": versions}


def _make(name: str, recipe: Any, teacher: pathlib.Path, task: Any, report: Any) -> None:
    import tfedge
    from tfedge import quiet

    started = time.monotonic()
    fenced = task.without_holdout()
    candidate = recipe.apply(tfedge.load_model(str(teacher)), fenced)
    with quiet.captured():
        content = tfedge.to_tflite(candidate, "float32", fenced)
    row = {"recipe": str(recipe), "seconds": round(time.monotonic() - started, 1)}
    report.add(name, row, content)


def _paired(content: bytes, alone: bytes, task: Any) -> dict[str, Any]:
    """Accuracy, and the difference to the student trained alone with Tango's interval."""
    import tfedge
    from tfedge.release.statistics import paired

    card = tfedge.evaluate(content, task, baseline=alone).to_json()
    pairs = paired.Pairs(**card["metric"]["paired"])
    low, high = paired.tango_interval(pairs.only_baseline, pairs.only_candidate, pairs.n, _ALPHA)
    difference = (pairs.only_candidate - pairs.only_baseline) / pairs.n
    return {"accuracy": card["metric"]["value"], "difference": difference, "interval": (low, high)}


def _show(rows: dict[str, dict[str, Any]]) -> None:
    from rich import table

    title = f"{_STUDENT.value} taught by {_TEACHER.value} on {_DATA.value}, {_EPOCHS.value} epochs"
    shown = table.Table("trained", "accuracy", f"to {ALONE}, 95 %", "better", title=title)
    for name, row in rows.items():
        low, high = row["interval"]
        difference = f"{row['difference']:+.2%} ({low:+.2%} {high:+.2%})"
        better = "" if name == ALONE else "yes" if low > 0 else "no" if high < 0 else "undecided"
        shown.add_row(name, f"{row['accuracy']:.2%}", "" if name == ALONE else difference, better)
    wide_console.make().print(shown)


if __name__ == "__main__":
    run()

"""Judges a `.tflite` that is there, whoever made it; needs no TensorFlow."""

import os
import pathlib

from absl import logging

from tfedge import judging
from tfedge.data import hygiene, sources
from tfedge.data.task import Task
from tfedge.device import evaluate
from tfedge.device.file import tflite
from tfedge.errors import BadInput
from tfedge.release.publishing import bundle, released
from tfedge.release.report import facts
from tfedge.workflow.release import Release


def evaluate_file(
    path: str | pathlib.Path,
    data: str,
    terms: judging.Terms,
    *,
    output_dir: str | pathlib.Path,
    baseline: str | pathlib.Path | None = None,
    data_dir: str | None = None,
    seed: int = 0,
    allow_flex: bool = False,
) -> Release:
    """Judge a .tflite, wherever it comes from; needs no TensorFlow.

    Args:
        path: the .tflite, or a release folder.
        data: its source as `--data` takes it; has a held-out split.
        terms: to decide by.
        output_dir: gets scorecard.json, verdict.json and report.html.
        baseline: the .tflite to compare with.
        data_dir: where the data set is, if not in the usual place.
        seed: of the splits.
        allow_flex: accept TensorFlow operators, whatever the phone class says.

    Raises:
        BadInput: anything about the input that cannot be used; nothing is written then.
    """
    candidate = released.readable_tflite("--tflite", path)
    compared = None if baseline is None else released.readable_tflite("--baseline", baseline)
    judging.check_texts(data, terms)
    _refuse_release(pathlib.Path(output_dir))
    with bundle.lock(output_dir) as folder:
        task = _held_out_task(data, data_dir, seed)
        task = judging.check_training_data(task, terms)
        task = evaluate.as_judged(task, tflite.read(candidate))
        judging.check_metrics(task, terms)
        judging.check_groups(task, terms)
        judged = judging.judge(candidate, task, terms, compared, allow_flex=allow_flex)
        gathered = facts.Facts(
            pathlib.Path(path).stem,
            judged.scorecard,
            judged.verdict,
            candidate,
            task=task,
            baseline=compared,
            command=terms.command,
            report_examples=terms.report_examples,
        )
        where = bundle.publish(folder, judging.papers(gathered))
    return Release(judged.verdict, judged.scorecard, where)


def _held_out_task(data: str, data_dir: str | None, seed: int) -> Task:
    task = sources.load_task(data, data_dir, seed)
    if task.holdout is None:
        raise BadInput("--data", "no held-out split", "Add one: the file is judged on it.")
    for warning in hygiene.check(task, ("holdout",)):
        logging.warning("%s", warning)
    return task


def _refuse_release(folder: pathlib.Path) -> None:
    """The folder's content is exchanged as a whole, and a model would be lost."""
    if os.path.exists(folder / "model.tflite"):  # also of a name too long to ask for
        raise BadInput(
            f"--output_dir={folder}", "it holds a release", "Name another folder for the figures."
        )

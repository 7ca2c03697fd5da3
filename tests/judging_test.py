"""What is asked of a model and cannot be judged is refused before any work goes into it."""

import types

import numpy as np
import pytest

from tfedge import errors, judging
from tfedge.data import splits
from tfedge.data.task import ArraySplit, Task
from tfedge.making import preparing, reading
from tfedge.making.reading import Given
from tfedge.release.gate.limits import Limits
from tfedge.workflow import existing, readiness


def _task(kind, y, **fields):
    x = np.zeros((len(next(iter(splits.named(y).values()))), 1), np.float32)
    split = ArraySplit(x, y)
    return Task(
        name="tiny",
        kind=kind,
        train=split,
        calibration=split,
        validation=split,
        holdout=split,
        **fields,
    )


def _terms(group_margin):
    return judging.Terms.read("mid_range_phone", group_margin=group_margin)


REGRESSION = ("regression", np.linspace(0, 1, 8, dtype=np.float32)[:, None])


@pytest.mark.parametrize(
    ("kind", "y"),
    [
        REGRESSION,
        ("multilabel", np.array([[1, 1, 0], [0, 0, 1]])),
        ("classification", {"a": np.arange(6) % 3, "b": np.arange(6) % 3}),
    ],
)
def test_a_group_margin_where_there_are_no_groups_is_refused(kind, y):
    task = _task(kind, y)
    with pytest.raises(errors.BadInput, match=rf"--group_margin=0.05: .*this {kind} task has"):
        judging.check_groups(task, _terms(0.05))
    judging.check_groups(task, _terms(None))


def test_classes_or_slices_can_be_held_to_it_whatever_the_metric_is():
    for metric in (None, "macro_f1", "auc"):
        judging.check_groups(_task("binary", np.arange(8) % 2, metric=metric), _terms(0.05))
    sliced = _task(*REGRESSION, slices={"side": np.repeat(["left", "right"], 4)})
    judging.check_groups(sliced, _terms(0.05))


@pytest.mark.parametrize("ready", [True, False])
def test_it_is_asked_before_the_work(monkeypatch, tmp_path, ready):
    task = _task(*REGRESSION)
    terms = judging.Terms("phone", Limits(group_margin=0.05))
    given = Given(None, task, None, None, None, {})
    monkeypatch.setattr(reading, "read", lambda order: given)
    monkeypatch.setattr(preparing, "prepare", lambda given, *_: types.SimpleNamespace(given=given))
    monkeypatch.setattr(existing, "_held_out_task", lambda *_: task)
    monkeypatch.setattr(existing.released, "readable_tflite", lambda *_: b"")
    monkeypatch.setattr(existing.tflite, "read", lambda *_: None)
    monkeypatch.setattr(existing.evaluate, "as_judged", lambda task, _: task)
    with pytest.raises(errors.BadInput, match=r"--group_margin=0\.05"):
        if ready:
            readiness.check(None, terms)
        else:
            existing.evaluate_file("it", "npz:it", terms, output_dir=tmp_path / "out")

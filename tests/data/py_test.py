import textwrap

import pytest

from tfedge import errors
from tfedge.data import sources, task

GOOD = """
    import numpy as np
    import neighbour
    from tfedge.data import metrics
    from tfedge.data.task import ArraySplit, BatchSplit, Task

    def make():
        x, y = np.arange(8.0).reshape(4, 2), np.arange(4.0)
        split = ArraySplit(x, y)
        return Task(
            "mine", "custom", BatchSplit(lambda: [(x, y)]), split, split, split,
            metric=metrics.Metric("loss", False, lambda outputs, y: 0.0),
            loss=lambda y_true, y_pred: neighbour.ZERO, optimizer=lambda: "adam",
        )

    def other():
        return 3

    def broken():
        return 1 / 0

    def leaving():
        raise SystemExit(4)
"""


def _file(folder, text=GOOD):
    folder.mkdir(exist_ok=True)
    (folder / "neighbour.py").write_text("ZERO = 0.0\n")
    (folder / "tasks.py").write_text(textwrap.dedent(text))
    return folder / "tasks.py"


def test_a_task_of_ones_own(tmp_path):
    made = sources.load_task(f"py:{_file(tmp_path / 'a folder: é')}:make")
    assert isinstance(made, task.Task)
    assert made.loss(1, 2) == 0.0
    assert made.train.targets().tolist() == [0, 1, 2, 3]
    assert made.metric.name == "loss"


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("other", "a tfedge.Task was expected, other.. returned int"),
        ("absent", "no function 'absent'.*make"),
        ("broken", "tasks.py, line 20: ZeroDivisionError: division by zero"),
        ("leaving", "line 23: SystemExit: 4"),
    ],
)
def test_anything_else_is_refused(tmp_path, function, message):
    with pytest.raises(errors.BadInput, match=message):
        sources.load_task(f"py:{_file(tmp_path)}:{function}")


def test_a_function_that_cannot_be_there_is_refused_before_the_file_runs(tmp_path):
    path = _file(tmp_path, "raise SystemExit(9)\ndef training_task(): ...\ndef other(): ...")
    with pytest.raises(
        errors.BadInput, match=r"no function 'training'\. Did you mean 'training_task'"
    ):
        sources.load_task(f"py:{path}:training")


@pytest.mark.parametrize("line", ["make = other", "from elsewhere import *", "globals()['x'] = 1"])
def test_a_function_that_may_be_there_is_looked_for_by_running(tmp_path, line):
    path = _file(tmp_path, f"raise SystemExit(9)\n{line}")
    with pytest.raises(errors.BadInput, match="SystemExit: 9"):
        sources.load_task(f"py:{path}:make")


def test_syntax_errors_name_their_line(tmp_path):
    path = _file(tmp_path, "x = 1\n(")
    with pytest.raises(errors.BadInput, match="line 2: SyntaxError"):
        sources.load_task(f"py:{path}:make")


@pytest.mark.parametrize("address", ["absent.py:make", "tasks.py", ":make"])
def test_missing_files_are_refused(tmp_path, monkeypatch, address):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(errors.BadInput, match="no such file"):
        sources.load_task(f"py:{address}")

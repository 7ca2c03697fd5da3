"""What a prompt and a notebook show: a title and a few rows, whatever is in the object."""

import dataclasses
import pathlib
import re

import numpy as np
import pytest

import tfedge
from tfedge import shown
from tfedge.compress.candidate import Candidate, Report
from tfedge.data import task
from tfedge.data.batch_split import BatchSplit
from tfedge.device import profiles, scorecard
from tfedge.release.gate.check import FAIL, PASS, Check
from tfedge.release.gate.verdict import Verdict
from tfedge.workflow.release import Release


@dataclasses.dataclass(frozen=True, repr=False)
class Thing(shown.Shown):
    rows: tuple

    def _shown(self):
        return "Thing <1>", list(self.rows)


def test_rows_are_aligned_and_long_ones_wrapped_and_cut():
    lines = repr(Thing((("a", "one"), ("name", "word " * 200)))).splitlines()
    assert lines[:2] == ["Thing <1>", "  a     one"]
    assert len(lines) == 5 and max(map(len, lines)) <= 100
    assert lines[3].startswith(" " * 8 + "word") and lines[4].endswith(" ...")


def test_no_more_than_a_screen():
    text = repr(Thing(tuple((f"row {n}", "x") for n in range(60))))
    assert len(text.splitlines()) == 26 and text.endswith("36 rows more")


def test_what_files_say_is_escaped_in_both_forms():
    thing = Thing((("<b>", "\x1b[2J & more"),))
    assert repr(thing).splitlines()[1] == "  <b>  \\x1b[2J & more"
    page = thing._repr_html_()
    assert "&lt;b&gt;" in page and "\\x1b[2J &amp; more" in page and "Thing &lt;1&gt;" in page


def _task():
    split = task.ArraySplit(np.zeros((500, 4, 3), np.uint8), np.arange(500) % 3)
    stream = BatchSplit(lambda: pytest.fail("read"))
    return task.Task(
        *("photos", "classification", split, split, split, stream),
        labels=tuple(f"class {n}" for n in range(40)),
        normalization=task.Normalization(1 / 255, -0.5),
        notes=("one file was left out",),
    )


def _model():
    class Model:
        name, layers = "net", [1, 2]

        def count_params(self):
            return 1234

    return Model()


def _card():
    metric = scorecard.MetricValue("accuracy", 0.9, 100, 0.91)
    outputs = np.zeros((5000, 10))
    phone = profiles.load("wearable")
    return scorecard.Scorecard(phone, 12345, 678, {}, metric=metric, candidate_outputs=outputs)


def _verdict(outcome=FAIL):
    checks = [Check(f"group: {n}", 1, 1, PASS, "Fine.") for n in range(50)]
    return Verdict(outcome, (*checks, Check("metric", 0, 1, outcome, "It lost. " * 60, "A note")))


SHOWN = {
    "task": (_task, ["500 examples of (4, 3) uint8", "class 5 and 34 more", "raw * 0.0039 + -0.5"]),
    "candidate": (
        lambda: Candidate(_model(), reports=(Report("prune", "prune(epochs=1)", ("a", "b")),)),
        ["Candidate net", "2 layers, 1,234 parameters", "pass prune  2 layers, 0.0 s: prune("],
    ),
    "scorecard": (_card, ["Scorecard on wearable", "0.9000, baseline 0.9100", "12,345 bytes"]),
    "verdict": (_verdict, ["Verdict FAIL", "metric  FAIL: It lost."]),
    "release": (
        lambda: Release(_verdict(PASS), _card(), pathlib.Path("out")),
        ["PASS: all 51 checks passed", "out", "12,345 bytes"],
    ),
}


@pytest.mark.parametrize("name", SHOWN)
def test_it_fits_a_screen_and_says_what_matters(name):
    make, words = SHOWN[name]
    made = make()
    lines = repr(made).splitlines()
    assert len(lines) <= 30 and max(map(len, lines)) <= 100
    for each in words:
        assert each in repr(made)
    page = made._repr_html_()
    assert page.startswith("<table>") and page.endswith("</table>") and len(page) < 8000


def test_the_version_is_that_of_the_package():
    assert tfedge.__version__.count(".") == 2


@pytest.mark.parametrize(
    ("name", "said"), [("evaluat", "'evaluat'. Did you mean 'evaluate'?"), ("zzz", "'zzz'")]
)
def test_a_name_that_is_not_there_brings_the_nearest(name, said):
    with pytest.raises(
        AttributeError, match=f"^module 'tfedge' has no attribute {re.escape(said)}$"
    ):
        getattr(tfedge, name)
    with pytest.raises(AttributeError):
        tfedge.__nothing__  # noqa: B018

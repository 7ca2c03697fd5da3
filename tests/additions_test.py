"""Adding a member is adding one file: each test puts one into a folder and uses it, end to end."""

import importlib
import sys

import numpy as np
import pytest
from tfedge_tools import check_data

import tfedge
from tfedge import to_tflite
from tfedge.compress import keras as k
from tfedge.data import hygiene, kinds, sources
from tfedge.data.task import ArraySplit, Task
from tfedge.release.report import data_findings

ORDINAL = '''
"""Grades in their order, (n,) integers: a model gives one number, the nearest grade counts."""

import numpy as np

from tfedge.data import kind
from tfedge.data.answers import Answers
from tfedge.data.class_numbers import ClassNumbers


def _nearest(outputs, _):
    flat = outputs.reshape(len(outputs))
    return np.where(np.isnan(flat), -1, np.rint(np.nan_to_num(flat))).astype(int)


KIND = kind.Kind(
    "ordinal",
    answers=Answers.VALUES,
    metrics=("accuracy", "macro_f1"),
    loss="mean_squared_error",
    classes=ClassNumbers(),
    decide=_nearest,
)
'''

CSV = '''"""csv:FILE: numbers with commas between, the class in the last column."""

import numpy as np

from tfedge import settings
from tfedge.data import task
from tfedge.data.reading import options
from tfedge.data.source import Source


@settings.declared
class Csv(Source):
    """Every fifth row is held out."""

    metric: str | None = options.metric()

    def load(self, address, data_dir, seed):
        rows = np.loadtxt(address, delimiter=",", dtype=np.float32, ndmin=2)
        whole = task.ArraySplit(rows[:, :-1], rows[:, -1].astype(int))
        held_out = np.arange(len(rows)) % 5 == 0
        train = whole.take(np.flatnonzero(~held_out))
        holdout = whole.take(np.flatnonzero(held_out))
        return task.Task(
            "table", "classification", train, train, train, holdout, metric=self.metric, seed=seed
        )
'''

DARK = '''"""Images in which there is nothing to see."""

import numpy as np

from tfedge.data.finding import Check, Example, Finding


def _look(data):
    if "holdout" not in data.splits:
        return Finding()
    x = np.concatenate([x for x, _ in data.splits["holdout"].batches(256)])
    dark = np.flatnonzero(x.reshape(len(x), -1).max(axis=1) < 5).tolist()
    return Finding(
        warnings=(f"{data.where('holdout')}: {len(dark)} images are dark",) if dark else (),
        looked=(("Dark images", f"{len(dark)} of {len(x)}"),),
        rows=tuple({"split": "holdout", "example": number} for number in dark),
        examples=tuple(Example((("holdout", n),), lines=(f"no. {n}",)) for n in dark),
        shown_as="Dark held-out images",
        total=len(dark),
        without=np.array(dark, int),
    )


CHECK = Check(95, _look, title="Dark images")
'''


@pytest.fixture
def added(tmp_path, monkeypatch):
    """(package, name, source) -> a member of it, gone after the test."""
    made = []

    def add(package, name, source):
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
        importlib.invalidate_caches()
        made.append((package, name))

    yield add
    for package, name in made:
        sys.modules.pop(f"{package.__name__}.{name}", None)
        vars(package).pop(name, None)


def _grades(n, seed):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 6)).astype(np.float32)
    score = x[:, 0] + 0.5 * x[:, 1]
    return ArraySplit(x, np.digitize(score, [-0.8, 0.0, 0.8]))


def test_a_kind_is_one_file(added):
    added(kinds, "ordinal", ORDINAL)
    train, validation, holdout = (_grades(n, seed) for seed, n in enumerate((400, 120, 600)))
    parts = (train, train, validation, holdout)
    task = Task("grades", "ordinal", *parts, class_weight="balanced", batch_size=32)
    assert task.num_classes == 4 and hygiene.check(task) == ()

    k.tf_keras.utils.set_random_seed(1)
    layers = k.tf_keras.layers
    model = k.tf_keras.Sequential([layers.Dense(16, "relu", input_shape=(6,)), layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(task.train.x, task.train.y.astype(np.float32), epochs=40, verbose=0)

    made = tfedge.Recipe.parse("prune(final_sparsity=0.3, epochs=2)").apply(model, task)
    baseline = to_tflite(model, "float32", task)
    card = tfedge.evaluate(
        to_tflite(made, "int8", task), task, "mid_range_phone", baseline=baseline, holds=made.holds
    )
    assert card.metric.name == "accuracy" and card.metric.value > 0.6 > card.metric.chance
    assert sum(card.metric.paired.values()) == 600
    assert [each.label for each in card.per_class] == ["0", "1", "2", "3"]
    verdict = tfedge.gate(card, tfedge.Limits(margin=0.2))
    assert verdict.outcome == "PASS"


def test_a_source_is_one_file(added, tmp_path):
    added(sources, "csv", CSV)
    assert "csv:FILE" in sources.grammar()
    path = tmp_path / "table.csv"
    path.write_text("".join(f"{n},{n * n},{n % 3}\n" for n in range(20)))
    made = tfedge.load_task(f"csv:{path}?metric=macro_f1", seed=5)
    assert (made.metric, made.seed, made.num_classes) == ("macro_f1", 5, 3)
    assert made.holdout.x.tolist() == [[n, n * n] for n in (0, 5, 10, 15)]
    with pytest.raises(tfedge.BadInput, match="There are: metric"):
        tfedge.load_task(f"csv:{path}?kind=binary")
    with pytest.raises(tfedge.BadInput, match="Did you mean 'csv'"):
        tfedge.load_task(f"cvs:{path}")


def test_a_check_of_data_is_one_file(added):
    added(hygiene, "dark", DARK)
    generator = np.random.default_rng(0)
    parts = [
        ArraySplit(generator.integers(50, 250, (n, 9, 9, 1), np.uint8), np.arange(n) % 2)
        for n in (120, 120, 40, 60)
    ]
    parts[3].x[[3, 8]] = np.arange(2)[:, None, None, None] + 1
    task = Task("photos", "classification", *parts)
    findings = hygiene.examine(task)
    assert "task photos, holdout: 2 images are dark" in findings.warnings
    assert findings.near_duplicates.tolist() == [3, 8]
    shown = data_findings.of(task, findings)
    assert ("Dark images", "2 of 60") in shown.looked_for
    (dark,) = (each for each in shown.examples if each.title == "Dark held-out images")
    assert [each.lines for each in dark.shown] == [("no. 3",), ("no. 8",)]
    assert [row["example"] for row in check_data.describe(task, findings)["dark"]] == [3, 8]

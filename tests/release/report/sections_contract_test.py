"""What every section of the report promises. Runs whatever file it finds in release/sections."""

import dataclasses
import importlib
import json
import pathlib
import re

import numpy as np
import pytest

from tfedge.data import finding, hygiene, splits
from tfedge.data import task as data_task
from tfedge.device import compatibility, phone_latency, profiles, scorecard
from tfedge.device.file import tflite
from tfedge.release import gate
from tfedge.release.report import card as model_card
from tfedge.release.report import facts, page, sections, sensitivity

FILES = pathlib.Path(__file__).parents[2] / "device" / "files"
CANDIDATE, BASELINE = (FILES / f"image_{kind}.tflite" for kind in ("int8", "float"))
PHONE = profiles.load("mid_range_phone")
NAMES = sections.names()
HOSTILE = "<script>x</script>\x1b[31m"

every_section = pytest.mark.parametrize("name", NAMES)


def _module(name):
    return importlib.import_module(f"{sections.__name__}.{name}")


def _page(made):
    return page.render(made, sections.of(made)).decode()


def _heading(title):
    return f"<h2>{title.replace(chr(39), '&#39;')}</h2>"


def _probed(layer):
    """A table of `tfedge.sensitivity`."""
    change = {"technique": "prune", "setting": "final_sparsity"}
    rows = [
        {
            "layer": layer,
            "changes": [{**change, "value": value}],
            "saved_bytes": saved,
            "difference": {"loss": None, "snr_db": None, "kl": harm, "harm": harm},
        }
        for value, saved, harm in ((0.9, 900, 2.5), (0.5, 500, 0.01))
    ]
    both = {"layer": layer, "changes": [change, change], "saved_bytes": 950, "difference": None}
    return json.dumps({"rows": [*rows, both]}).encode()


@pytest.fixture
def release(card):
    """One of which almost every section has something to say: `named` stands in every name."""

    def make(named="front"):
        labels = ("bag", f"shirt {named}")
        images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1)).astype(np.uint8)
        split = splits.ArraySplit(images, np.arange(40) % 2)
        side = np.repeat([named, "back"], [20, 20])
        right = np.arange(40) != 3
        before, after = split.y, np.where(right, split.y, 1 - split.y)
        content = CANDIDATE.read_bytes()
        scores = card(
            both=39,
            only_baseline=1,
            only_candidate=0,
            neither=0,
            profile=dataclasses.replace(PHONE, name=f"phone {named}"),
            per_class=tuple(scorecard.ClassValue(label, 20, 0.95, 1.0) for label in labels),
            slices={f"camera {named}": side},
            targets=split.y,
            baseline_outputs=np.eye(2)[before],
            candidate_outputs=np.eye(2)[after],
            baseline_correct=np.ones(40, bool),
            candidate_correct=right,
            phone_estimate=phone_latency.estimate(content, PHONE),
            compatibility=compatibility.examine(tflite.read(content), PHONE),
            holds=(
                {"kind": "zeros", "tensor": named, "promised": named, "found": 0, "kept": True},
            ),
        )
        done = {
            "name": "prune",
            "settings": f"prune({named})",
            "touched": [named],
            "skipped": [[named, named]],
            "notes": {named: named},
            "seconds": 1.0,
        }
        return facts.Facts(
            named,
            scores,
            gate.gate(scores),
            content,
            data_task.Task(named, "classification", *[split] * 4, labels=labels),
            baseline=BASELINE.read_bytes(),
            recipe={"model": named, "data": named},
            reports=(done,),
            command=f"release --data={named}",
            findings=hygiene.Findings({"copies": finding.Finding((named,))}),
            sensitivities=sensitivity.Sensitivities({"conv": 0.1}, {named: named}),
            enclosed={"sensitivity.json": _probed(named)},
        )

    return make


@pytest.fixture
def segmented(release):
    """The same of a segmentation, which has sections that classes of examples have not."""

    def make(named="front"):
        made = release(named)
        images = made.task.holdout.x
        y = (images[..., 0] > 128).astype(int)
        split = splits.ArraySplit(images, y)
        after = y.copy()
        after[:, 0] = 0
        scores = dataclasses.replace(
            made.scorecard,
            targets=y,
            baseline_outputs=np.eye(2)[y],
            candidate_outputs=np.eye(2)[after],
        )
        labels = made.task.labels
        task = data_task.Task(named, "segmentation", *[split] * 4, labels=labels)
        return dataclasses.replace(made, scorecard=scores, task=task)

    return make


@pytest.fixture
def where(release, segmented):
    """where(name of a section, named) -> a release that has it."""

    def find(name, named="front"):
        made = release(named)
        return made if name in sections.of(made) else segmented(named)

    return find


@pytest.fixture
def bare(card):
    """A release that has what every release has: it did not even run."""
    scores = card(
        metric=None,
        per_class=(),
        host=None,
        baseline_host=None,
        peak_memory_bytes=None,
        judged_by=None,
        baseline_outputs=None,
        candidate_outputs=None,
        failure=scorecard.sandbox.Failure("crash", "it died"),
    )
    split = splits.ArraySplit(np.zeros((4, 2), np.float32), np.arange(4) % 2)
    task = data_task.Task("two", "classification", *[split] * 4)
    return facts.Facts("two", scores, gate.gate(scores), CANDIDATE.read_bytes(), task)


@every_section
def test_a_file_has_a_title_a_place_of_its_own_and_a_template(name):
    module = _module(name)
    assert module.TITLE and module.__doc__
    assert module.PLACE not in [_module(other).PLACE for other in NAMES if other != name]
    assert pathlib.Path(module.__file__).with_suffix(".html").is_file()


def test_nothing_else_is_in_the_folder():
    folder = pathlib.Path(sections.__file__).parent
    assert {path.stem for path in folder.glob("*.*")} == {*NAMES, "__init__"}


@every_section
def test_it_is_shown_where_there_is_something_to_say(name, where):
    made = where(name)
    assert name in sections.of(made)
    assert _page(made).count(_heading(_module(name).TITLE)) == 1


@every_section
def test_it_is_absent_where_there_is_nothing(name, bare):
    told, page = sections.of(bare), _page(bare)
    assert (name in told) == (_module(name).of(bare) is not None)
    assert page.count("<h2>") == len(told)
    if name not in told:
        assert _heading(_module(name).TITLE) not in page


def test_a_release_that_did_not_run_says_no_more_than_there_is(bare):
    told = sections.of(bare)
    assert {"figures", "checks", "layers", "judged_on", "repeat"} <= set(told)
    assert not {"classes", "slices", "confusion", "new_mistakes", "passes"} & set(told)


def test_they_come_in_the_order_of_their_places(release, segmented):
    told = set()
    for made in (release(), segmented()):
        page, found = _page(made), sections.of(made)
        spots = [page.index(_heading(each.title)) for each in found.values()]
        assert spots == sorted(spots)
        told |= set(found)
    assert told == set(NAMES)


@every_section
def test_names_from_files_do_not_act(name, where):
    made = where(name, HOSTILE)
    only = {name: sections.of(made)[name]}
    shown = page.render(made, only).decode()
    assert "<script" not in shown and "\x1b" not in shown


def test_names_are_shown_as_they_are(release):
    assert _page(release(HOSTILE)).count("&lt;script&gt;") > len(NAMES)


def test_a_section_is_two_files(release, tmp_path, monkeypatch):
    (tmp_path / "weather.py").write_text(
        'TITLE = "The weather"\nPLACE = 25\n\n\ndef of(facts):\n    return facts.name\n'
    )
    (tmp_path / "weather.html").write_text(
        '{% extends "section.html" %}\n{% block body %}\n<p>{{ found }} & sun</p>\n{% endblock %}\n'
    )
    monkeypatch.setattr(sections, "__path__", [*sections.__path__, str(tmp_path)])
    made = release("rain <b>")
    page = _page(made)
    assert re.search(r"<h2>The weather</h2>\s*<p>rain &lt;b&gt; & sun</p>\s*</section>", page)
    places = [page.index(_heading(title)) for title in ("Checks", "The weather", "Per class")]
    assert places == sorted(places)
    assert model_card.render(made, sections.of(made))


def test_the_card_has_the_overlap_of_each_class(segmented):
    made = segmented()
    text = model_card.render(made, sections.of(made)).decode()
    assert "| bag | " in text and "Overlap (IoU)" in text and "| mean | 2,560 | 100.0% |" in text


def test_what_layers_bear_is_a_grid_with_a_column_for_each_value(release):
    (grid,) = sections.of(release())["layer_bears"].found
    assert (grid.axis, grid.values) == ("prune.final_sparsity", (0.5, 0.9))
    ((layer, (mild, grave)),) = grid.rows
    assert layer == "front"
    assert (mild.saved, mild.shade, mild.style) == (500, 0.5, "miss")  # halfway from 1e-4 to 1
    assert (grave.saved, grave.shade, grave.style) == (900, 1.0, "miss dark")

import dataclasses
import html.parser
import pathlib
import re
import shlex
import types

import numpy as np
import pytest

from tfedge.data import finding, hygiene
from tfedge.data import task as data_task
from tfedge.device import energy, sandbox, scorecard
from tfedge.release import gate
from tfedge.release.gate.check import Check
from tfedge.release.report import card as model_card
from tfedge.release.report import (
    difference_plot,
    facts,
    group_rows,
    headline,
    page,
    sections,
    sensitivity,
    wording,
)
from tfedge.release.report.sections import figures, judged_on, promises, repeat

FILES = pathlib.Path(__file__).parents[2] / "device" / "files"
SPLIT = data_task.ArraySplit(np.zeros((4, 2), np.float32), np.arange(4) % 2)
TASK = data_task.Task("two", "classification", SPLIT, SPLIT, SPLIT, SPLIT, labels=("bag", "shirt"))
REPORT = {
    "name": "prune",
    "settings": "prune(final_sparsity=0.5)",
    "touched": ["dense"],
    "skipped": [["conv", "a <b>rule</b> | leaves it out"]],
    "notes": {"sparsity": 0.5, "by_layer": {"dense": 0.5}},
    "seconds": 1.5,
}

FINDINGS = hygiene.Findings(
    {
        "copies": finding.Finding(
            ("2 near duplicates",),
            (("Exact copies in other splits", "none; with any, the data is refused"),),
        ),
        "near_duplicates": finding.Finding(
            looked=(("Near duplicates of training images", "not looked for: no images"),)
        ),
    }
)


@pytest.fixture
def gathered(card):
    """gathered(baseline=True, **counts or fields of the scorecard) -> Facts."""

    def make(baseline=True, **fields):
        scores = card(**fields)
        return facts.Facts(
            "two <small>",
            scores,
            gate.gate(scores),
            (FILES / "image_int8.tflite").read_bytes(),
            task=TASK,
            baseline=(FILES / "image_float.tflite").read_bytes() if baseline else None,
            recipe={"schema_version": 1, "passes": []},
            reports=[REPORT],
            command="tfedge-release --model=two.keras",
            findings=FINDINGS,
            report_examples=0,
        )

    return make


def _report(made):
    return page.render(made, sections.of(made))


def _card(made):
    return model_card.render(made, sections.of(made))


class _Page(html.parser.HTMLParser):
    """Text, and tags that were not closed."""

    def __init__(self, page: bytes):
        super().__init__()
        self.open, self.words, self.tags = [], [], set()
        self.feed(page.decode())

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in {"meta", "img"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def test_the_verdict_comes_first(gathered):
    page = _Page(_report(gathered()))
    start = page.text.index("✓ Released")
    assert "Accuracy 90.90% on 10,000 held-out examples, baseline 91.00%" in page.text[start:][:200]
    assert "two <small> It may ship. Accuracy" in page.text


FAILURE = {
    "failure": sandbox.Failure("memory", "needed 2 MB, 1 MB allowed"),
    "metric": None,
    "per_class": (),
    "host": None,
    "baseline_host": None,
    "peak_memory_bytes": None,
    "judged_by": None,
    "candidate_outputs": None,
    "candidate_correct": None,
}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"both": 8800, "only_baseline": 300},
            "✗ Rejected two <small> Do not ship it. Accuracy 88.90%",
        ),
        ({"file_bytes": 10**6}, "The file takes 1,000,000 bytes; test_phone allows 50,000."),
        ({"both": 300, "only_baseline": 6, "only_candidate": 6, "neither": 88}, "1,971 examples"),
        (FAILURE, "The model did not run (memory): needed 2 MB, 1 MB allowed."),
        ({"baseline_outputs": None, "baseline": False}, "There is no baseline to compare with"),
    ],
)
def test_every_kind_of_verdict_renders(gathered, fields, words):
    made = gathered(**fields)
    page = _Page(_report(made))
    assert words in page.text and not page.open
    assert _card(made)


def test_it_needs_neither_network_nor_script(gathered):
    content = _report(gathered()).decode()
    assert _Page(content.encode()).tags.isdisjoint({"script", "link", "iframe"})
    assert not re.search(r"https?:|url\(|@import|//[a-z]", content)
    assert 'name="viewport"' in content and "prefers-color-scheme: dark" in content


def test_names_from_files_are_escaped(gathered):
    content = _report(gathered()).decode()
    assert "two &lt;small&gt;" in content and "<small>" not in content
    assert "a &lt;b&gt;rule&lt;/b&gt; | leaves it out" in content
    text = _card(gathered()).decode()
    assert "# two &lt;small&gt;" in text and "&lt;b&gt;rule&lt;/b&gt; \\| leaves it out" in text


def test_layers_passes_and_the_way_to_repeat_it_are_there(gathered):
    text = _Page(_report(gathered())).text
    for words in (
        "depthwise conv 2d, 1x3x3x4",
        "prune(final_sparsity=0.5) 1 layer, 2 s",
        "conv : a <b>rule</b>",
        "tfedge-release --model=two.keras",
        "Latency, median, 4 threads measured on this host 2.5 ms 1.25 ms 2 times as fast",
        "Examples, holdout 4",
        "2 near duplicates",
    ):
        assert words in text


def test_a_pass_that_was_taken_over_says_so(gathered):
    assert "in an earlier run" not in _Page(_report(gathered())).text
    report = {**REPORT, "taken_over": True}
    text = _Page(_report(dataclasses.replace(gathered(), reports=[report]))).text
    assert "prune(final_sparsity=0.5) 1 layer, 2 s in an earlier run" in text


def test_same_facts_same_bytes(gathered):
    assert _report(gathered()) == _report(gathered())
    assert _card(gathered()) == _card(gathered())


def test_the_card_is_a_markdown_table_of_every_check(gathered):
    text = _card(gathered()).decode()
    assert text.startswith("# two") and "**Released.**" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in rows)
    assert any(line.startswith("| metric | PASS |") for line in rows)


def test_of_many_classes_those_that_lost_most(gathered):
    many = tuple(scorecard.ClassValue(str(k), 10, 1 - k / 1000, 1.0) for k in range(1000))
    rows, words = group_rows.classes(gathered(per_class=many))
    assert rows[0]["label"] == "999" and len(rows) == 50 and "Of 1,000 classes" in words


def test_amounts():
    assert [wording.amount(size) for size in (999, 21_963, 1_068_576, None)] == [
        "999 B",
        "22.0 KB",
        "1.07 MB",
        "not measured",
    ]
    say = wording.in_one_unit(None, 14_832, 52_428_800)
    assert [say(size) for size in (14_832, 52_428_800, None)] == [
        "14.8 KB",
        "52,429 KB",
        "not measured",
    ]
    assert wording.in_one_unit(8, 3_000)(3_000) == "3,000 B"


def test_the_page_lists_its_parts_and_the_verdict_comes_before_the_figures(gathered):
    made = gathered()
    content = _report(made).decode()
    anchors = re.findall(r'<a href="#(\w+)">', content)
    assert anchors == list(sections.of(made)) and anchors[:2] == ["checks", "figures"]
    assert re.findall(r'<section id="(\w+)">', content) == anchors


def test_the_model_is_linked_where_it_stands_beside_the_page(gathered):
    link = b'<a href="model.tflite">'
    assert link in _report(gathered())
    rejected = gathered(file_bytes=10**6)
    assert link not in _report(rejected)
    kept = _report(dataclasses.replace(rejected, kept_as="kept.tflite"))
    assert b'<a href="kept.tflite">' in kept and link not in kept
    assert b'<a href="verdict' not in _report(dataclasses.replace(gathered(), recipe={}))


@pytest.mark.parametrize(
    ("scale", "zero", "words"),
    [
        (0.5, -128, "uint8 1x2, value = 0.5 * (code + 128)"),
        (0.5, 3, "uint8 1x2, value = 0.5 * (code - 3)"),
        (0.5, 0, "uint8 1x2, value = 0.5 * code"),
        (1.0, 0, "uint8 1x2, value = code"),
        (1.0, -1, "uint8 1x2, value = (code + 1)"),
    ],
)
def test_what_codes_stand_for(scale, zero, words):
    tensor = types.SimpleNamespace(
        shape_signature=(1, 2), dtype="UINT8", scales=[scale], zero_points=[zero]
    )
    assert judged_on._describe(tensor) == words


@pytest.mark.parametrize(
    ("now", "words"), [(0.0038, "21.4 µJ | 3.8 µJ"), (0.038, "0.0214 mJ | 0.038 mJ")]
)
def test_a_row_has_one_unit(gathered, monkeypatch, now, words):
    before = {"value": 0.0214, "low": 0.01, "high": 0.05}
    monkeypatch.setattr(figures.baseline_estimates, "of", lambda *_: {"energy_mj_estimate": before})
    estimate = energy.EnergyEstimate(now, 0.001, 0.05, ())
    rows = {row.label: row for row in figures.of(gathered(energy=estimate)).rows}
    shown = rows["Energy of one run"]
    assert " | ".join(each.partition(" (")[0] for each in (shown.before, shown.after)) == words


def test_the_slowest_runs_are_folded_and_explained(gathered):
    found = figures.of(gathered())
    assert [row.label for row in found.host][-2:] == ["First run", "Loading"]
    assert [row.label for row in found.rows if row.origin == figures.HOST] == [
        "Latency, median, 4 threads",
        "Peak memory, loaded and run",
    ]
    assert b"the operating system interrupted" in _report(gathered())


def test_the_interval_stands_on_an_axis_with_numbers(gathered):
    made = gathered()
    plot, found = difference_plot.of(made), made.verdict.difference
    scale = (plot.value - plot.limit) / (found.value - found.limit)
    assert plot.high - plot.low == pytest.approx(scale * (found.high - found.low), abs=0.02)
    assert plot.zone == (plot.limit, 100.0) and plot.unit == "points"
    assert (plot.zero, "0.0") in plot.ticks and (plot.limit, "-1.0") in plot.ticks
    assert b">-1.0</span>" in _report(made)


def test_promises_are_counted_and_broken_ones_shown(gathered):
    def hold(kind, tensor, kept):
        return {"kind": kind, "tensor": tensor, "promised": 8, "found": 9, "kept": kept}

    kept = (hold("zeros", "a", True), hold("zeros", "b", True), hold("few_levels", "b", True))
    found = promises.of(gathered(holds=kept))
    assert found.summary == "3 promises about 2 layers (2 zeros, 1 few levels): all kept"
    lost = promises.of(gathered(holds=(hold("zeros", "a", False), *kept[1:])))
    assert lost.summary.endswith(": 1 broken") and [each["tensor"] for each in lost.broken] == ["a"]


def test_what_the_data_checks_found_is_told(gathered):
    text = _Page(_report(gathered())).text
    for words in (
        "Exact copies in other splits none; with any, the data is refused",
        "Near duplicates of training images not looked for: no images",
        "Doubtful labels 0 of 4 held-out labels",
    ):
        assert words in text
    assert "| Doubtful labels | 0 of 4 held-out labels" in _card(gathered()).decode()


def test_a_sensitivity_stands_with_its_layer(gathered):
    found = dataclasses.replace(
        gathered(),
        sensitivities=sensitivity.Sensitivities({"conv": 0.123}, {"a": "why", "b": "why"}),
    )
    text = _Page(_report(found)).text
    assert "12.3%" in text and "how far the baseline's outputs move" in text
    assert "No sensitivity of a, b: why." in text


def test_a_release_says_which_classes_paid_for_it(gathered):
    side = np.repeat(["right", "left", "right"], [8000, 1090, 910])
    made = gathered(only_baseline=90, only_candidate=90, neither=820, slices={"side": side})
    page = _report(made).decode()
    assert made.verdict.outcome == "PASS"
    assert "side &#39;left&#39; fell from 100.0 to 91.7 %</p>" in page
    assert page.count("tag reported noted") == 1
    assert "**But** side 'left' fell from 100.0 to 91.7 %." in _card(made).decode()


def test_characters_that_act_are_shown_in_report_and_card(gathered):
    hostile = "x\x1b[31m\x07\u202egpj\ud800&#8238;\x9b"
    made = dataclasses.replace(
        gathered(per_class=(scorecard.ClassValue(hostile, 4, 0.5, 0.5),)),
        name=hostile,
        command=f"release --model={hostile}",
        findings=hygiene.Findings({"copies": finding.Finding((hostile,))}),
    )
    for render in (_report, _card):
        text = render(made).decode()
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", text)
        assert "x\\x1b" in text and "\\u202egpj\\ud800&amp;#8238;\\x9b" in text


def test_a_failure_is_not_told_twice(gathered):
    made = gathered()
    twice = tuple(
        Check(name, 0, None, "FAIL", f"{name} is bad. More.")
        for name in ("metric", "metric_without_near_duplicates")
    )
    verdict = dataclasses.replace(made.verdict, outcome="FAIL", checks=twice)
    failed = dataclasses.replace(made, verdict=verdict)
    assert headline.of(failed) == "Do not ship it. metric is bad."


def test_a_command_is_one_flag_a_line_and_still_the_same_command():
    command = "python pipelines/release.py --recipe='prune(final_sparsity=0.5), quantize' --model="
    command += "'a b.keras' --output_dir=there --no-packed"
    lines = repeat.command_lines(command).split(" \\\n    ")
    assert lines[1:] == [
        "--recipe='prune(final_sparsity=0.5), quantize'",
        "--model='a b.keras'",
        "--output_dir=there",
        "--no-packed",
    ]
    assert shlex.split(" ".join(lines)) == shlex.split(command)
    assert repeat.command_lines("it's --short") == "it's --short"


def test_a_model_that_remembers_examples_says_what_an_app_has_to_call(gathered):
    made = gathered()
    recurrent = (FILES / "sequence_float.tflite").read_bytes()
    words = "call Interpreter.resetVariableTensors() on Android, or make"
    assert words.encode() not in _card(made)
    assert words.encode() in _card(dataclasses.replace(made, tflite_bytes=recurrent))


def test_a_split_drawn_here_and_how_images_were_resized_are_said(gathered):
    made = gathered()
    task = dataclasses.replace(TASK, trained_on="drawn here", preprocessing="stretched to 4x4")
    told = dataclasses.replace(made, task=task)
    rows = dict(judged_on.rows(told))
    assert rows["Held-out split"] == "drawn here"
    assert b"Of earlier training: drawn here." in _card(told)
    assert b"Of earlier training" not in _card(made)
    assert rows["Inputs were"] == "stretched to 4x4"
    plain = dict(judged_on.rows(made))
    assert not {"Held-out split", "Inputs were"} & set(plain)


def test_limits_that_were_not_enforced_are_said(gathered):
    made = gathered()
    refused = {"cores": "4 asked for, 2 there", "cgroup_memory": "not ours"}
    card = dataclasses.replace(made.scorecard, unenforced_limits=refused)
    rows = dict(judged_on.rows(dataclasses.replace(made, scorecard=card)))
    said = "cores: 4 asked for, 2 there; cgroup_memory: not ours"
    assert rows["Limits that could not be enforced here"] == said


def test_class_weights_are_said_and_whether_they_were_inferred(gathered):
    made = gathered()
    told = dataclasses.replace(made, recipe={"class_weight": {"0": 0.5208, "1": 12.5}})
    weighted = dataclasses.replace(TASK, class_weight={0: 0.5208, 1: 12.5})
    given = dataclasses.replace(told, task=weighted)
    words = "0: 0.521, 1: 12.5 (1 : 24)"
    assert dict(judged_on.rows(given))["Trained with class weights"] == words
    said = f"{words}, inferred from the model"
    assert said.encode() in _report(told) and said.encode() in _card(told)
    assert b"class_weight=none switches it off" in _report(told)
    assert "Trained with class weights" not in dict(judged_on.rows(made))


def test_of_a_reason_its_first_sentence_and_how_much_data_would_do():
    reason = "Too few. So it is. 900 examples would do."
    assert headline._shortened(reason, "INSUFFICIENT_DATA") == "Too few. 900 examples would do."
    assert headline._shortened(reason, "FAIL") == "Too few."
    assert headline._shortened("Too few.", "INSUFFICIENT_DATA") == "Too few."

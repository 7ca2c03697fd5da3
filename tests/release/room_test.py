"""The whole room on a real file: evaluate, gate, report, card, bundle."""

import json
import pathlib
import subprocess
import sys

import numpy as np

import tfedge
from tfedge.data import task as data_task
from tfedge.release.gate.limits import Limits
from tfedge.release.publishing import bundle, manifest
from tfedge.release.report import card, facts, page, sections

FILES = pathlib.Path(__file__).parents[1] / "device" / "files"


def _task(baseline: bytes, n: int = 300) -> data_task.Task:
    """Random images; the right class is what the baseline answers."""
    images = np.random.default_rng(0).normal(0, 0.3, (n, 8, 8, 1)).astype(np.float32)
    split = data_task.ArraySplit(images, np.arange(n) % 4)
    task = data_task.Task("noise", "classification", split, split, split, split)
    outputs = tfedge.evaluate(baseline, task).candidate_outputs
    split = data_task.ArraySplit(images, outputs.argmax(axis=1))
    return data_task.Task("noise", "classification", split, split, split, split)


def test_from_a_file_to_a_release(tmp_path):
    baseline = (FILES / "image_float.tflite").read_bytes()
    candidate = (FILES / "image_int8.tflite").read_bytes()
    task = _task(baseline)
    scorecard = tfedge.evaluate(candidate, task, "mid_range_phone", baseline=baseline)
    verdict = tfedge.gate(scorecard, Limits.from_profile("mid_range_phone", margin=0.25))
    assert verdict.outcome == "PASS", verdict.sentence
    gathered = facts.Facts("noise", scorecard, verdict, candidate, task=task, baseline=baseline)
    told = sections.of(gathered)
    with bundle.lock(tmp_path / "out") as folder:
        bundle.publish(
            folder,
            {
                "model.tflite": candidate,
                "scorecard.json": manifest.as_json(scorecard.to_json()),
                "verdict.json": manifest.as_json(verdict.to_json()),
                "report.html": page.render(gathered, told),
                "MODEL_CARD.md": card.render(gathered, told),
            },
        )
    listed = bundle.verify(tmp_path / "out")
    assert listed["files"]["model.tflite"]["bytes"] == len(candidate)
    assert json.loads((tmp_path / "out" / "verdict.json").read_bytes())["outcome"] == "PASS"


def test_the_room_loads_no_tensorflow():
    program = (
        "import sys; from tfedge.release import gate; "
        "from tfedge.release.publishing import bundle; "
        "from tfedge.release.report import card, facts, page; "
        "print([name for name in ('tensorflow', 'tf_keras', 'keras', 'tfedge.compress', "
        "'tfedge.export', 'scipy', 'sklearn', 'jinja2') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert found.stdout == b"[]\n"

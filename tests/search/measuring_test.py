"""What a trial keeps of a verdict, of checks made by hand."""

import json
import lzma
import math
import pathlib
import types

import pytest

from tfedge.compress import recipe
from tfedge.device import phone_latency, profiles
from tfedge.device.prediction import predict
from tfedge.release.gate.check import Check
from tfedge.search import goals, measuring
from tfedge.search.trial import Trial

_NETWORK = pathlib.Path(__file__).parents[1] / "device/networks/mobilenet_v2_int8.tflite.xz"


def _verdict(*checks):
    return types.SimpleNamespace(checks=[Check(*each, "") for each in checks])


@pytest.mark.parametrize(
    ("checks", "slack"),
    [
        ([("metric", -0.005, -0.01, "PASS")], 0.5),
        ([("metric", -0.02, -0.01, "FAIL")], -1.0),
        ([("metric", 0.01, -0.01, "PASS"), ("metric: auc", 0.3, -0.1, "PASS")], 2.0),
        ([("metric", 0.0, -0.01, "PASS"), ("metric: auc", -0.2, -0.1, "FAIL")], -1.0),
        ([("metric", 2e-6, 0.0, "PASS")], 2.0),  # a margin of nothing is taken for a millionth
        ([("file_size", 1.0, 3.0, "PASS"), ("metrics", 1.0, 3.0, "PASS")], -math.inf),
        ([("metric", None, -0.01, "INSUFFICIENT_DATA")], -math.inf),
        ([("metric", math.inf, -0.01, "PASS")], -math.inf),
    ],
)
def test_the_slack_is_the_least_in_margins(checks, slack):
    assert measuring._slack(_verdict(*checks)) == pytest.approx(slack)


def test_what_does_not_pass_and_which_limits_that_exceeds():
    verdict = _verdict(
        ("metric", -0.02, -0.01, "FAIL"),
        ("file_size", 300, 100, "FAIL"),
        ("latency", 3.5, 2.0, "FAIL"),
        ("memory", 3, 2, "PASS"),
        ("operators", ["WHILE"], 1, "FAIL"),
        ("groups", None, -0.1, "INSUFFICIENT_DATA"),
        ("flex", True, 2, "FAIL"),
        ("note", 3, 2, "REPORTED"),
    )
    names = [each.name for each in measuring._open(verdict)]
    assert names == ["metric", "file_size", "latency", "operators", "groups", "flex"]
    assert [each.name for each in measuring._exceeded(verdict)] == ["file_size", "latency"]


def test_figures_of_a_file_are_those_of_its_scorecard():
    card = types.SimpleNamespace(
        file_bytes=20,
        phone_estimate=types.SimpleNamespace(value=1.5),
        memory=types.SimpleNamespace(app_free_bytes_estimate=70),
    )
    known = {"download": 9, "file": 20, "latency": 1.5, "memory": 70}
    assert goals.figures(card, 9) == known
    unknown = types.SimpleNamespace(file_bytes=20, phone_estimate=None, memory=None)
    assert goals.figures(unknown, 9) == {**known, "latency": None, "memory": None}


def test_latency_is_the_phones_processor_as_a_team_has_measured_it(tmp_path, monkeypatch):
    content = lzma.decompress(_NETWORK.read_bytes())
    phone = profiles.load("mid_range_phone")

    def found():
        card = types.SimpleNamespace(
            file_bytes=1, phone_estimate=phone_latency.estimate(content, phone), memory=None
        )
        return goals.figures(card, 1)["latency"]

    def key():
        terms = types.SimpleNamespace(phone=phone, limits=None)
        bench = measuring.Bench(types.SimpleNamespace(key="k"), terms, None, None)
        return bench._key(recipe.Recipe(()), "int8")

    before, first = found(), key()
    assert before == 1.3 * predict.predict_latency(content, "pixel4", 4).value
    (tmp_path / "ours.tflite").write_bytes(content)
    own = {"device": "pixel4", "latencies": [{"tflite": "ours.tflite", "ms": 1.0}]}
    (tmp_path / "own.json").write_text(json.dumps(own))
    monkeypatch.setenv("TFEDGE_PHONE_LATENCY", str(tmp_path / "own.json"))
    assert found() == pytest.approx(1.3 * math.sqrt(before / 1.3))
    assert key() != first


@pytest.mark.parametrize(
    ("fields", "is_measured", "is_feasible", "is_safe"),
    [
        ({"slack": 0.1}, True, True, True),
        ({"slack": 0.09}, True, True, False),
        ({"slack": -0.5}, True, True, False),  # the gate decides, not the slack
        ({"slack": 0.5, "obstacles": {"metric": "lost"}}, True, False, False),
        ({"slack": 0.5, "failure": "refused"}, False, False, False),
        ({}, False, False, False),
    ],
)
def test_a_trial_that_can_be_compared_and_one_that_would_pass(
    fields, is_measured, is_feasible, is_safe
):
    trial = Trial("prune", "int8", {}, 1.0, 4, **fields)
    assert (trial.is_measured, trial.is_feasible, trial.is_safe) == (
        is_measured, is_feasible, is_safe,
    )  # fmt: skip

"""A phone's measurement goes into a release: whole, true to its manifest, decisive."""

import dataclasses
import hashlib
import json

import pytest

import tfedge
from tfedge import errors
from tfedge.device import phone_latency
from tfedge.release import measured
from tfedge.release.gate.limits import Limits
from tfedge.release.publishing import bundle, manifest, rejected

MODEL = b"a model"
SHA = hashlib.sha256(MODEL).hexdigest()
LIMITS = Limits(max_latency_ms=10.0, profile="test_phone")
ESTIMATE = phone_latency.PhoneEstimate(6.0, 4.0, 9.0, "pixel4", 4)


def files_of(card, name, estimate, limits):
    """Of a folder as release.py leaves it, but for what is in the report."""
    scorecard = dataclasses.replace(card(), phone_estimate=estimate)
    verdict = tfedge.gate(scorecard, limits)
    return {
        name: MODEL,
        "scorecard.json": manifest.as_json(scorecard.to_json()),
        "verdict.json": manifest.as_json(verdict.to_json()),
        "report.html": b"<body>\n<main>\n<h1>net</h1></main></body>",
        "MODEL_CARD.md": b"# net\n\n**Released.**\n",
    }


@pytest.fixture
def release(tmp_path, card):
    """A release."""
    files = files_of(card, "model.tflite", ESTIMATE, LIMITS)
    return bundle.publish(tmp_path / "out", files, {"dropped_inputs": ["age"]})


def entry(**times):
    return {"p50": None, "p90": None, "device": "Pixel <9>", "runs": 50, **times}


def read(folder, name):
    return json.loads((folder / name).read_bytes())


@pytest.mark.parametrize(("p90", "outcome"), [(9.5, "PASS"), (12.0, "FAIL")])
def test_a_native_measurement_decides(release, p90, outcome):
    found = measured.record(release, SHA, measured.NATIVE, entry(p50=5.0, p90=p90))
    assert found["outcome"] == outcome and read(release, "verdict.json") == found
    row = next(check for check in found["checks"] if check["name"] == "phone_latency")
    assert (row["value"], row["limit"], row["outcome"]) == (p90, 10.0, outcome)
    assert "measured on a phone; this release allows 10 ms" in row["reason"]
    assert read(release, "scorecard.json")["latency_ms"]["phone_measured"]["p90"] == p90
    assert bundle.verify(release)["dropped_inputs"] == ["age"]


def test_a_browser_changes_no_verdict(release):
    before = read(release, "verdict.json")
    found = measured.record(release, SHA, measured.BROWSER, entry(p50=500.0, p90=900.0))
    assert found == before == read(release, "verdict.json")
    times = read(release, "scorecard.json")["latency_ms"]
    assert times["browser_wasm"]["p50"] == 500.0 and times["phone_measured"] is None
    bundle.verify(release)


def test_report_and_card_say_so_once(release):
    for p90 in (9.5, 9.0):
        measured.record(release, SHA, measured.NATIVE, entry(p50=5.0, p90=p90))
    measured.record(release, SHA, measured.BROWSER, entry(failure={"kind": "run", "detail": "<x>"}))
    page = (release / "report.html").read_text()
    assert page.count("Measured after this was written") == 1 and page.count("<h1>net</h1>") == 1
    assert "On Pixel &lt;9&gt;: median 5 ms, 90th percentile 9 ms." in page
    assert "it did not run: &lt;x&gt;." in page and "the verdict now is PASS." in page
    written = (release / "MODEL_CARD.md").read_text()
    assert written.startswith("# net\n\n<!-- measured -->\nMeasured") and "**Released.**" in written


def test_only_the_model_that_was_measured(release):
    before = {path.name: path.read_bytes() for path in release.iterdir()}
    with pytest.raises(errors.BadInput, match="another than the one that was measured"):
        measured.record(release, "b" * 64, measured.NATIVE, entry(p50=5.0))
    assert {path.name: path.read_bytes() for path in release.iterdir()} == before
    (release / "model.tflite").write_bytes(b"changed")
    with pytest.raises(errors.BadInput, match=r"model\.tflite was changed"):
        measured.record(release, SHA, measured.NATIVE, entry(p50=5.0))


def test_a_rejected_candidate_that_waits_for_a_phone_is_measured_where_it_is(tmp_path, card):
    unclear = dataclasses.replace(ESTIMATE, high=20.0)
    strict = dataclasses.replace(LIMITS, require_measured_latency=True)
    files = files_of(card, rejected.MODEL, unclear, strict)
    folder = bundle.reject(tmp_path / "out", files, rejected.facts("abc"))
    assert read(folder, "verdict.json")["outcome"] == "INSUFFICIENT_DATA"
    found = measured.record(folder, SHA, measured.NATIVE, entry(p50=5.0, p90=9.0))
    assert found["outcome"] == "PASS" and not (tmp_path / "out").exists()
    listing = bundle.verify(folder)
    assert listing["released"] is False and listing["made_from"] == "abc"
    said = "The same command judges the model again, by this."
    assert said in (folder / "report.html").read_text()
    with bundle.lock(tmp_path / "out"), pytest.raises(errors.BadInput, match="in use by process"):
        measured.record(folder, SHA, measured.NATIVE, entry(p50=5.0))


def test_a_rejected_candidate_that_was_moved_is_not_measured(tmp_path):
    folder = bundle.reject(tmp_path / "out", {rejected.MODEL: MODEL}, rejected.facts("abc"))
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(errors.BadInput, match="not where its run has put it"):
        measured.record(tmp_path / "elsewhere", SHA, measured.NATIVE, entry(p50=5.0))

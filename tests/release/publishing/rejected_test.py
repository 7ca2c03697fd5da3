import json

import pytest

from tfedge.release.publishing import bundle, manifest, rejected

HOLD = {"kind": "zeros", "tensor": "dense", "promised": 0.5, "found": 0.5, "kept": True}
REPORT = {"name": "prune", "touched": ["dense"]}


@pytest.fixture
def folder(tmp_path):
    """A rejected candidate of the fingerprint "abc"."""
    files = {
        **rejected.files(b"a model", [REPORT]),
        "recipe.json": manifest.as_json({"class_weight": {"0": 2.0}}),
        "scorecard.json": manifest.as_json(
            {
                "holds": [HOLD, {**HOLD, "kind": "bits"}],
                "latency_ms": {"phone_measured": {"p90": 3.5}, "browser_wasm": None},
            }
        ),
    }
    told = {**rejected.facts("abc"), "dropped_inputs": {"x": [1]}}
    return bundle.reject(tmp_path / "out", files, told)


def test_what_was_kept_is_read_back(folder):
    kept = rejected.read(folder, "abc")
    assert kept.tflite == b"a model" and kept.reports == (REPORT,)
    assert kept.class_weight == {"0": 2.0} and kept.dropped_inputs == {"x": [1]}
    assert [hold.kind for hold in kept.holds] == ["zeros", "bits"]
    assert kept.measured == {"phone_measured": {"p90": 3.5}}
    assert kept.holds[0].read(None, 0, None) == (0.5, 0.5, True)


def test_its_manifest_and_its_name_say_that_it_is_no_release(folder):
    listing = json.loads((folder / "manifest.json").read_text())
    assert listing["released"] is False
    assert "not_released.tflite" in listing["files"] and "model.tflite" not in listing["files"]


def test_another_fingerprint_or_none_at_all_is_another_candidate(folder, tmp_path, caplog):
    assert rejected.read(folder, "abd") is None
    assert rejected.read(tmp_path / "nothing", "abc") is None
    assert not caplog.records


def test_what_is_not_as_it_was_written_is_not_taken_over(folder, caplog):
    (folder / rejected.MODEL).write_bytes(b"a modem")
    assert rejected.read(folder, "abc") is None
    assert "not_released.tflite was changed" in caplog.text and "done again" in caplog.text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("scorecard.json", {"holds": [{"kind": "zeros"}]}),
        ("scorecard.json", {"holds": 3}),
        ("scorecard.json", {"holds": []}),
        (
            "scorecard.json",
            {"holds": [], "latency_ms": {"phone_measured": {"p90": "3"}, "browser_wasm": None}},
        ),
        ("reports.json", {"passes": [3]}),
        ("recipe.json", {"class_weight": 3}),
    ],
)
def test_files_of_another_form_under_a_true_manifest(folder, name, content, caplog):
    files = {
        path.name: path.read_bytes() for path in folder.iterdir() if path.name != manifest.NAME
    }
    files[name] = manifest.as_json(content)
    bundle.reject(folder.with_name("out"), files, rejected.facts("abc"))
    assert rejected.read(folder, "abc") is None and "done again" in caplog.text

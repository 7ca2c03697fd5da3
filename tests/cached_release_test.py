"""What one run has finished serves another: the embedded digits, an epoch a pass."""

import json
import os
import pathlib

import pytest

import tfedge
from tfedge import workflow
from tfedge.compress.training import trainer
from tfedge.making.order import Order
from tfedge.workflow import compressing

MODEL = pathlib.Path(__file__).parents[1] / "models" / "checkpoints" / "digits_cnn_digits.keras"
PRUNE, QUANTIZE = "prune(final_sparsity=0.3, epochs=1)", "quantize(epochs=1)"
RECIPE = f"{PRUNE}, {QUANTIZE}"


def _order(recipe, **more):
    return Order(MODEL, "digits", recipe, **more)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The file of the whole recipe, made without a cache that stays."""
    folder = tmp_path_factory.mktemp("plain") / "out"
    made = compressing.compress(_order(RECIPE), folder)
    assert os.listdir(folder.parent) == ["out"]
    return made.tflite


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A cache in which there is the first pass of the recipe, of another run."""
    folder = tmp_path_factory.mktemp("shared")
    compressing.compress(_order(PRUNE, cache_dir=folder / "cache"), folder / "out")
    assert sorted(os.listdir(folder)) == ["cache", "out"]
    return folder / "cache"


def test_recipes_that_begin_the_same_share_what_they_made(plain, shared, tmp_path, caplog):
    with caplog.at_level("INFO", "absl"):
        made = compressing.compress(_order(RECIPE, cache_dir=shared), tmp_path / "out")
    assert made.tflite == plain
    taken = [each for each in caplog.messages if each.endswith(f"taken over from {shared}")]
    assert [each.partition(": taken")[0] for each in taken] == ["the input model's file", PRUNE]
    reports = json.loads((tmp_path / "out" / "reports.json").read_text())["passes"]
    assert [each["taken_over"] for each in reports] == [True, False]


def test_a_release_of_the_same_trains_and_exports_nothing(
    plain, shared, tmp_path, monkeypatch, caplog
):
    compressing.compress(_order(RECIPE, cache_dir=shared), tmp_path / "first")
    monkeypatch.setattr(trainer, "run", lambda *_: pytest.fail("trained again"))
    monkeypatch.setattr("tfedge.export.to_tflite", lambda *_: pytest.fail("exported again"))
    monkeypatch.setenv("TFEDGE_CACHE_DIR", str(shared))
    with caplog.at_level("INFO", "absl"):
        made = workflow.make_release(
            MODEL, "digits", RECIPE, output_dir=tmp_path / "out", margin=0.05
        )
    assert (made.folder / "model.tflite").read_bytes() == plain
    assert f"export as int8: taken over from {shared}" in caplog.messages
    assert not (tmp_path / "out.work").exists()


def test_a_cache_in_the_output_folder_is_refused(tmp_path):
    for folder in (tmp_path / "out", tmp_path / "out" / "cache"):
        with pytest.raises(tfedge.BadInput, match=r"in the output folder .*Name one beside it"):
            compressing.compress(_order(PRUNE, cache_dir=folder), tmp_path / "out")
    assert not (tmp_path / "out").exists()

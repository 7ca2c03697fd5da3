"""What is known of a model file from an earlier run: the same as if it were opened again."""

import dataclasses
import json
import pathlib
import shutil

import pytest
from absl import logging

from tfedge import cache, errors, making
from tfedge.compress import loading
from tfedge.making import preparing, reading, remembered
from tfedge.making.order import Order

MODEL = pathlib.Path(__file__).parents[1] / "models" / "checkpoints" / "digits_cnn_digits.keras"
RECIPE = "prune(final_sparsity=0.3, epochs=0)"


def _prepared(stages, model=MODEL, **more):
    return preparing.prepare(reading.read(Order(model, "digits", RECIPE, **more)), stages)


@pytest.fixture(scope="module", autouse=True)
def heard():
    """As the commands set it: what is said of a model is heard."""
    before = logging.get_verbosity()
    logging.set_verbosity(logging.INFO)
    yield
    logging.set_verbosity(before)


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
    return cache.open_at(tmp_path_factory.mktemp("stages") / "cache")


@pytest.fixture(scope="module")
def made(stages):
    """By a run that opened the model."""
    return making.make(_prepared(stages), stages)


@pytest.fixture
def unopened(monkeypatch):
    monkeypatch.setattr(loading, "load_model", lambda *_: pytest.fail("the model was opened"))


def test_the_same_order_gives_the_same_file_without_opening_the_model(stages, made, unopened):
    again = making.make(_prepared(stages), stages)
    assert (again.tflite, again.baseline, again.name) == (made.tflite, made.baseline, "digits_cnn")
    assert again.recipe == made.recipe
    assert again.candidate is None and made.candidate is not None
    assert [dataclasses.replace(each, taken_over=False) for each in again.reports] == [
        dataclasses.replace(each, taken_over=False) for each in made.reports
    ]
    assert all(each.taken_over for each in again.reports)
    assert [(each.kind, each.layer) for each in again.holds] == [
        (each.kind, each.layer) for each in made.holds
    ]


def test_the_candidate_is_there_for_who_wants_it(stages, made):
    again = making.make(_prepared(stages), stages, with_candidate=True)
    assert again.tflite == made.tflite
    assert again.candidate is not None


def test_what_is_opened_later_is_what_would_have_been_opened_at_once(stages, made):
    now, later = _prepared(None), _prepared(stages)
    assert later.about.start_key == later.start.keys[-1] == now.start.keys[-1]
    assert (later.key, later.about) == (now.key, now.about)
    other = preparing.with_recipe(later, now.given.recipe.scaled(1.0), "dynamic")
    assert other.about.start_key == "" and other.key != later.key


@pytest.mark.parametrize(
    "changed", [{"seed": 1}, {"export": "dynamic"}, {"allow_flex": True}, {"recipe": "quantize"}]
)
def test_another_order_is_not_known(stages, made, changed):
    order = dataclasses.replace(Order(MODEL, "digits", RECIPE), **changed)
    assert remembered.Memory(stages, reading.read(order), None).read() is None


def test_another_file_of_the_same_name_is_not_known(stages, made, tmp_path):
    copy = tmp_path / "model.keras"
    shutil.copy(MODEL, copy)
    given = reading.read(Order(copy, "digits", RECIPE))
    memory = remembered.Memory(stages, given, None)
    assert memory.read() is not None  # by its content
    memory.check_same()
    copy.write_bytes(copy.read_bytes() + b"\0")
    assert remembered.Memory(stages, given, None).read() is None
    with pytest.raises(errors.BadInput, match="another one than when this run began"):
        memory.check_same()


def test_who_was_told_something_is_told_it_again(tmp_path):
    stages, given = cache.open_at(tmp_path / "c"), reading.read(Order(MODEL, "digits", RECIPE))
    cases = ((True, logging.INFO, False), (False, logging.WARNING, False))
    for said, verbosity, is_kept in (*cases, (False, logging.INFO, True)):
        memory = remembered.Memory(stages, given, None)
        logging.set_verbosity(verbosity)
        with memory.listening():
            if said:
                logging.info("the scale is another")
        memory.write(remembered.About("name", slow=("LayerNormalization",)), b"file")
        found = remembered.Memory(stages, given, None).read()
        assert (found is not None) == is_kept
    assert found == (remembered.About("name", slow=("LayerNormalization",)), b"file")


def test_an_entry_of_other_facts_is_told_and_found_out_again(tmp_path, caplog):
    stages, given = cache.open_at(tmp_path / "c"), reading.read(Order(MODEL, "digits", RECIPE))
    memory = remembered.Memory(stages, given, None)
    for told in ({}, {"name": 3, "no_layers": "", "slow": [], "start_key": ""}, []):
        stages.write(memory._key, {"told.json": json.dumps(told).encode(), "baseline.tflite": b""})
        caplog.clear()
        assert memory.read() is None
        assert "its work is done again" in caplog.text


def test_a_model_that_no_file_tells_is_not_known(stages):
    given = reading.read(Order(f"py:{__file__}:build", "digits", RECIPE))
    memory = remembered.Memory(stages, given, None)
    memory.write(remembered.About(), b"")
    assert memory.read() is None

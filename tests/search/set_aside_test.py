import dataclasses
import time
import types

import pytest

from tfedge import errors, workflow
from tfedge.making.order import Order
from tfedge.search import advice, finding, front, searching, set_aside
from tfedge.search.choice import Choice, Seen
from tfedge.search.trial import Trial

SMALL = Trial("prune()", "int8", {}, 1.0, 1, {"download": 6}, "accuracy", 0.9, 0.9, 1.0)
LARGE = dataclasses.replace(SMALL, recipe="quantize()", figures={"download": 9})


def _marked(trials, folder):
    return tuple(map(set_aside.marker(folder), trials))


def test_what_the_gate_refused_wins_no_more(tmp_path):
    assert _marked([LARGE, SMALL], tmp_path) == (LARGE, SMALL)
    set_aside.add(SMALL, tmp_path)
    found = _marked([LARGE, SMALL], tmp_path)
    assert found[0] is LARGE and not found[1].is_feasible and found[1].slack == 0
    assert front.winner(found, "download") is LARGE
    set_aside.add(LARGE, tmp_path)
    found = _marked([LARGE, SMALL], tmp_path)
    assert front.winner(found, "download") is None
    assert "refused it on the held-out examples" in advice.nearest(found, "download")
    other = dataclasses.replace(SMALL, export="dynamic")
    assert _marked([other], tmp_path) == (other,)


@pytest.mark.parametrize("content", ["{}", "[1]", '[["a"]]', "nonsense", '[["a", 1]]'])
def test_a_file_that_is_none_is_refused(tmp_path, content):
    (tmp_path / "set_aside.json").write_text(content)
    with pytest.raises(errors.BadInput, match="Delete it"):
        set_aside.marker(tmp_path)


def test_the_same_search_releases_the_next_best(tmp_path, monkeypatch):
    trials, released = (LARGE, SMALL), []

    def search(order, terms, question, folder, watch):
        found = _marked(trials, folder)
        return searching.Found(found, "download", front.winner(found, "download"), 0.0)

    monkeypatch.setattr(searching, "check", lambda *given: None)
    monkeypatch.setattr(searching, "search", search)

    def refused(**given):
        released.append(given["recipe"])
        return types.SimpleNamespace(verdict=types.SimpleNamespace(outcome="FAIL"))

    monkeypatch.setattr(workflow, "make_release", refused)
    (tmp_path / "out.search").mkdir()
    given = (Order("model.keras", "digits"), searching.Question())
    where = {"output_dir": tmp_path / "out", "profile": "mid_range_phone"}
    for _ in trials:
        finding.find(*given, **where)
    assert released == [SMALL.recipe, LARGE.recipe]
    with pytest.raises(errors.BadInput, match="refused it on the held-out"):
        finding.find(*given, **where)


def test_a_search_that_goes_on_knows_what_was_set_aside(tmp_path):
    set_aside.add(SMALL, tmp_path)
    known = [Seen(Choice((True,), 1.0), SMALL), Seen(Choice((False,), 1.0), None)]
    given = []
    loop = searching._Loop(
        types.SimpleNamespace(seen=lambda: known),
        set_aside.marker(tmp_path),
        types.SimpleNamespace(next=given.append, space=None),
        types.SimpleNamespace(room=lambda: 1),
        searching.Question(),
        time.monotonic(),
    )
    loop.run(lambda trials: None)
    ((ended, running),) = given
    assert not ended.trial.is_feasible and ended.choice == known[0].choice
    assert running is known[1]

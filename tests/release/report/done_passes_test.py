"""What the report says of a pass, of reports made by hand."""

import types

from tfedge.release.report.sections import passes

REPORT = {
    "name": "prune",
    "settings": "",
    "seconds": None,
    "touched": ["a", "b"],
    "skipped": [["c", "a rule"], ["d", "no kernel"], ["e", "a rule"]],
    "notes": {"sparsity": {"a": 0.5}, "empty": {}, "none": 0, "off": False, "text": ""},
}


def _done(**changed):
    (found,) = passes.of(types.SimpleNamespace(reports=[{**REPORT, **changed}]))
    return found


def test_what_is_not_known_is_nothing():
    found = _done()
    assert (found.title, found.seconds, found.taken_over, found.cost) == ("prune", 0, False, "")
    assert found.notes == {"sparsity": {"a": 0.5}, "none": 0, "off": False} and found.plots == ()
    assert _done(notes=None).notes == {}
    assert passes.of(types.SimpleNamespace(reports=[])) is None


def test_a_reason_is_said_once_for_all_its_layers():
    found = _done(settings="prune(epochs=3)", seconds=2.5, taken_over=True)
    assert found.skipped == (("c, e", "a rule"), ("d", "no kernel"))
    assert (found.title, found.seconds, found.taken_over) == ("prune(epochs=3)", 2.5, True)
    changes = {"loss": {"before": 0.5, "after": 1.25}}
    assert _done(validation=changes).cost == "loss 0.5 to 1.25"
    history = [{"epoch": n, "loss": 1.0 / n} for n in (1, 2, 3)]
    assert [plot.name for plot in _done(history=history).plots] == ["loss"]

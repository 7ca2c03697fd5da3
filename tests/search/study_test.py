import multiprocessing
import os
import signal

import pytest

from tfedge import errors
from tfedge.search import proposing, space, study
from tfedge.search.trial import Trial

GRID = space.of(["prune", "quantize"])
POINT = GRID.point({"prune": True, "prune.final_sparsity": 0.5, "quantize": True})
CHOICE = proposing.Choice(POINT, 0.25)
TRIAL = Trial(
    "prune", "int8", {}, 0.25, 1, {"download": 5.0}, "accuracy", 0.9, 0.9, 0.5, seconds=3.0
)
ASKED = {"margin": 0.01, "profile": "entry_phone"}


@pytest.fixture
def url(tmp_path):
    return study.default_url(tmp_path)


def _open(url, **changed):
    return study.Study(url, "download", {**ASKED, **changed}, GRID)


def _run(kept, trial):
    kept.end(kept.begin(CHOICE), trial, "download")


def test_what_was_tried_is_there_again(url):
    _run(_open(url), TRIAL)
    assert _open(url).seen() == [proposing.Seen(CHOICE, TRIAL)]


def test_what_failed_is_there_too(url):
    failed = Trial("prune", "int8", {}, 0.25, 1, failure="refused")
    _run(_open(url), failed)
    assert study.finished(_open(url).seen()) == [failed]


def test_while_it_runs_others_see_that_it_does(url):
    _open(url).begin(CHOICE)
    assert _open(url).seen() == [proposing.Seen(CHOICE, None)]


def test_another_question_is_refused_by_what_differs(url):
    _open(url)
    with pytest.raises(errors.BadInput, match=r"another margin: 0.01, now 0.02.*--output_dir"):
        _open(url, margin=0.02)


def test_a_storage_that_is_none_is_refused(tmp_path):
    (tmp_path / "study.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(errors.BadInput, match=r"--storage=sqlite.*cannot be used"):
        _open(study.default_url(tmp_path))


@pytest.mark.parametrize("url", ["nothing", "redis://localhost:1", "sqlite:////no/such/dir/a.db"])
def test_a_storage_that_cannot_be_opened_is_refused_by_itself(url):
    with pytest.raises(errors.BadInput, match=f"--storage={url}: it cannot be used"):
        study.check_storage(url)


def _begin_and_wait(url, begun):
    _open(url).begin(CHOICE)
    begun.set()
    signal.pause()


def test_the_trial_of_a_killed_process_is_tried_again(url):
    context = multiprocessing.get_context("fork")
    begun = context.Event()
    child = context.Process(target=_begin_and_wait, args=(url, begun))
    child.start()
    assert begun.wait(60)
    assert _open(url).seen() == [proposing.Seen(CHOICE, None)]
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    kept = _open(url)
    assert kept.seen() == []
    assert kept.give_up_lost() == 1 and kept.give_up_lost() == 0


def _run_one(url):
    _run(_open(url), TRIAL)


def _run_two_side_by_side(url):
    kept = _open(url)
    first, second = kept.begin(CHOICE), kept.begin(CHOICE)
    kept.end(first, TRIAL, "download")
    kept.end(second, TRIAL, "download")


def test_trials_that_ran_side_by_side_count_once(url):
    child = multiprocessing.get_context("fork").Process(target=_run_two_side_by_side, args=(url,))
    child.start()
    child.join()
    assert 3.0 < _open(url).seconds_of_ended() < 5.0


def test_the_seconds_of_ended_processes_count_and_those_of_living_ones_do_not(url):
    child = multiprocessing.get_context("fork").Process(target=_run_one, args=(url,))
    child.start()
    child.join()
    kept = _open(url)
    _run(kept, TRIAL)
    assert kept.seconds_of_ended() == pytest.approx(3.0, abs=1e-3)

"""What a search remembers, in any storage that Optuna knows: killed anywhere, it goes on from here.

A trial is written when it begins, so that other processes on the same study leave it alone, and
again with what was measured. One whose process is gone is given up; nothing else is lost.
"""

import contextlib
import json
import math
import os
import pathlib
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import psutil

from tfedge import errors
from tfedge.search.choice import Choice, Seen
from tfedge.search.space import Space
from tfedge.search.trial import Trial

if TYPE_CHECKING:
    import optuna

MEASURED, _WORKER, _ASKED = "measured", "worker", "asked"
LENGTH = "length"
_FORGOTTEN_SECONDS = 24 * 3600.0  # after which a trial of another computer is given up


class Study:
    """The trials of one question: this model, data, profile, margin, goal and space.

    Args:
        url: of the storage, as SQLAlchemy writes it.
        name: of the study in it.
        asked: all that makes the question, in plain JSON; another question is refused.
        space: what may be tried.

    Raises:
        BadInput: the storage cannot be used, or holds the answers to another question.
    """

    def __init__(self, url: str, name: str, asked: Mapping[str, Any], space: Space):
        with _reading(url):
            self._study = _open(url, name)
            before = self._study.user_attrs.get(_ASKED)
            if before is None:
                self._study.set_user_attr(_ASKED, dict(asked))
        _check_same(url, before, asked)
        self._url, self._space = url, space

    def seen(self) -> list[Seen]:
        """All trials that ended or that a living process runs, in their order."""
        import optuna

        with _reading(self._url):
            found = self._study.get_trials(deepcopy=False)
        known: list[Seen] = []
        for each in found:
            if each.state == optuna.trial.TrialState.RUNNING and not _is_alive(each):
                continue
            choice = _choice(self._space, each.params)
            measured = each.user_attrs.get(MEASURED)
            if choice is not None and (measured or not each.state.is_finished()):
                trial = Trial.from_json(json.loads(measured)) if measured else None
                known.append(Seen(choice, trial))
        return known

    def seconds_of_ended(self) -> float:
        """In which trials of processes ran that are gone: the part of a budget that is used up."""
        with _reading(self._url):
            found = self._study.get_trials(deepcopy=False)
        ended = (each for each in found if not _is_alive(each))
        return _covered([span for each in ended if (span := _span(each))])

    def begin(self, choice: Choice) -> "optuna.trial.Trial":
        """Writes down that this process tries a choice, or has it tried."""
        from tfedge.search import given_sampler

        values = {**self._space.values(choice.point), LENGTH: choice.length}
        with _reading(self._url):
            self._study.sampler = given_sampler.GivenSampler(values)
            running = self._study.ask()
            running.set_user_attr(_WORKER, _own_name())
            for axis in self._space.axes:
                if axis.name in values:
                    running.suggest_categorical(axis.name, axis.values)
            running.suggest_float(LENGTH, 0.0, 100.0)
        return running

    def end(self, running: "optuna.trial.Trial", trial: Trial, goal: str) -> None:
        """Remembers what became of it."""
        import optuna

        figure = trial.figures.get(goal)
        with _reading(self._url):
            running.set_user_attr(MEASURED, json.dumps(trial.to_json()))
            if trial.is_measured and figure is not None:
                self._study.tell(running, [figure, trial.slack])
            else:
                self._study.tell(running, state=optuna.trial.TrialState.FAIL)

    def give_up_lost(self) -> int:
        """Ends trials whose process is gone; how many."""
        import optuna

        running = (optuna.trial.TrialState.RUNNING,)
        with _reading(self._url):
            lost = [
                each
                for each in self._study.get_trials(deepcopy=False, states=running)
                if not _is_alive(each)
            ]
            for each in lost:
                with contextlib.suppress(ValueError):  # another process was quicker
                    self._study.tell(each.number, state=optuna.trial.TrialState.FAIL)
        return len(lost)


def _open(url: str, name: str) -> "optuna.Study":
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(
        study_name=name, storage=url, directions=["minimize", "maximize"], load_if_exists=True
    )


@contextlib.contextmanager
def _reading(url: str) -> Iterator[None]:
    """What a storage can refuse, in one line."""
    import optuna
    import sqlalchemy

    failures = (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.OptunaError, ImportError, OSError)
    try:
        yield
    except (*failures, KeyError, TypeError, ValueError) as error:
        said = " ".join(str(getattr(error, "__cause__", None) or error).split())[:200].rstrip(".")
        raise errors.BadInput(
            f"--storage={url}",
            f"it cannot be used: {said}",
            "Write one such as sqlite:///study.db, or leave it out; what was trained is kept.",
        ) from error


def _check_same(url: str, before: Any, asked: Mapping[str, Any]) -> None:
    if before is None:
        return
    plain = json.loads(json.dumps(dict(asked)))
    changed = sorted(name for name in {*plain, *before} if plain.get(name) != before.get(name))
    if changed:
        name = changed[0]
        raise errors.BadInput(
            f"--storage={url}",
            f"it holds a search with another {name}: {before.get(name)}, now {plain.get(name)}",
            "Give the same, or another --output_dir.",
        )


def _choice(space: Space, params: Mapping[str, Any]) -> Choice | None:
    """The choice that a trial wrote down; None where its process was gone before it had."""
    if LENGTH not in params:
        return None
    return Choice(space.point(params), params[LENGTH])


def _span(ended: "optuna.trial.FrozenTrial") -> tuple[float, float] | None:
    """When a measured trial ran, in seconds."""
    measured, at = ended.user_attrs.get(MEASURED), ended.datetime_complete
    if measured is None or at is None:
        return None
    return at.timestamp() - Trial.from_json(json.loads(measured)).seconds, at.timestamp()


def _covered(spans: Sequence[tuple[float, float]]) -> float:
    """Seconds in at least one span: trials that ran side by side count once."""
    total, until = 0.0, -math.inf
    for begun, ended in sorted(spans):
        total += max(0.0, ended - max(begun, until))
        until = max(until, ended)
    return total


def _own_name() -> list[Any]:
    own = psutil.Process()
    return [socket.gethostname(), own.pid, own.create_time()]


def _is_alive(running: "optuna.trial.FrozenTrial") -> bool:
    """Whether the process that runs a trial is there, as far as this computer can tell."""
    host, pid, started = running.user_attrs.get(_WORKER) or ("", 0, 0.0)
    if host != socket.gethostname():
        begun = running.datetime_start
        return begun is not None and time.time() - begun.timestamp() < _FORGOTTEN_SECONDS
    with contextlib.suppress(psutil.Error):
        return abs(psutil.Process(pid).create_time() - started) < 1.0
    return False


def check_storage(url: str) -> None:
    """Refuses a storage that cannot be opened.

    Raises:
        BadInput: it cannot.
    """
    import optuna

    with _reading(url):
        optuna.storages.get_storage(url)


def default_url(folder: pathlib.Path) -> str:
    """Of a file in a folder."""
    return f"sqlite:///{os.fspath(folder / 'study.db')}"


def finished(seen: Sequence[Seen]) -> list[Trial]:
    """What was measured, in order."""
    return [each.trial for each in seen if each.trial is not None]

"""A search and the release of what it found: model and data in, the recipe and its release out."""

import dataclasses
import hashlib
import pathlib
import shlex
import time
from collections.abc import Mapping, Sequence
from typing import Any

from absl import logging

from tfedge import errors, judging, workflow
from tfedge.compress.training import tensorboard
from tfedge.making.order import Order
from tfedge.release.gate import margins
from tfedge.release.gate.check import FAIL
from tfedge.release.publishing import bundle, manifest
from tfedge.search import advice, page, prior, searching, set_aside
from tfedge.search.trial import SCHEMA_VERSION, Trial
from tfedge.workflow import stage_cache
from tfedge.workflow.release import Release

_PAGE, _LISTING = "pareto.html", "search.json"
_PAGE_SECONDS = 20.0  # between two pages of a search that goes on


def find(
    order: Order,
    question: searching.Question,
    *,
    output_dir: str | pathlib.Path,
    tensorboard_dir: str | pathlib.Path | None = None,
    command: str = "",
    **terms: Any,
) -> tuple[searching.Found, Release]:
    """Searches, then releases the winner; the held-out split is touched once, for that one.

    Where the gate refuses it there, it is set aside: the same call then releases the next best.

    Args:
        order: model, data, export and seed; its recipe is tried first.
        question: what is to be found, and how long to look for it.
        output_dir: the release folder, with pareto.html and search.json; `output_dir`.search
            keeps the study and what was trained, for a search that goes on.
        tensorboard_dir: folder for TensorBoard, which gets a run for each trial; None for none.
        command: how this was called, for the report.
        **terms: what the release is held to, as of `workflow.make_release`.

    Returns:
        What was found, and the release, or what was rejected.

    Raises:
        BadInput: anything about the input that cannot be used; no recipe that would pass.
    """
    searching.check(order, question)
    logs = None if tensorboard_dir is None else tensorboard.opened(tensorboard_dir)
    held_to = judging.Terms.read(command=command, **terms)
    judging.check_texts(order.task, held_to)
    with bundle.lock(output_dir) as folder:
        beside = folder.with_name(f"{folder.name}.search")
        stages = stage_cache.folder_of(order) or beside / "cache"
        order = dataclasses.replace(order, cache_dir=stages)
        repeating = _repeating(order, held_to, terms.get("profile"))
        board = _Board(beside, question.goal, repeating, logs)
        found = searching.search(order, held_to, question, beside, board.show)
        files = board.write(found.trials, found.winner)
        if found.winner is None:
            raise errors.BadInput(
                f"--objective={question.goal}",
                advice.nearest(found.trials, question.goal),
                f"Accept more, search longer, or allow other --passes; see {beside / _PAGE}.",
            )
        if found.table is not None:
            files = {**files, prior.FILE: found.table.as_text().encode()}
        logging.info("releasing %s", found.winner.recipe or "nothing but the export")
    made = workflow.make_release(
        output_dir=output_dir,
        command=command,
        enclosed=files,
        **terms,
        **_winning(order, found.winner),
    )
    if made.verdict.outcome == FAIL:
        set_aside.add(found.winner, beside)
        logging.info("it is set aside: the same command releases the next best")
    return found, made


class _Board:
    """What is written of a search while it goes on: its page, and what TensorBoard shows."""

    def __init__(
        self, folder: pathlib.Path, goal: str, command: str, logs: pathlib.Path | None = None
    ):
        self._folder, self._goal, self._command, self._logs = folder, goal, command, logs
        self._written = time.monotonic()

    def show(self, trials: Sequence[Trial]) -> None:
        """Writes all of it; the page unless it was just written."""
        if self._logs is not None:
            for each in trials:
                _log(self._logs, each)
        if time.monotonic() - self._written > _PAGE_SECONDS:
            self.write(trials, None)
            self._written = time.monotonic()

    def write(self, trials: Sequence[Trial], winner: Trial | None) -> Mapping[str, bytes]:
        """The files that show the search."""
        listing = {
            "schema_version": SCHEMA_VERSION,
            "objective": self._goal,
            "winner": winner and winner.to_json(),
            "trials": [each.to_json() for each in trials],
        }
        files = {
            _PAGE: page.render(trials, self._goal, winner, self._command),
            _LISTING: manifest.as_json(listing),
        }
        for name, content in files.items():
            writing = self._folder / f"{name}.writing"
            writing.write_bytes(content)
            writing.replace(self._folder / name)
        return files


def _log(folder: pathlib.Path, each: Trial) -> None:
    """A run of TensorBoard, called by the recipe's passes and a number of all of it."""
    told = f"{each.recipe} as {each.export}"
    used = [name for name, value in each.values.items() if value is True and "." not in name]
    number = hashlib.sha256(told.encode()).hexdigest()[:8]
    known = {**each.figures, each.measure: each.metric, "slack": each.slack}
    figures = {key: value for key, value in known.items() if value is not None}
    tensorboard.trial(
        folder,
        "-".join([*(used or ["export"]), number]),
        f"{told}. {each.failure}",
        {**each.values, "length": each.length},
        figures if each.is_measured else {},
    )


def _repeating(order: Order, terms: judging.Terms, profile: Any) -> str:
    """The command that makes a release of the same model and data."""
    given = {
        "model": order.model if isinstance(order.model, str | pathlib.Path) else "FILE",
        "data": order.task if isinstance(order.task, str) else "SOURCE",
        "data_dir": order.data_dir,
        "custom_objects": order.custom_objects,
        "input_shape": order.input_shape and ",".join(map(str, order.input_shape)),
        "seed": order.seed,
        "augment": order.augment,
        "profile": profile,
        "margin": margins.write(terms.limits.margin),
    }
    written = [f"--{name}={value}" for name, value in given.items() if value is not None]
    written += ["--allow_flex"] if order.allow_flex else []
    return shlex.join(["python", "pipelines/release.py", *written, "--packed"])


def _winning(order: Order, winner: Trial) -> dict[str, Any]:
    """Arguments of `make_release` for the winner."""
    given = {field.name: getattr(order, field.name) for field in dataclasses.fields(order)}
    changed = {"recipe": winner.recipe, "export": winner.export, "epochs_scale": 1.0}
    return {**given, **changed, "packed": True}

"""Tries one recipe: makes the file, runs it on the validation split, asks the gate there.

The held-out split is not read: the gate is asked as if validation were it, so that a trial is
judged by all that a release is, under the same margin and phone class.
"""

import dataclasses
import functools
import gc
import json
import math
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from absl import logging

from tfedge import cache, errors, foreign, making, packing, progress
from tfedge.data.task import Task
from tfedge.device import evaluate, inference
from tfedge.device.file import tflite
from tfedge.device.prediction import own_phone, work
from tfedge.making import default_export, preparing
from tfedge.making.preparing import Ready
from tfedge.release import gate
from tfedge.release.gate.verdict import Verdict
from tfedge.search import goals
from tfedge.search.trial import Trial

if TYPE_CHECKING:
    from tfedge.compress.recipe import Recipe
    from tfedge.judging import Terms
    from tfedge.release.gate.check import Check

_FILE = "trial.json"  # in an entry of the cache
_FEWEST = 20  # validation examples that say anything
_SMALLEST_LIMIT = 1e-6  # of a margin, which may be 0


@dataclasses.dataclass(frozen=True, eq=False)
class Bench:
    """Everything that trials share.

    Attributes:
        ready: the model and its data, with no passes.
        terms: what a release would be held to.
        export: as ordered; None exports as each recipe prepares for.
        stages: has what is finished, and gets what trials finish.
    """

    ready: Ready
    terms: "Terms"
    export: str | None
    stages: cache.Cache

    @classmethod
    def of(cls, ready: Ready, terms: "Terms", export: str | None, stages: cache.Cache) -> "Bench":
        """Looks at the validation split.

        Raises:
            BadInput: too few examples.
        """
        count = len(ready.given.task.validation)
        if count < _FEWEST:
            raise errors.BadInput(
                "the validation split",
                f"expected {_FEWEST} examples or more to choose by, got {count}",
                "Give more; see docs/data.md.",
            )
        return cls(ready, terms, export, stages)

    @functools.cached_property
    def before(self) -> inference.Run:
        """The input model in float32, run on validation when the first trial needs it.

        Raises:
            BadInput: it does not run, or guesses.
        """
        task = self.ready.given.task
        count = len(task.validation)
        with progress.phase(f"running the input model on {count:,} validation examples"):
            return evaluate.run_baseline(self.ready.baseline, _validated(task), self.terms.phone)

    def measure(self, recipe: "Recipe", values: Mapping[str, Any], length: float) -> Trial:
        """Tries a recipe; what it cannot do is said in the trial.

        Args:
            recipe: to try.
            values: axis -> value, for the record.
            length: factor on the epochs, for the record.

        Raises:
            BadInput: the input model does not run, or guesses.
        """
        began = time.monotonic()
        export = self.export
        if export is None:
            found = default_export.of_slow(
                recipe, self.ready.about.slow, self.terms.phone, is_ours=True
            )
            recipe, export = found.recipe, found.export
        trial = untried(recipe, export, values, length)
        key = self._key(recipe, export)
        kept = self._kept(key)
        if kept is not None:
            spent = time.monotonic() - began
            return dataclasses.replace(kept, values=values, length=length, seconds=spent)
        trial = dataclasses.replace(trial, **self._tried(recipe, export, self.before))
        trial = dataclasses.replace(trial, seconds=time.monotonic() - began)
        if not trial.failure:
            self.stages.write(key, {_FILE: json.dumps(trial.to_json()).encode()})
        return trial

    def _key(self, recipe: "Recipe", export: str) -> str:
        """Of all that a trial's figures depend on."""
        from tfedge.compress import keys

        read = [path for each in recipe.passes for path in each.reads()]
        terms = f"{self.terms.phone} {self.terms.limits} {own_phone.told()}".strip()
        return keys.extend(self.ready.key, f"trial of {recipe} as {export} for {terms}", read)

    def _kept(self, key: str) -> Trial | None:
        """The same trial of another search."""
        found = self.stages.read(key)
        if found is None:
            return None
        try:
            with foreign.reading(self.stages.folder, cache.REMEDY):
                return Trial.from_json(foreign.parse_json(found[_FILE], _FILE, cache.REMEDY))
        except errors.BadInput as error:
            logging.warning("a trial is made again: %s", error)
            return None

    def _tried(self, recipe: "Recipe", export: str, before: inference.Run) -> dict[str, Any]:
        """Fields of the trial."""
        try:
            return self._figures(recipe, export, before)
        except errors.BadInput as error:
            return {"failure": str(error)}
        except Exception as error:  # one recipe of many: the study goes on, and says so
            logging.exception("a trial broke off: %s", recipe)
            return {"failure": f"{type(error).__name__}: {error}"}
        finally:
            _forget_graphs()

    def _figures(self, recipe: "Recipe", export: str, before: inference.Run) -> dict[str, Any]:
        ready = preparing.with_recipe(self.ready, recipe, export)
        made = making.make(ready, self.stages)
        task = _validated(made.task)
        scorecard = evaluate.evaluate(made.tflite, task, self.terms.phone, before, made.holds)
        limits = self.terms.limits
        limits = dataclasses.replace(limits, allow_flex=limits.allow_flex or made.allow_flex)
        verdict = gate.gate(scorecard, limits)
        if scorecard.failure:
            return {"failure": f"{scorecard.failure.kind}: {scorecard.failure.detail}"}
        assert scorecard.metric is not None
        return {
            "figures": goals.figures(scorecard, len(packing.pack(made.tflite))),
            "measure": scorecard.metric.name,
            "metric": scorecard.metric.value,
            "baseline": scorecard.metric.baseline,
            "slack": _slack(verdict),
            "obstacles": {each.name: each.reason for each in _open(verdict)},
            "limits": {each.name: (each.value, each.limit) for each in _exceeded(verdict)},
            "multiply_adds": _multiply_adds(made.tflite),
        }


def untried(recipe: "Recipe", export: str, values: Mapping[str, Any], length: float) -> Trial:
    """The record of a recipe of which nothing is known yet."""
    epochs = sum(getattr(each, "epochs", 0) for each in recipe.passes)
    return Trial(str(recipe), export, values, length, epochs)


def _validated(task: Task) -> Task:
    """The task as if validation were what is held out."""
    return dataclasses.replace(task, holdout=task.validation)


def _slack(verdict: Verdict) -> float:
    """See `Trial.slack`; of several metrics that of the one with the least."""
    found = [
        (each.value - each.limit) / max(abs(each.limit), _SMALLEST_LIMIT)
        for each in verdict.checks
        if each.name.split(":")[0] == "metric" and each.value is not None
    ]
    worst = min(found, default=-math.inf)
    return worst if math.isfinite(worst) else -math.inf


def _multiply_adds(content: bytes) -> int:
    return sum(each.macs * each.turns for each in work.of(tflite.read(content)))


def _open(verdict: Verdict) -> "Iterator[Check]":
    return (each for each in verdict.checks if each.outcome in ("FAIL", "INSUFFICIENT_DATA"))


def _exceeded(verdict: Verdict) -> "Iterator[Check]":
    """Of sizes and times: failed checks of two numbers."""
    for each in _open(verdict):
        both = (each.value, each.limit)
        if all(type(value) in (int, float) for value in both) and each.limit > 0:
            yield each


def _forget_graphs() -> None:
    """Functions that TensorFlow has traced stay in memory until it is told."""
    from tfedge.compress import keras as k

    k.tf_keras.backend.clear_session()
    gc.collect()

"""Runs the passes of a recipe on a model: in order, resumable, all checked before any is run."""

import dataclasses
import pathlib
from typing import Any

from absl import logging

from tfedge.compress import bridge, checkpoint, folding, graph, loading
from tfedge.compress.candidate import Candidate
from tfedge.compress.graph import canonical, model_ends
from tfedge.compress.passes import base
from tfedge.compress.ranges import output_columns, raw_columns
from tfedge.compress.training import trained_weights, training_state
from tfedge.data import class_weights, output_kind
from tfedge.data.task import Task


def apply(
    passes: tuple[base.Pass, ...], model: Any, task: Task, work_dir: str | pathlib.Path | None
) -> Candidate:
    """Compresses; see `Recipe.apply`."""
    task = task.without_holdout()
    flat = folding.flatten(_as_tf_keras(model))
    task = output_kind.of_outputs(task, model_ends.output_shapes(flat))
    if passes:
        flat = raw_columns.to_one_scale(flat, task)
        flat = output_columns.to_one_scale(flat, task)
    start = Candidate(flat)
    if any(getattr(each, "epochs", 0) for each in passes):
        task = trained_weights.resolved(task, flat)
    for each in passes:
        each.requires(start)
        each.suits(task)
    candidate = _in_turn(passes, start, task, None if work_dir is None else pathlib.Path(work_dir))
    loading.check_weights(candidate.model)
    return dataclasses.replace(candidate, class_weight=class_weights.to_json(task))


def _in_turn(
    passes: tuple[base.Pass, ...], start: Candidate, task: Task, folder: pathlib.Path | None
) -> Candidate:
    """The candidate after all passes; those that `folder` has finished are taken over."""
    candidate = start
    key = checkpoint.fingerprint(start, task) if folder else ""
    for number, each in enumerate(passes):
        key = checkpoint.extend(key, str(each), each.reads())
        saved = folder / f"{number}-{each.name}-{key}" if folder else None
        done = checkpoint.load(saved, start.model) if saved else None
        if done is not None:
            logging.info("%s: taken over from an earlier run", each)
            candidate = done
            continue
        with training_state.resumable(saved):
            candidate = each(candidate, task)
        if saved:
            checkpoint.save(candidate, saved)
    return candidate


def _as_tf_keras(model: Any) -> Any:
    """As a model out of a file is: plain layers that compute in float32."""
    if bridge.is_keras3(model):
        return bridge.to_tf_keras(model)
    return canonical.tidy(model) if graph.is_functional(model) else model

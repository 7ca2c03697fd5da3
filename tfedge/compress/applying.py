"""Runs the passes of a recipe on a model: in order, resumable, all checked before any is run."""

import dataclasses
import functools
import time

from absl import logging

from tfedge import cache, errors, progress
from tfedge.compress import bridge, checkpoint, folding, graph, loading, reach
from tfedge.compress import keras as k
from tfedge.compress import keys as stage_keys
from tfedge.compress.candidate import Candidate
from tfedge.compress.graph import canonical, model_ends
from tfedge.compress.loading import drawn_models
from tfedge.compress.passes import base
from tfedge.compress.ranges import output_columns, raw_columns
from tfedge.compress.training import trained_weights, training_state
from tfedge.data import class_weights
from tfedge.data.matching import fit, output_kind
from tfedge.data.task import Task

_NO_LAYERS = "a .tflite or a SavedModel has no layers"


@dataclasses.dataclass(frozen=True, eq=False)
class Start:
    """What a recipe starts from; every pass has said that it can work on it.

    Attributes:
        passes: in order.
        candidate: the model, flat.
        task: without its held-out split, with the class weights it trains with.
        timed_on: what latencies are predicted of and by; empty where they are measured here.
    """

    passes: tuple[base.Pass, ...]
    candidate: Candidate
    task: Task
    timed_on: str = ""

    @functools.cached_property
    def keys(self) -> tuple[str, ...]:
        """What determines the candidate, as a number: before the first pass, and after each."""
        content = stage_keys.of_model(self.candidate.model)
        found = [stage_keys.fingerprint(content, self.task)]
        for each in self.passes:
            key = found[-1]
            if self.timed_on and getattr(each, "budget", None) == "latency":
                key = stage_keys.extend(key, f"timed on {self.timed_on}")
            found.append(stage_keys.after(key, each))
        return tuple(found)

    def run(self, stages: cache.Cache | None = None) -> Candidate:
        """Compresses; see `Recipe.apply`."""
        for each in reach.of(self.passes, self.candidate):
            logging.info("%s", each)
        candidate = self._in_turn(stages)
        loading.check_weights(candidate.model)
        return dataclasses.replace(candidate, class_weight=class_weights.to_json(self.task))

    def _in_turn(self, stages: cache.Cache | None) -> Candidate:
        """The candidate after all passes; those that `stages` has are taken over."""
        done, candidate = self._finished(stages) if stages else (0, self.candidate)
        with progress.whole([1 + getattr(each, "epochs", 0) for each in self.passes]) as estimate:
            for number, each in enumerate(self.passes):
                estimate.begin(number)
                if number < done:
                    estimate.leave_out(number, time.monotonic())
                elif stages is None:
                    candidate = each(candidate, self.task)
                else:
                    candidate = self._kept(stages, number, candidate)
        return candidate

    def _finished(self, stages: cache.Cache) -> tuple[int, Candidate]:
        """How many passes need not be run, and the candidate after them."""
        for number in range(len(self.passes), 0, -1):
            found = checkpoint.load(stages, self.keys[number], self.candidate.model)
            if found is not None:
                for each in self.passes[:number]:
                    logging.info("%s: taken over from %s", each, stages.folder)
                return number, found
        return 0, self.candidate

    def _kept(self, stages: cache.Cache, number: int, candidate: Candidate) -> Candidate:
        """The candidate after one more pass, unless another process makes it just now."""
        each, (source, key) = self.passes[number], self.keys[number : number + 2]
        with stages.making(key, str(each), source):
            found = checkpoint.load(stages, key, self.candidate.model)
            if found is not None:
                logging.info("%s: taken over from %s", each, stages.folder)
                return found
            with training_state.resumable(stages, key):
                candidate = each(candidate, self.task)
            checkpoint.save(candidate, stages, key)
        stages.drop_parts(key)
        return candidate


def start(passes: tuple[base.Pass, ...], model: k.Model, task: Task) -> Start:
    """Looks at all of it; nothing is trained. See `Recipe.apply`."""
    task = task.without_holdout()
    flat = folding.flatten(_as_tf_keras(model, passes, task))
    fit.check_inputs(task, *model_ends.inputs(flat))
    task = output_kind.of_outputs(task, model_ends.output_shapes(flat))
    if passes:
        flat = raw_columns.to_one_scale(flat, task)
        flat = output_columns.to_one_scale(flat, task)
    candidate = Candidate(flat)
    if any(getattr(each, "epochs", 0) for each in passes):
        fit.check_taught(task, graph.output_names(flat))
        task = trained_weights.resolved(task, flat)
    for each in passes:
        each.requires(candidate)
        each.suits(task)
    return Start(passes, candidate, task)


def _as_tf_keras(model: k.Model, passes: tuple[base.Pass, ...], task: Task) -> k.Model:
    """As a model out of a file is: plain layers that compute in float32.

    Raises:
        BadInput: there are no layers, or weights that no file can hold.
    """
    if isinstance(model, loading.SavedModel | loading.TfliteModel):
        names = ", ".join(each.name for each in passes)
        reason = getattr(model, "reason", "")
        raise errors.BadInput(
            "model" if reason else f"model {model.path}",
            f"{reason or _NO_LAYERS}; {names or 'compression'} cannot touch it",
            "Give a functional Keras model, or quantize it without training: "
            'tfedge.to_tflite(model, "int8", task).',
        )
    if model.built:
        loading.check_size(model.weights, f"model {model.name!r}")
    model = drawn_models.of(model, task)
    if bridge.is_keras3(model):
        return bridge.to_tf_keras(model)
    return canonical.tidy(model) if graph.is_functional(model) else model

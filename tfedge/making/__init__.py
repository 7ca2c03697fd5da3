"""From a model and data to the bytes of a `.tflite`, and all that repeats it; no judgement yet.

    made = making.make(preparing.prepare(reading.read(order)))

The last two take a cache of finished stages, in which they look before they make something; see
`cache`.

`read` reads texts, then data, so that what cannot be used shows before any work is done and before
TensorFlow is loaded; `prepare` opens the model and exports what the result is compared with; `make`
compresses and exports.
"""

import dataclasses
import pathlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfedge import cache, foreign, recipe_file
from tfedge.data import hygiene
from tfedge.data.task import Task
from tfedge.device import evaluate
from tfedge.making import finished, timing
from tfedge.making.preparing import Ready
from tfedge.release.publishing import rejected, released

if TYPE_CHECKING:
    from tfedge.compress.candidate import Candidate, Report

_NAMED_BY_KERAS = re.compile(r"(functional|model|sequential)(_\d+)?")


@dataclasses.dataclass(frozen=True)
class Made:
    """A compressed model and where it came from.

    Attributes:
        name: of the model.
        tflite: the file.
        baseline: the input model as a float32 file.
        candidate: None when there was nothing to compress (SavedModel, .tflite), or the file was
            made before.
        holds: promises about its weights.
        reports: one per pass.
        dropped_inputs: columns of the input that it does not read; None where it reads all.
        measured: fields of the scorecard that a phone has measured already.
        recipe: what recipe.json holds.
        task: the data, with its held-out split.
        findings: what the checks of the data found.
        allow_flex: whether the export may hold TensorFlow operators.
        packed: the packed form of `tflite`, where it was asked for.
    """

    name: str
    tflite: bytes
    baseline: bytes
    candidate: "Candidate | None"
    recipe: Mapping[str, Any]
    task: Task
    findings: hygiene.Findings
    holds: tuple[evaluate.Hold, ...] = ()
    reports: "tuple[Report, ...]" = ()
    dropped_inputs: Any = None
    measured: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    allow_flex: bool = False
    packed: bytes | None = None

    @property
    def model_files(self) -> dict[str, bytes]:
        """The model, by file name."""
        packed = {} if self.packed is None else {released.PACKED: self.packed}
        return {released.MODEL: self.tflite, **packed}


def make(ready: Ready, stages: cache.Cache | None = None, *, with_candidate: bool = False) -> Made:
    """Compresses and exports.

    Args:
        ready: what `prepare` gave.
        stages: has what earlier runs have finished, and gets what this one finishes.
        with_candidate: whether the candidate is wanted too, also where the file is there.

    Raises:
        BadInput: a pass or the export cannot work on this model.
    """
    export = ready.given.export.to_text()
    what, key = f"export as {export}", ready.key if stages else ""
    found = None
    if stages is not None and not with_candidate:
        found = finished.read(stages, key, what)
    if found is None:
        found = _finished(ready, stages, key, what)
    return _made(
        ready,
        found.tflite,
        found.class_weight,
        candidate=found.candidate,
        holds=found.holds,
        reports=found.reports,
        dropped_inputs=found.dropped_inputs,
    )


def _finished(ready: Ready, stages: cache.Cache | None, key: str, what: str) -> finished.Finished:
    """What is made by all that is not in the cache yet."""
    from tfedge.compress import costs
    from tfedge.export import to_tflite

    task, candidate = ready.given.task, None
    if ready.start is not None:
        with costs.measuring(timing.milliseconds(task, ready.phone)):
            candidate = ready.start.run(stages)
    source = candidate or ready.model

    def export() -> bytes:
        return to_tflite(source, ready.given.export.to_text(), task)

    if stages is None:
        return finished.of(export(), candidate)
    return finished.kept(stages, key, what, candidate, export)


def again(ready: Ready, kept: rejected.Kept) -> Made:
    """What `make` made of the same before; nothing is trained or exported.

    Args:
        ready: what `prepare` gave.
        kept: what was made.
    """
    from tfedge.compress.candidate import Report

    with foreign.reading(f"{kept.folder}, reports.json", "Delete the folder."):
        reports = tuple(Report.from_json(each) for each in kept.reports)
    return _made(
        ready,
        kept.tflite,
        kept.class_weight,
        candidate=None,
        holds=kept.holds,
        reports=reports,
        dropped_inputs=kept.dropped_inputs,
        measured=kept.measured,
    )


def _made(ready: Ready, content: bytes, class_weight: Mapping[str, Any], **more: Any) -> Made:
    from tfedge import packing

    given, order = ready.given, ready.given.order
    return Made(
        name=_name(ready.about.name, order.model),
        tflite=content,
        baseline=ready.baseline,
        recipe=_recipe_json(ready, class_weight),
        task=given.task,
        findings=given.findings,
        allow_flex=given.export.allow_flex,
        packed=packing.pack(content) if order.packed else None,
        **more,
    )


def _name(own: str, given: Any) -> str:
    """The model's own name; that of its file where Keras gave the name, or there is none."""
    if isinstance(given, str | pathlib.Path) and (not own or _NAMED_BY_KERAS.fullmatch(own)):
        return pathlib.Path(str(given).removeprefix("py:").split(":")[0]).stem
    return own or "model"


def _recipe_json(ready: Ready, class_weight: Mapping[str, Any]) -> dict[str, Any]:
    given, order = ready.given, ready.given.order
    return recipe_file.content(
        given.recipe,
        given.export.to_text(),
        given.task,
        ready.baseline,
        model=str(order.model) if isinstance(order.model, str | pathlib.Path) else "in memory",
        export_reason=given.reason,
        source=order.task if isinstance(order.task, str) else "in memory",
        data_dir=order.data_dir,
        input_shape=None if order.input_shape is None else list(order.input_shape),
        epochs_scale=order.epochs_scale * (given.recipe_file.get("epochs_scale") or 1.0),
        class_weight=dict(class_weight),
    )

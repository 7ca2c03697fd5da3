"""The sensitivity of each layer to each technique: little work, nothing trained.

A pass is applied to all layers at once, without training; then one layer at a time gets the kernel
that it left, in a copy of the model that is built once. Where a pass changes shapes, it is applied
to each layer alone. The model's own answers are computed once, and all passes share one small
calibration split.
"""

import dataclasses
import time
from collections.abc import Iterator, Sequence

from tfedge import errors, packing, progress
from tfedge.compress import keras as k
from tfedge.compress import loading
from tfedge.compress import recipe as recipes
from tfedge.compress.candidate import Candidate
from tfedge.compress.passes import base
from tfedge.data.task import Task
from tfedge.export import exporting, options
from tfedge.probing import changes as changes_lib
from tfedge.probing import sizes
from tfedge.probing import twin as twins
from tfedge.probing.changes import Change
from tfedge.probing.panel import Panel
from tfedge.probing.rows import Row
from tfedge.probing.table import Table

TECHNIQUES = ("prune", "cluster", "quantize", "low_rank", "slim")
_NO_TIME = "no time was left"
_NOTHING = "it changes nothing there"


def sensitivity(
    model: k.Model,
    task: Task,
    techniques: Sequence[str] = TECHNIQUES,
    *,
    values: int = 6,
    examples: int | None = None,
    seconds: float = 600.0,
) -> Table:
    """What each layer's changes do to the answers, and the packed bytes that they save.

    Args:
        model: Keras 3 or tf_keras model; it is not changed.
        task: validation and calibration examples are read, held-out ones never.
        techniques: names of passes with a searched setting that may differ by layer.
        values: at most so many of each setting.
        examples: of validation; None takes up to 256, fewer for a large model.
        seconds: after that no further change is begun; the table names those.

    Raises:
        BadInput: a technique that cannot be probed, a model without layers to compress.
    """
    began = time.monotonic()
    changes = changes_lib.of(techniques, values)
    if not loading.is_functional(model):
        raise errors.BadInput("the model", "it has no Keras layers", "Give a functional one.")
    start = recipes.Recipe().start(model, task)
    panel = Panel(start.candidate.model, start.task, examples)
    probing = _Probing(start.candidate, panel, began + seconds)
    with progress.bar("what each layer can bear", len(changes)) as advance:
        rows = []
        for change in changes:
            with progress.passing():
                rows += probing.rows(change)
            advance(1)
    if not rows:
        reasons = dict.fromkeys(why for *_, why in probing.missing)
        raise errors.BadInput(
            f"the layers of {start.candidate.model.name}",
            f"none could be changed: {'; '.join(reasons)}",
            f"Probe others of {', '.join(changes_lib.able())}, or give it more time.",
        )
    order = {layer: number for number, layer in enumerate(probing.layer_bytes)}
    rows.sort(key=lambda row: order[row.layer])
    return Table(
        model=start.candidate.model.name,
        examples=len(panel.task.validation),
        packed_bytes=_packed(start.candidate, panel.task),
        layer_bytes=probing.layer_bytes,
        rows=tuple(rows),
        missing=tuple(probing.missing),
        seconds=round(time.monotonic() - began, 1),
    )


class _Probing:
    """Probes changes one after the other.

    Attributes:
        layer_bytes: layer -> packed bytes of its kernel as it is.
        missing: see `Table.missing`.
    """

    def __init__(self, candidate: Candidate, panel: Panel, deadline: float):
        self._candidate, self._panel, self._deadline = candidate, panel, deadline
        self._forms = twins.forms(candidate.model)
        self._twins: dict[int, twins.Twin] = {}
        self._whole: dict[Change, Candidate] = {}  # of passes that keep all shapes
        self._spares: dict[tuple[Change, int], twins.Spare] = {}
        self.layer_bytes = sizes.of(candidate)
        self.missing: list[tuple[str, str, str]] = []

    def rows(self, change: Change) -> list[Row]:
        """A row for each layer that it changes, alone and together with earlier changes."""
        if self._is_late(change):
            return []
        whole = self._applied(change.everywhere(), change)
        if whole is None:
            return []
        twin = self._twin(whole.model)
        if twin is None:
            return list(self._one_by_one(change))
        self._whole[change] = whole
        return [*self._swapped(change, whole, twin), *self._pairs(change)]

    def _pairs(self, change: Change) -> Iterator[Row]:
        """What zeros and few values save together: a weight that is zero needs no value."""
        for other in self._whole:
            first, second = sorted((change, other), key=lambda each: each.stage)
            of_both = (first.stage, second.stage) == (base.Stage.ZEROS, base.Stage.VALUES)
            if of_both and not self._is_late(second):
                whole = self._applied(second.everywhere(), second, self._spare(first, second))
                if whole is not None:
                    yield from self._together((first, second), whole)

    def _spare(self, first: Change, second: Change) -> Candidate:
        """After the first change, in the form that the second works on, with a model to use up."""
        whole = self._whole[first]
        form = twins.number_of(self._forms, self._whole[second].model) or 0
        if (first, form) not in self._spares:
            self._spares[first, form] = twins.Spare(whole.model, form)
        return dataclasses.replace(whole, model=self._spares[first, form].model(), is_spare=True)

    def _swapped(self, change: Change, whole: Candidate, twin: twins.Twin) -> Iterator[Row]:
        taken, changed = sizes.of(whole), twin.changed(whole.model)
        reasons = dict(whole.reports[-1].skipped)
        for layer in self.layer_bytes:
            if layer not in changed:
                self._miss(change, layer, reasons.get(layer, _NOTHING))
                continue
            answers = twin.answers(layer, changed[layer])
            saved = twin.sizes[layer] - taken[layer]
            yield Row(layer, (change,), saved, self._panel.difference(answers))

    def _one_by_one(self, change: Change) -> Iterator[Row]:
        whole, everywhere = sum(self.layer_bytes.values()), change.everywhere()
        left = everywhere.leaves(self._candidate)
        for layer, *along in everywhere.groups(self._candidate):
            if layer in left:
                self._miss(change, layer, left[layer])
            if layer in left or layer not in self.layer_bytes or self._is_late(change, layer):
                continue
            made = self._alone(change, (layer, *along))
            if made is not None:
                saved = whole - sum(sizes.of(made).values())
                found = self._panel.difference(self._panel.asked(made.model)[0])
                yield Row(layer, (change,), saved, found, tuple(along))

    def _alone(self, change: Change, layers: tuple[str, ...]) -> Candidate | None:
        """The candidate with these layers changed; None where they cannot be."""
        try:
            made = self._applied(change.to(layers), change, where=layers[0])
        except errors.BadInput as error:
            self._miss(change, layers[0], error.cause)
            return None
        if made is None:
            return None
        report = made.reports[-1]
        if layers[0] in report.touched:
            return made
        self._miss(change, layers[0], dict(report.skipped).get(layers[0], _NOTHING))
        return None

    def _together(self, changes: tuple[Change, Change], whole: Candidate) -> Iterator[Row]:
        taken = sizes.of(whole)
        for layer, before in self.layer_bytes.items():
            yield Row(layer, changes, before - taken[layer])

    def _applied(
        self, each: base.Pass, change: Change, on: Candidate | None = None, where: str = "*"
    ) -> Candidate | None:
        """The candidate after a pass; None, and a reason, where that is refused."""
        candidate = on or self._candidate
        try:
            each.requires(candidate)
            each.suits(self._panel.task)
            return each.apply(candidate, self._panel.task)
        except errors.BadInput as error:
            self._miss(change, where, error.cause)
            return None

    def _twin(self, model: k.Model) -> twins.Twin | None:
        """The copy whose weights can change places with those of a model."""
        number = twins.number_of(self._forms, model)
        if number is None:
            return None
        if number not in self._twins:
            self._twins[number] = twins.Twin(self._forms[number], self._panel.task)
        return self._twins[number]

    def _is_late(self, change: Change, where: str = "*") -> bool:
        late = time.monotonic() > self._deadline
        if late:
            self._miss(change, where, _NO_TIME)
        return late

    def _miss(self, change: Change, layer: str, why: str) -> None:
        self.missing.append((str(change), layer, why))


def _packed(candidate: Candidate, task: Task) -> int:
    """Bytes of the packed file of a model that is only quantized."""
    with progress.phase("exporting as int8, for its size"):
        content = exporting.to_tflite(candidate.model, options.Export("int8"), task, is_last=False)
    return len(packing.pack(content))

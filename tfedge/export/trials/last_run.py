"""The run that every finished file has before it leaves, and its comparison with its model."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from absl import logging

from tfedge import errors
from tfedge.compress import graph, loading
from tfedge.compress.candidate import Candidate
from tfedge.compress.ranges import column_statistics
from tfedge.data.splits import Arrays
from tfedge.data.task import ArraySplit, Task
from tfedge.device.decoding import sequences
from tfedge.device.file import tflite
from tfedge.export import options
from tfedge.export.trials import agreement, dry_run, reference, seeded

Outputs = Mapping[str, np.ndarray]


class LastRun:
    """Runs files in a child on a few calibration examples; without a task, on seeded inputs."""

    def __init__(self, export: options.Export, task: Task | None):
        self._export, self._task = export, task
        self._few: ArraySplit | None = None

    def outputs(self, data: bytes) -> Outputs | None:
        """What the very bytes put out; None, which is said, where no run is possible here.

        Raises:
            BadInput: LiteRT refuses the file or ends on it.
        """
        file = tflite.read(data)
        flex = sorted({each.kind for each in file.operators if each.is_flex})
        if flex:
            logging.warning(
                "--export=%s: not run: the interpreter here has no TensorFlow operators (%s)",
                *(self._export.to_text(), ", ".join(flex)),
            )
            return None
        if not all(np.isfinite(tensor.scales).all() for tensor in file.tensors):
            raise errors.BadInput(
                f"--export={self._export.to_text()}",
                "the model gives NaN or infinity for some calibration example, so that there is no"
                " range of integers",
                "Leave out examples that nothing counts in, such as a row that is masked whole.",
            )
        task = self._task or seeded.task(file)
        try:
            return dry_run.run(data, self._examples(task), task).outputs
        except dry_run.DoesNotRunError as error:
            raise errors.BadInput(
                f"--export={self._export.to_text()}",
                f"LiteRT does not run the file ({error})",
                self._remedy(),
            ) from error

    def compare(
        self, outputs: Outputs, plain: Callable[[], bytes], source: Any
    ) -> agreement.Disagreement | None:
        """Warns where answers are not those of the model that a file came from.

        Args:
            outputs: of the file.
            plain: makes the file as it takes what the model takes.
            source: that model, see `reference.answers`.
        """
        if self._task is None:
            return None
        few = self._examples(self._task)
        expected: Outputs = reference.answers(source, few, self._task, self._export)
        if self._export.cache:  # the others are not computed
            expected, outputs = (_that_count(each, few.y) for each in (expected, outputs))
        found = agreement.find(expected, outputs, self._task)
        if found is not None:
            logging.warning(
                "--export=%s: output %s is not the model's on %d calibration examples: %s%s",
                *(self._export.to_text(), found.output, len(few), found.described),
                _first_layer(source, plain, self._task),
            )
        return found

    def _examples(self, task: Task) -> ArraySplit:
        if self._few is None or self._task is None:
            count = min(agreement.EXAMPLES, len(task.calibration))
            self._few = task.calibration.take(np.arange(count))
        return self._few

    def _remedy(self) -> str:
        if not self._export.facts.changes_kernels:
            return "Rebuild the layer that the operator named comes from."
        if self._export.has_float_activations:
            return "Use --export=float32."
        if self._export.input != "float32" and column_statistics.are_uneven(self._task):
            return 'Leave input out: input="float32" keeps uneven columns in float.'
        return "Use --export=dynamic, with quantize out of the recipe, where scales cannot clash."


def _that_count(outputs: Outputs, y: Arrays) -> Outputs:
    """Of (n, steps, ...) the steps that have a target."""
    return {name: v[sequences.counted(y, *v.shape[:2])] for name, v in outputs.items()}


def _first_layer(source: Any, plain: Callable[[], bytes], task: Task) -> str:
    """What follows a figure: where the two part, as far as layers can be compared."""
    if isinstance(source, loading.TfliteModel) or not isinstance(source, Candidate):
        return ""
    if not graph.is_functional(source.model) or source.model.inputs[0].shape[0] is not None:
        return ""
    from tfedge.export import parity  # only where something is wrong

    try:
        first = parity.compare(source, plain(), task).first_divergence
    except errors.BadInput as error:
        return f"; layers cannot be compared ({error})"
    if first is None:
        return "; every layer agrees but for the sum of their rounding"
    return f"; the first layer that diverges is {first.layer!r} ({first.diverges})"

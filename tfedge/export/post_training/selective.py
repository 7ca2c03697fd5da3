"""Finds the few layers that quantization breaks, and keeps only those from it.

Each operator is quantized alone, the rest in float, and its harm read at the outputs. Then the
most harmful ones are spared, as few as keep the loss on validation examples within the tolerance:
found by bisection, and those that turn out to be needless are quantized after all.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from absl import logging

from tfedge import errors, progress
from tfedge.data.task import Task
from tfedge.export import options
from tfedge.export.post_training import algorithms, precision
from tfedge.export.post_training.float_model import FloatModel, Operator
from tfedge.export.post_training.loss import Judge
from tfedge.export.tree import flatbuffer

Tree = Any
Make = Callable[[algorithms.Plan, options.Export], Tree]


@dataclasses.dataclass(frozen=True)
class Finish:
    """What becomes of a quantized file.

    Attributes:
        edit: what will be changed in it, so that it is judged like that; ranking does without.
        whole: makes a tree with the task's outputs of it, or of the float one.
    """

    edit: Callable[[Tree], Tree] = lambda tree: tree
    whole: Callable[[Tree], Tree] = lambda tree: tree

    def file(self, tree: Tree) -> bytes:
        """What is judged, unedited."""
        return flatbuffer.pack(self.whole(tree))


AS_IT_IS = Finish()
_GLANCES = 24  # examples to rank operators on
_FEW = 24  # spared operators up to which each is asked whether it is needed


def search(
    model: FloatModel, export: options.Export, task: Task | None, make: Make, finish: Finish
) -> dict[str, str]:
    """Operator name -> precision: the route's, and a higher one where it must be.

    Args:
        model: the float file.
        export: with the tolerance.
        task: whose validation split is judged on.
        make: (plan, export) -> the tree of a file.
        finish: what will become of it.

    Raises:
        BadInput: there is no task.
    """
    if task is None:
        raise errors.BadInput(
            f"--export={export.to_text()}",
            'precision="auto" is judged on validation examples, and there is no data',
            "Give the data, or name the layers.",
        )
    return _Search(model, export, task, make, finish).run()


class _Search:
    """Trials of one float model."""

    def __init__(
        self,
        model: FloatModel,
        export: options.Export,
        task: Task,
        make: Make,
        finish: Finish,
    ):
        self._model, self._export, self._make, self._finish = model, export, make, finish
        # Trials are fed and read in float: it is the layers that are compared.
        self._asked = dataclasses.replace(
            export,
            precision="",
            tolerance=options.Export.tolerance,
            input="float32",
            output="float32",
            raw_input=False,
            metadata=False,
        )
        self._judge = Judge(finish.file(model.tree), task)
        self._glance = Judge(finish.file(model.tree), task, _GLANCES)

    def run(self) -> dict[str, str]:
        """See `search`."""
        plan = precision.usual(self._model, self._export)
        before = self._judge.loss(self._file(plan))
        if before.within(self._export.tolerance):
            self._say(plan, before.points, before.points)
            return plan
        for higher in self._export.facts.raised_to:
            plan = self._spared(plan, higher)
            after = self._judge.loss(self._file(plan))
            if after.within(self._export.tolerance):
                break
        self._say(plan, before.points, after.points)
        return plan

    def _spared(self, plan: dict[str, str], higher: str) -> dict[str, str]:
        """`plan` with the fewest operators raised; with all of them where that is not enough."""
        ranked = self._ranked(plan, higher)
        low, high = 0, len(ranked)  # `high` is enough, as far as anything is; `low` is not
        if not self._is_enough(plan, ranked, higher):
            return plan | {each.name: higher for each in ranked}
        while high - low > 1:
            middle = (low + high) // 2
            if self._is_enough(plan, ranked[:middle], higher):
                high = middle
            else:
                low = middle
        needed = list(ranked[:high])
        for each in reversed(ranked[:high]) if high <= _FEW else ():
            without = [other for other in needed if other is not each]
            if self._is_enough(plan, without, higher):
                needed = without
        return plan | {each.name: higher for each in needed}

    def _ranked(self, plan: dict[str, str], higher: str) -> list[Operator]:
        """The operators that `higher` would change, the most harmful first."""
        now = algorithms.choose(self._model, plan, self._asked)
        raised = algorithms.choose(self._model, dict.fromkeys(plan, higher), self._asked)
        changed = [each for each in self._model.operators if now[each.name] != raised[each.name]]
        everything = dict.fromkeys(plan, higher)
        harm = {}
        with progress.bar("precision=auto: operators alone", len(changed)) as advance:
            for each in changed:
                alone = everything | {each.name: plan[each.name]}
                made = self._finish.file(self._make(alone, self._asked))
                harm[each.name] = self._glance.snr_db(made)
                advance(1)
        for each in sorted(changed, key=lambda each: harm[each.name])[:10]:
            logging.debug("%s alone leaves %.1f dB", each.layers, harm[each.name])
        return sorted(changed, key=lambda each: harm[each.name])

    def _is_enough(self, plan: dict[str, str], spared: Sequence[Operator], higher: str) -> bool:
        trial = plan | {each.name: higher for each in spared}
        return self._judge.loss(self._file(trial)).within(self._export.tolerance)

    def _file(self, plan: dict[str, str]) -> bytes:
        return self._finish.file(self._finish.edit(self._make(plan, self._asked)))

    def _say(self, plan: dict[str, str], before: float, after: float) -> None:
        usual = precision.usual(self._model, self._export)
        spared = [each for each in self._model.operators if plan[each.name] != usual[each.name]]
        logging.info(
            "precision=auto: %.2f points lost in %s, %.2f with %d of %d operators spared: %s",
            100 * before,
            self._export.facts.precision,
            100 * after,
            len(spared),
            len(plan),
            ", ".join(f"{(*each.layers, each.kind)[0]} in {plan[each.name]}" for each in spared)
            or "none",
        )

"""Transfer to a smaller network: other layers or narrower ones, with the teacher's weights.

The model as it comes in becomes the teacher: its layers give the student the weights to start
from, cut by importance where shapes differ, and the student is then distilled (Hinton et al.
2015, arXiv:1503.02531). Later passes go on learning from the same teacher.
"""

import dataclasses

from absl import logging

from tfedge import settings
from tfedge.compress import keras as k
from tfedge.compress import losses, teaching
from tfedge.compress.candidate import Candidate, Teacher
from tfedge.compress.graph import residual
from tfedge.compress.layers import kernels
from tfedge.compress.passes import base
from tfedge.compress.teaching import inheritance, students
from tfedge.data.task import Task
from tfedge.errors import BadInput


@settings.declared
class Transfer(base.TrainingPass):
    """Go on with a student."""

    stage = base.Stage.SHAPES

    student: str = settings.setting(
        "model",
        settings.Text("a name"),
        "model, a smaller form of the model itself; a network by name (the entry points "
        "tfedge.models); py:FILE:FUNCTION, whose FUNCTION() returns a model; or a .keras or .h5 "
        "file, whose own weights stay where the teacher gives none.",
    )
    width: float | None = settings.setting(
        None,
        settings.optional(settings.Real(above=0, at_most=1)),
        'Share of the channels of each layer, for student="model"; multiples of 8. None is a half, '
        "or all where a depth is given.",
        search=settings.Search(0.25, 1, when={"student": ("model",)}),
    )
    depth: float | None = settings.setting(
        None,
        settings.optional(settings.Real(at_least=0, at_most=1)),
        "Share of the residual blocks that could be left out, likewise; None is all.",
        search=settings.Search(0, 1, when={"student": ("model",)}),
    )
    layers: str = settings.setting(
        "all",
        settings.Choice(inheritance.WHICH),
        "Which of the teacher's layers give their weights: all, the shallow or the deep half, or "
        "none; the others start anew.",
    )
    weight: float = settings.setting(
        0.5,
        settings.Real(at_least=0, at_most=1),
        "Share of the loss that is the teacher's; 0 trains the student alone. A teacher that "
        "distill has set before stays as it was set.",
    )
    temperature: float = settings.setting(
        4.0, settings.Real(above=0, at_most=1000), "Softens the logits of both."
    )
    epochs: int = base.epochs(8)
    learning_rate: float = base.learning_rate(1e-3)
    patience: int = base.patience()
    rules: base.Rules = base.layer_rules()

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        super().__post_init__()
        width, depth = self._shares()
        self.check(width < 1 or depth < 1, "width", "less than 1, or a depth less than 1")
        for setting in ("width", "depth"):
            fine = self.student == "model" or getattr(self, setting) is None
            self.check(fine, setting, "none: another network is as wide and deep as it is")

    def requires(self, candidate: Candidate) -> None:
        """No promises yet, and a student that can be built and does the same."""
        if candidate.holds or candidate.quantization is not None:
            kinds = sorted({hold.kind for hold in candidate.holds}) or ["ranges"]
            raise BadInput(
                self.name,
                f"another network cannot keep what was promised ({', '.join(kinds)})",
                f"Put {self.name} first.",
            )
        self._built(candidate.model, 0)

    def reads(self) -> tuple[str, ...]:
        """The student's file."""
        return (self.student,) if students.is_file(self.student) else ()

    def leaves(self, candidate: Candidate) -> dict[str, str]:
        """None: the whole network is another afterwards."""
        return {}

    @property
    def replaces_network(self) -> bool:
        """See `Pass.replaces_network`."""
        return True

    def apply(self, candidate: Candidate, task: Task) -> Candidate:
        """Build the student, give it weights, distil."""
        model = candidate.model
        built = self._built(model, task.seed)
        if losses.gives_logits(built) != losses.gives_logits(model):
            logging.warning("%s: logits become probabilities, or the other way round", self.name)
        student, taken = inheritance.inherit(built, model, self.layers, task)
        teacher = candidate.teacher
        if teacher is None and self.weight > 0:
            teacher = Teacher(model, (teaching.usual(task),), self.temperature, self.weight)
        ready = dataclasses.replace(candidate, model=student, teacher=teacher)
        tuned, history = self.train(ready, task)
        before = [kernel.layer for kernel in kernels.find(model)]
        used = set(taken.values())
        notes = {
            "parameters": [model.count_params(), student.count_params()],
            "weights_from": taken,
            "trained_from_scratch": [
                kernel.layer for kernel in kernels.find(student) if kernel.layer not in taken
            ],
        }
        report = self.report(
            tuple(name for name in before if name in used),
            {name: "gave the student no weights" for name in before if name not in used},
            notes,
            history,
        )
        return dataclasses.replace(tuned, reports=(*candidate.reports, report))

    def _shares(self) -> tuple[float, float]:
        """(width, depth) with their defaults."""
        depth = 1.0 if self.depth is None else self.depth
        width = (0.5 if self.depth is None else 1.0) if self.width is None else self.width
        return width, depth

    def _built(self, model: k.Model, seed: int) -> k.Model:
        """The student with weights drawn anew."""
        if self.student != "model":
            where = f"{self.name}(student={self.student!r})"
            return students.build(self.student, model, seed, where)
        width, depth = self._shares()
        if depth < 1:
            if not residual.branches(model):
                raise BadInput(
                    f"{self.name}(depth={depth})",
                    "the model has no residual block that could be left out",
                    "Use width.",
                )
            model = students.shallower(model, depth)
        if width < 1:
            model = students.narrower(model, width)
        return students.fresh(model, seed)

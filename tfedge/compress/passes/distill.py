"""Knowledge distillation: later training also learns from a teacher.

The teacher is the model as this pass finds it, or a file. A pruned, clustered, quantized or
slimmed student is taught by putting this pass first: every training after it learns from the
teacher, too. What is learned: softened answers (Hinton et al. 2015, arXiv:1503.02531), their
plain values (Ba & Caruana 2013, arXiv:1312.6184), features between the layers (FitNets, Romero
et al. 2014, arXiv:1412.6550) or where these are strong (attention transfer, Zagoruyko &
Komodakis 2016, arXiv:1612.03928); of transformers hidden states, the sums behind each residual
branch, and attention maps (TinyBERT, Jiao et al. 2019, arXiv:1909.10351), of the same relative
depth where one is deeper; alone or together.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfedge import settings
from tfedge.compress import keras as k
from tfedge.compress import teaching
from tfedge.compress.candidate import Candidate, Teacher
from tfedge.compress.layers import kernels
from tfedge.compress.passes import base
from tfedge.compress.teaching import hints, teachers
from tfedge.compress.training import validation
from tfedge.data import metrics
from tfedge.data.task import Task
from tfedge.errors import BadInput

_AUTO = "auto"


@settings.declared
class Distill(base.TrainingPass):
    """Give every later training a teacher."""

    stage = base.Stage.TEACHER

    teacher: str = settings.setting(
        "input",
        settings.Text("a name"),
        "input, the model as it comes into this pass, or a Keras model file.",
    )
    method: str | tuple[str, ...] = settings.setting(
        _AUTO,
        settings.Either(
            (
                settings.Choice((_AUTO, *teaching.METHODS)),
                settings.Several(settings.Choice(teaching.METHODS)),
            )
        ),
        "What is imitated, or several of them in a tuple; auto is logits of classes and "
        "squared_error of values (logits, or a regression's).",
    )
    temperature: float = settings.setting(
        4.0,
        settings.Real(above=0, at_most=1000),
        "Softens the logits of both.",
        search=settings.Search(1, 16, log=True),
    )
    weight: float = settings.setting(
        0.5,
        settings.Real(above=0, at_most=1),
        "Share of the loss that is the teacher's.",
        search=settings.Search(0.1, 0.9),
    )
    layers: Mapping[str, str] = settings.setting(
        {},
        settings.Table(settings.Text("a layer"), "{'student layer': 'teacher layer'}"),
        "For what is not an output. Without it features and attention pair the last layers of the "
        "same height and width, hidden_states and attention_maps layers of the same relative "
        "depth, anew for each training. A layer that a later pass removes is left out then.",
    )
    epochs: int = base.epochs(0, "Of training at once; 0 only hands the teacher on.")
    learning_rate: float = base.learning_rate(1e-3)
    patience: int = base.patience()
    rules: base.Rules = base.layer_rules()

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        super().__post_init__()
        methods = self._named()
        self.check(len(set(methods)) == len(methods), "method", "each once")
        seen = set(methods) & set(teaching.FEATURE_METHODS)
        self.check(bool(seen) or not self.layers, "layers", "none: the method asks for no features")

    def requires(self, candidate: Candidate) -> None:
        """A teacher that can be read and does the same, with the layers that are named."""
        model = self._model(candidate)
        teachers.check_fits(model, candidate.model, self._where(), "teacher")
        unknown = set(self.layers.values()) - set(hints.tensors(model))
        if unknown and self.teacher != "input":
            raise BadInput(
                f"{self.name}(layers=...)",
                f"the teacher has no layer {sorted(unknown)[0]!r} with features",
                f"It has {', '.join(hints.tensors(model))}.",
            )

    def suits(self, task: Task) -> None:
        """Softened answers are those of classes."""
        if not all(teaching.fits(method, task) for method in self._methods(task)):
            raise BadInput(
                f"{self.name}(method={self.method!r})",
                f"logits are a classification's, this is a {task.kind} task",
                "Use method='squared_error'.",
            )

    def reads(self) -> tuple[str, ...]:
        """The teacher's file."""
        return () if self.teacher == "input" else (self.teacher,)

    def leaves(self, candidate: Candidate) -> dict[str, str]:
        """None: it teaches every layer."""
        return {}

    def apply(self, candidate: Candidate, task: Task) -> Candidate:
        """Hand the teacher on, and train if told to."""
        teacher = Teacher(
            self._model(candidate), self._methods(task), self.temperature, self.weight, self.layers
        )
        pairs = self._pairs(candidate.model, teacher)
        taught = dataclasses.replace(candidate, teacher=teacher)
        history: tuple[Mapping[str, float], ...] = ()
        if self.epochs:
            taught, history = self.train(taught, task)
        notes = {**_validation(teacher.model, task), **pairs}
        layers = tuple(kernel.layer for kernel in kernels.find(candidate.model))
        report = self.report(layers, notes=notes, history=history)
        return dataclasses.replace(taught, reports=(*candidate.reports, report))

    def _pairs(self, student: k.Model, teacher: Teacher) -> dict[str, Any]:
        """Method -> the pairs of layers, for the report; a pair that does not fit is refused."""
        found = {}
        for method in teaching.FEATURE_METHODS:
            if method not in teacher.methods:
                continue
            kind = hints.KINDS[method]
            pairs, reasons = hints.chosen(student, teacher.model, teacher.layers, kind)
            if reasons or not pairs:
                reason = next(iter(reasons.values()), kind.missing)
                raise BadInput(
                    f"{self.name}(method={method!r})",
                    reason,
                    f"Name fitting layers, of {', '.join(hints.tensors(student))}.",
                )
            found[method] = [list(pair) for pair in pairs]
        return found

    def _named(self) -> tuple[str, ...]:
        return self.method if isinstance(self.method, tuple) else (self.method,)

    def _methods(self, task: Task) -> tuple[str, ...]:
        return (teaching.usual(task),) if self.method == _AUTO else self._named()

    def _model(self, candidate: Candidate) -> k.Model:
        if self.teacher == "input":
            return candidate.model
        return teachers.read(self.teacher, self._where())

    def _where(self) -> str:
        return f"{self.name}(teacher={self.teacher!r})"


def _validation(teacher: k.Model, task: Task) -> dict[str, float]:
    """How good the teacher is, for the report."""
    metric = metrics.for_training(task)
    value = validation.scorer(teacher, task)() * (1 if metric.higher_is_better else -1)
    return {f"teacher_validation_{metric.name}": round(value, 4)}

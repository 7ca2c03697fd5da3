"""Knowledge distillation: later training also learns from a teacher's answers.

Hinton, Vinyals & Dean 2015, "Distilling the knowledge in a neural network", arXiv:1503.02531.
The teacher is the model as this pass finds it, or a file; it answers once for the whole
training split, so that a step costs what it did. A pruned, clustered or quantized student is
taught by putting this pass first.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfedge.compress import bridge, fake_quantization, finetune, kernels, loading, losses
from tfedge.compress.candidate import Candidate, Teacher
from tfedge.compress.passes import base
from tfedge.data.task import Task
from tfedge.errors import BadInput


@dataclasses.dataclass(frozen=True)
class Distill(base.Pass):
    """Give every later training a teacher.

    Attributes:
        teacher: "input", the model as it comes into this pass, or a Keras model file.
        temperature: softens the answers of both; more than 0.
        weight: share of the loss that is the teacher's, 0..1.
        epochs: of training at once; 0 only hands the teacher on.
        learning_rate, patience: see `finetune.Plan`.
        rules: no setting differs by layer; kept empty.
    """

    teacher: str = "input"
    temperature: float = 4.0
    weight: float = 0.5
    epochs: int = 0
    learning_rate: float = 1e-3
    patience: int = 0
    rules: Mapping[str, Mapping[str, Any] | None] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse settings out of range."""
        self.check(isinstance(self.teacher, str) and bool(self.teacher), "teacher", "a name")
        self.check(self.temperature > 0, "temperature", "more than 0")
        self.check(0 < self.weight <= 1, "weight", "0 < weight <= 1")
        self.check_training()

    def apply(self, candidate: Candidate, task: Task) -> Candidate:
        """Ask the teacher once, and train if told to."""
        if task.kind != "classification" or len(candidate.model.outputs) != 1:
            raise BadInput(
                self.name,
                f"needs a classification task with one output, not {task.kind!r}",
                "Leave it out.",
            )
        model = candidate.model if self.teacher == "input" else _load(self.teacher)
        logits = _answers(model, task)
        if logits.shape[1:] != tuple(candidate.model.output_shape[1:]):
            raise BadInput(
                f"{self.name}(teacher={self.teacher!r})",
                f"gives {logits.shape[1:]}, the model {candidate.model.output_shape[1:]}",
                "Name a teacher for the same classes.",
            )
        taught = dataclasses.replace(
            candidate, teacher=Teacher(logits, self.temperature, self.weight)
        )
        plan = finetune.Plan(self.epochs, self.learning_rate, self.patience)
        history: tuple[Mapping[str, float], ...] = ()
        if self.epochs:
            label = f"{len(candidate.reports)}-{self.name}"
            taught, history = finetune.finetune(taught, task, plan, label)
        notes = {"teacher_accuracy_in_training": _accuracy(logits, task)}
        layers = tuple(kernel.layer for kernel in kernels.find(candidate.model))
        report = self.report(layers, notes=notes, history=history)
        return dataclasses.replace(taught, reports=(*candidate.reports, report))


def _load(path: str) -> Any:
    model = loading.load_model(path)
    return bridge.to_tf_keras(model) if bridge.is_keras3(model) else model


def _answers(model: Any, task: Task) -> np.ndarray:
    """(training examples, classes) logits, in the order of the split."""
    answer = tf.function(lambda x: model(x, training=False), reduce_retracing=True)
    found = [
        tf.nest.flatten(answer(fake_quantization.inputs_of(model, task.normalization(x))))[0]
        for x, _ in task.train.batches(256)
    ]
    outputs = np.concatenate(found)
    if losses.gives_logits(model):
        return outputs.astype(np.float32)
    return np.log(np.maximum(outputs, 1e-7)).astype(np.float32)


def _accuracy(logits: np.ndarray, task: Task) -> float:
    targets = np.asarray(task.train.targets())
    return round(float(np.mean(np.argmax(logits, axis=-1) == targets)), 4)

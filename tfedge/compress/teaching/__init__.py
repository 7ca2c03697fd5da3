"""What a student learns from its teacher in one training.

The teacher's answers are asked for once and kept where that can be done: examples are not
varied, and the answers fit into memory. Else the teacher answers in every step.
"""

import dataclasses
import math
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from absl import logging

from tfedge import shown
from tfedge.compress import graph, losses
from tfedge.compress import keras as k
from tfedge.compress.candidate import Teacher
from tfedge.compress.keras import tf
from tfedge.compress.ranges import fake_quantization
from tfedge.compress.teaching import hints, imitation
from tfedge.data import spreads
from tfedge.data.answers import Answers
from tfedge.data.task import Split, Task

OUTPUT_METHODS = ("logits", "squared_error")
FEATURE_METHODS = tuple(hints.KINDS)
METHODS = (*OUTPUT_METHODS, *FEATURE_METHODS)

_HEADS = -3  # axis of attention maps
_MOST_KEPT_BYTES = 1 << 28  # of answers; features of all examples are soon more than memory

# What a teacher was asked before: several passes of a recipe ask the same.
_KEPT: "weakref.WeakKeyDictionary[Teacher, _Kept]" = weakref.WeakKeyDictionary()


@dataclasses.dataclass(frozen=True, eq=False)
class _Kept:
    split: Split
    questions: tuple[str, ...]
    answers: tuple[np.ndarray, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class _Lesson:
    """One thing to imitate.

    Attributes:
        question: what the teacher is asked, for comparing.
        ask: teacher's tensor -> its answer.
        shown: the teacher's tensor; symbolic.
        taken: the student's; symbolic.
        loss: (answer, student's tensor, weights) -> scalar; weights as `losses.weigher` gives them.
        output: the number of the output it is about, if it is.
        variables: trained with the student and thrown away.
    """

    question: str
    ask: Callable[[Any], Any]
    shown: Any
    taken: Any
    loss: Callable[[Any, Any, Any], Any]
    variables: tuple[Any, ...] = ()
    output: int | None = None


def fits(method: str, task: Task) -> bool:
    """Whether a method has a meaning for the task: softened answers are those of classes."""
    return method != "logits" or task.kind_facts.answers.are_scores


def usual(task: Task) -> str:
    """The method for outputs of this kind."""
    return next(method for method in OUTPUT_METHODS if fits(method, task))


class Lessons:
    """All that one student learns from one teacher in one training."""

    def __init__(
        self,
        teacher: Teacher,
        student: k.Model,
        task: Task,
        names: Sequence[str] = (),
    ):
        """Find what is to be imitated.

        Args:
            teacher: who is asked, and how.
            student: the model in training, flat, fake quantization and all.
            task: its kind says what outputs mean.
            names: of the outputs, as targets have them; those that the student says by default.
        """
        self._teacher, self._student = teacher, student
        self._lessons = tuple(
            _lessons(teacher, student, task, names or graph.output_names(student))
        )
        self.variables = tuple(v for lesson in self._lessons for v in lesson.variables)
        self._listening = _giving(student, [lesson.taken for lesson in self._lessons])
        self._asked = _giving(teacher.model, [lesson.shown for lesson in self._lessons])
        self._outputs = len(student.outputs)
        names = student.input_names
        self._inputs = [names.index(name) for name in teacher.model.input_names if name in names]
        self.kept = () if task.augment else self._kept(task)

    def answers(self, x: Any) -> tuple[Any, ...]:
        """What the teacher says to the student's inputs, one tensor a lesson."""
        if isinstance(x, list):  # several, each model has them in its own order
            x = [x[number] for number in self._inputs]
        shown = tf.nest.flatten(self._asked(x, training=False))[len(self._teacher.model.outputs) :]
        return tuple(
            tf.stop_gradient(lesson.ask(tensor))
            for lesson, tensor in zip(self._lessons, shown, strict=True)
        )

    def attend(self, x: Any) -> tuple[Any, list[Any]]:
        """The student's outputs in training, and what it is judged on in each lesson."""
        found = tf.nest.flatten(self._listening(x, training=True))
        return found[: self._outputs], found[self._outputs :]

    def loss(
        self, own: Any, answers: Sequence[Any], taken: Sequence[Any], weights: Sequence[Any]
    ) -> k.Tensor:
        """The loss on the targets and those of the lessons, weighted.

        Args:
            own: the loss on the targets.
            answers: the teacher's.
            taken: what the student shows, of `attend`.
            weights: of the decisions of each output, or None; lessons about outputs follow them.
        """
        if not self._lessons:
            return own
        taught = tf.add_n(
            [
                lesson.loss(
                    answer, tensor, None if lesson.output is None else weights[lesson.output]
                )
                for lesson, answer, tensor in zip(self._lessons, answers, taken, strict=True)
            ]
        )
        return (1 - self._teacher.weight) * own + self._teacher.weight * taught

    def _kept(self, task: Task) -> tuple[np.ndarray, ...]:
        """The answers to all training examples in the order of the split, or nothing."""
        answer = tf.function(self.answers, reduce_retracing=True)
        questions = tuple(lesson.question for lesson in self._lessons)
        kept = _KEPT.get(self._teacher)
        if kept is not None and kept.split is task.train and kept.questions == questions:
            return kept.answers
        found: list[list[np.ndarray]] = []
        for x, _ in task.train.batches(256):
            inputs = fake_quantization.inputs_of(self._student, task.normalization(x))
            found.append([each.numpy() for each in answer(inputs)])
            if sum(each.nbytes for each in found[0]) * math.ceil(len(task.train) / 256) > (
                _MOST_KEPT_BYTES
            ):
                return ()
        answers = tuple(np.concatenate(parts) for parts in zip(*found, strict=True))
        _KEPT[self._teacher] = _Kept(task.train, questions, answers)
        return answers


def _giving(model: k.Model, more: Sequence[Any]) -> k.Model:
    """(inputs) -> list of outputs, then these tensors of it; the layers are the model's own."""
    return k.tf_keras.Model(model.inputs, [*model.outputs, *more])


def _lessons(teacher: Teacher, student: k.Model, task: Task, names: Sequence[str]) -> list[_Lesson]:
    found = []
    for method in teacher.methods:
        if method in OUTPUT_METHODS:
            units = spreads.of(task)  # of numbers, as `losses` has them
            found += [
                _on_output(
                    *(method, number, teacher, student, task),
                    unit=units.get(name, units.get("", 1.0)),
                )
                for number, name in enumerate(names)
            ]
            continue
        kind = hints.KINDS[method]
        pairs, reasons = hints.chosen(student, teacher.model, teacher.layers, kind)
        if reasons:
            told = [f"{pair}, as {reason}" for pair, reason in reasons.items()]
            logging.info("distilling %s leaves out %s", method, shown.listed(told, 3))
        if not pairs:
            logging.warning(
                "distilling %s: no two layers fit, nothing is learned from them", method
            )
        make = _ON_FEATURES[method]
        found += [make(pair, student, teacher.model, task.seed) for pair in pairs]
    return found


def _on_output(
    method: str,
    number: int,
    teacher: Teacher,
    student: k.Model,
    task: Task,
    *,
    unit: spreads.Spread,
) -> _Lesson:
    shown, taken = teacher.model.outputs[number], student.outputs[number]
    ours, theirs = (losses.gives_logits(model, number) for model in (student, teacher.model))
    said = task.kind_facts.answers_of(taken.shape[-1])
    independent = said is Answers.YES_OR_NO
    unit = spreads.divisor(unit, taken.shape)

    def loss(wanted: Any, outputs: Any, weights: Any) -> k.Tensor:
        found = imitation.scores(outputs, said, ours)
        if method == "logits":
            return imitation.divergence(wanted, found, teacher.temperature, independent, weights)
        free_level = said is Answers.ONE_OF_MANY
        return imitation.squared_error(wanted / unit, found / unit, free_level, weights)

    def ask(outputs: Any) -> Any:
        return imitation.scores(outputs, said, theirs)

    return _Lesson(f"scores {number}", ask, shown, taken, loss, output=number)


def _on_features(pair: tuple[str, str], student: k.Model, teacher: k.Model, seed: int) -> _Lesson:
    """The teacher's features, through a projection where there are more or fewer channels."""
    taken, shown = hints.tensors(student)[pair[0]], hints.tensors(teacher)[pair[1]]
    width, wanted_width = taken.shape[-1], shown.shape[-1]
    variables: tuple[Any, ...] = ()
    if width != wanted_width:
        generator = np.random.default_rng((seed, width, wanted_width))
        start = generator.normal(size=(width, wanted_width)) / math.sqrt(width)
        variables = (tf.Variable(start.astype(np.float32), name="projection"),)

    def loss(wanted: Any, found: Any, _: Any) -> k.Tensor:
        if variables:
            found = tf.tensordot(found, variables[0], 1)
        return imitation.feature_error(wanted, found)

    def ask(features: Any) -> Any:
        return _resized(features, taken)

    return _Lesson(_question("features", pair, taken), ask, shown, taken, loss, variables)


def _on_attention(pair: tuple[str, str], student: k.Model, teacher: k.Model, seed: int) -> _Lesson:
    del seed  # nothing is drawn
    taken, shown = hints.tensors(student)[pair[0]], hints.tensors(teacher)[pair[1]]

    def loss(wanted: Any, found: Any, _: Any) -> k.Tensor:
        return imitation.attention_error(wanted, imitation.attention(found))

    def ask(features: Any) -> Any:
        return imitation.attention(_resized(features, taken))

    return _Lesson(_question("attention", pair, taken), ask, shown, taken, loss)


def _on_maps(pair: tuple[str, str], student: k.Model, teacher: k.Model, seed: int) -> _Lesson:
    """Head by head, or the mean of all heads where there are more or fewer."""
    del seed  # nothing is drawn
    taken, shown = hints.tensors(student)[pair[0]], hints.tensors(teacher)[pair[1]]
    apart = taken.shape[1:] == shown.shape[1:]

    def seen(shares: Any) -> k.Tensor:
        return shares if apart else tf.reduce_mean(shares, axis=_HEADS)

    def loss(wanted: Any, found: Any, _: Any) -> k.Tensor:
        return imitation.map_divergence(wanted, seen(found))

    question = f"attention map of {pair[1]}, {'by head' if apart else 'on average'}"
    return _Lesson(question, seen, shown, taken, loss)


_ON_FEATURES = {
    "features": _on_features,
    "attention": _on_attention,
    "hidden_states": _on_features,
    "attention_maps": _on_maps,
}


def _question(method: str, pair: tuple[str, str], taken: Any) -> str:
    return f"{method} of {pair[1]} at {tuple(taken.shape[1:-1])}"


def _resized(features: Any, like: Any) -> k.Tensor:
    """The teacher's images of features in the student's height and width."""
    if features.shape.rank != 4 or features.shape[1:3] == like.shape[1:3]:
        return features
    return tf.image.resize(features, like.shape[1:3], antialias=True)

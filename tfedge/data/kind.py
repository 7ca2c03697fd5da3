"""What a kind of task declares: how its targets are stored, what outputs say, what judges them."""

import dataclasses
from collections.abc import Callable

import numpy as np

from tfedge.data import classes as lib
from tfedge.data.answers import Answers
from tfedge.data.matching.shapes import Shape


def _as_they_are(y: np.ndarray, _: str) -> np.ndarray:
    return y


def _never(_: np.ndarray) -> bool:
    return False


def _nothing(*_: object) -> str:
    return ""


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of task; a file of `kinds` holds one as KIND.

    Args:
        name: that of the file.
        answers: what an output of a model says.
        metrics: names of those it has, the usual one first; see `metrics`.
        loss: the name of the usual Keras loss; "" where there is none.
        classes: how the targets say classes; None where they say none.
        decide: (outputs, whether they are logits) -> decisions in the shape of the targets, -1
            where an output is NaN; None where there are no classes.
        values: (targets, what an error names) -> them in canonical form, where they say no classes.
        looks_like: (targets of one output) -> whether they are of this kind where nobody says of
            which; at most one kind says so of any.
        is_open: whether targets and outputs may be anything, each output's kind its targets'.
        mixes: whether two examples may be mixed with their targets.
        seen_by: (targets, a model's output without its batch axis, number of classes) -> the kind
            that such a model takes these targets for; "" for this one.
        of_tokens: (inputs (n, steps), targets or None, the number of padding or None, what an error
            names) -> targets with -1 where a step counts for nothing; None where targets are no
            labels of steps.
        hint: (shape of a target, the output, number of classes) -> what may have been meant where
            the output does not fit; "" where nothing is likely.
    """

    name: str
    answers: Answers = Answers.UNKNOWN
    metrics: tuple[str, ...] = ()
    loss: str = ""
    classes: lib.Classes | None = None
    decide: Callable[[np.ndarray, bool], np.ndarray] | None = None
    values: Callable[[np.ndarray, str], np.ndarray] = _as_they_are
    looks_like: Callable[[np.ndarray], bool] = _never
    is_open: bool = False
    mixes: bool = False
    seen_by: Callable[[np.ndarray, Shape, int], str] = _nothing
    hint: Callable[[Shape, Shape, int], str] = _nothing
    of_tokens: Callable[[np.ndarray, np.ndarray | None, int | None, str], np.ndarray] | None = None

    @property
    def one_class(self) -> bool:
        """Whether each example has exactly one class."""
        return self.classes is not None and self.classes.one_each

    @property
    def one_of_many(self) -> bool:
        """Whether a model has a unit for each class, one of which is right for each example."""
        return self.one_class and self.answers is Answers.ONE_OF_MANY

    @property
    def per_label(self) -> bool:
        """Whether each label of an example is a decision of its own."""
        return self.classes is not None and self.classes.per_label

    @property
    def has_places(self) -> bool:
        """Whether targets belong to places of the example."""
        return self.classes is not None and self.classes.has_places

    def canonical(self, y: np.ndarray, where: str) -> np.ndarray:
        """The targets of one output in canonical form; `y` itself where nothing has to change.

        Raises:
            BadInput: a shape or dtype that cannot be of this kind.
        """
        if self.classes is None:
            return self.values(y, where)
        return self.classes.canonical(y, self.name, where)

    def answers_of(self, units: int | None) -> Answers:
        """What an output with so many units says: one for two classes is a yes or no."""
        if self.answers is Answers.ONE_OF_MANY and units == 1:
            return Answers.YES_OR_NO
        return self.answers

    def output_shape(self, target: tuple[int, ...], classes: int) -> tuple[int, ...]:
        """The shape of an output that fits targets of this shape, both without batch axis."""
        if self.answers is Answers.ONE_OF_MANY:
            return (*target, classes)
        return target or (1,)

    def guesses(self, y: np.ndarray) -> tuple[np.ndarray, ...]:
        """Outputs that do not depend on the input, the same for every example."""
        if self.classes is not None and self.answers.are_scores:
            return (self.classes.guess(y),)
        return tuple(np.broadcast_to(of(y, axis=0), y.shape) for of in (np.median, np.mean))

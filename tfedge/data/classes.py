"""How the targets of a kind say which classes they are: one number each, or a yes or no a label."""

import abc
from typing import ClassVar

import numpy as np

from tfedge import errors


class Classes(abc.ABC):
    """What is to be known of targets that say classes.

    Attributes:
        per_label: whether every label is a yes or no of its own, a column of the targets.
        has_places: whether an example has a class at each of its places, as pixels or steps.
        fixed: how many classes there are whatever the targets hold; 0 where these tell.
        has_gaps: whether some places may have no class, -1.
        may_miss: whether classes may never occur, as words of a vocabulary do, and outputs may
            have units for more of them.
    """

    per_label: ClassVar[bool] = False
    has_places: bool = False
    fixed: int = 0
    has_gaps: bool = False
    may_miss: bool = False

    @property
    def one_each(self) -> bool:
        """Whether an example has exactly one class."""
        return not self.per_label and not self.has_places

    @property
    def are_counted(self) -> bool:
        """Whether the highest number says how many classes there are."""
        return not self.per_label and not self.fixed

    @abc.abstractmethod
    def canonical(self, y: np.ndarray, kind: str, where: str) -> np.ndarray:
        """`y` as integers of the form that `check` asks for; `y` itself where it is so already.

        Args:
            y: targets of one output.
            kind: what messages call them.
            where: what a log line or an error names.

        Raises:
            BadInput: a shape or dtype that cannot be of this form.
        """

    @abc.abstractmethod
    def check(self, y: np.ndarray, kind: str, classes: int, where: str) -> None:
        """Raises BadInput for targets of another form, or a class that there is not."""

    @abc.abstractmethod
    def names(self, y: np.ndarray) -> tuple[str, ...]:
        """Names that raw targets give by their form, counting classes that never occur; or ()."""

    @abc.abstractmethod
    def count(self, y: np.ndarray) -> int:
        """The number of classes in canonical targets."""

    @abc.abstractmethod
    def present(self, y: np.ndarray) -> np.ndarray:
        """The classes with an example, ascending."""

    @abc.abstractmethod
    def shares(self, y: np.ndarray, classes: int) -> np.ndarray:
        """(classes,) how often each occurs."""

    @abc.abstractmethod
    def weights(self, given: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """(classes,) of what was given for each, so that all examples together count as before."""

    @abc.abstractmethod
    def balanced(self, shares: np.ndarray) -> np.ndarray:
        """(classes,) weights by which every class counts the same."""

    @abc.abstractmethod
    def of_decisions(self, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """How much each decision counts, in the shape of the targets."""

    @abc.abstractmethod
    def guess(self, y: np.ndarray) -> np.ndarray:
        """The same output for every example, from how often each target occurs."""

    @abc.abstractmethod
    def counts(self, chosen: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
        """(hits, predicted, present), each (classes,), of decisions and their targets."""

    @abc.abstractmethod
    def columns(self, outputs: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(decisions, units) scores, and which of them should be high."""

    @abc.abstractmethod
    def uniform_f1(self, y: np.ndarray) -> np.ndarray:
        """(classes,) F1 expected of answers that do not look at the input and like all alike."""

    @abc.abstractmethod
    def is_uneven(self, y: np.ndarray) -> bool:
        """Whether the most frequent class is much more so than classes that share evenly."""


def whole(y: np.ndarray, kind: str, where: str) -> np.ndarray:
    """Class numbers as integers; fractions are refused, NaN included."""
    if y.dtype.kind in "iu":
        return y
    check_numbers(y, kind, where)
    broken = np.argwhere(~(y == np.floor(y)))
    if len(broken):
        index = tuple(int(i) for i in broken[0])
        raise errors.BadInput(
            where,
            f"targets of {kind} are whole numbers, the one at index {index[0]} is {y[index]}",
            "Give class numbers, or kind=regression.",
        )
    return y.astype(np.int32)


def check_numbers(y: np.ndarray, kind: str, where: str) -> None:
    """Raises BadInput for targets that are no numbers."""
    if y.dtype.kind not in "biuf":
        raise errors.BadInput(
            where, f"targets of {kind} are numbers, got dtype {y.dtype}", "Encode them as numbers."
        )


def check_range(y: np.ndarray, classes: int, where: str) -> None:
    """Raises BadInput for a number that is not of 0..classes - 1, by its index."""
    broken = np.argwhere((y < 0) | (y >= classes))
    if len(broken):
        index = tuple(int(i) for i in broken[0])
        raise errors.BadInput(
            where,
            f"the label at index {index[0]} is {y[index]}, expected 0..{classes - 1}"
            f" ({len(broken)} such labels, range {y.min()}..{y.max()})",
            "Number the classes from 0, and give labels for all of them.",
        )


def is_one_hot(y: np.ndarray) -> bool:
    """Whether every row of the last axis is 0 but for a single 1."""
    return len(y) > 0 and is_zero_one(y) and bool((y.sum(axis=-1) == 1).all())


def is_zero_one(y: np.ndarray) -> bool:
    """Whether there is nothing but 0 and 1."""
    return bool(((y == 0) | (y == 1)).all())


def one_whole_number_each(y: np.ndarray) -> bool:
    """(n,) or (n, 1) integers or booleans."""
    return y.dtype.kind != "f" and (y.ndim == 1 or y.shape[1:] == (1,))

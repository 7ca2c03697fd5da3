"""What the numbers that a model puts out say, and how they become probabilities and answers."""

import enum

import numpy as np


class Answers(enum.Enum):
    """What one output of a model says.

    ONE_OF_MANY: a unit for each class, of which one is right, as behind a softmax.
    YES_OR_NO: each unit for itself, as behind a sigmoid.
    VALUES: numbers as they are.
    UNKNOWN: what only the task's own metric can tell.
    """

    ONE_OF_MANY = enum.auto()
    YES_OR_NO = enum.auto()
    VALUES = enum.auto()
    UNKNOWN = enum.auto()

    @property
    def are_scores(self) -> bool:
        """Whether outputs are scores of classes, which have probabilities and logits."""
        return self in (Answers.ONE_OF_MANY, Answers.YES_OR_NO)


def highest(outputs: np.ndarray) -> np.ndarray:
    """The class of the highest unit of the last axis; -1 where one of them is NaN."""
    return np.where(np.isnan(outputs).any(axis=-1), -1, outputs.argmax(axis=-1))


def above(outputs: np.ndarray, logits: bool) -> np.ndarray:
    """1 where an output says yes, 0 where no; -1 where it is NaN."""
    return np.where(np.isnan(outputs), -1, outputs > (0 if logits else 0.5))


def width(outputs: np.ndarray) -> int:
    """How many units there are for one decision."""
    return outputs.shape[-1] if outputs.ndim > 1 else 1


def probabilities(logits: np.ndarray, said: Answers) -> np.ndarray:
    """What the last activation makes of logits; values are what they are."""
    if said is Answers.YES_OR_NO:
        return sigmoid(logits)
    return softmax(logits) if said is Answers.ONE_OF_MANY else logits


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of the classes of the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """The probability of a yes."""
    return 0.5 * (1 + np.tanh(logits / 2))

"""How much each class, or each example, counts in the loss.

A rare class is often given more weight in training. Keras saves no word of it, so whoever trains
the model further has to say it again, or its rare class is lost.

    Task(..., class_weight="balanced")    every class counts the same, however rare
    Task(..., class_weight={0: 1, 1: 24})
    Task(..., class_weight="none")        no weights, and none are looked for in the model
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfedge import errors
from tfedge.data import splits, task
from tfedge.data.given_weights import BALANCED, NONE, REMEDY

__all__ = ["BALANCED", "NONE", "Weights", "imbalance", "of", "of_examples", "to_json", "words"]

_SHOWN = 10

Weights = Mapping[str, np.ndarray]  # output ("" for a single one) -> (classes,), mean over train 1


def of(made: "task.Task") -> Weights:
    """The weights of a task's classes, scaled so that their mean over the training examples is 1.

    Of multilabel targets the weight belongs to the positives of each label; negatives count 1.

    Returns:
        Nothing where there are none to use: none given, "none", or all the same.

    Raises:
        BadInput: weights for an output or a class that is not there, or not all above 0.
    """
    if made.class_weight is None or made.class_weight == NONE:
        return {}
    found = splits.named(made.train.targets())
    given = _by_output(made, list(found))
    weights = {name: _array(made, name, found[name], each) for name, each in given.items() if each}
    return {name: each for name, each in weights.items() if np.ptp(each) > 0 or each[0] != 1}


def of_examples(made: "task.Task") -> tuple[np.ndarray, ...]:
    """((n,) how much each training example counts, 1 in the mean,); () where all count the same."""
    if made.sample_weight is None:
        return ()
    weights = np.asarray(made.sample_weight, np.float32)
    return (weights / weights.mean(),)


def imbalance(made: "task.Task") -> tuple[int, float] | None:
    """(most frequent class, its share) in train, of a task whose examples have one class each."""
    y = made.train.targets()
    classes = made.kind_facts.classes
    if classes is None or not classes.one_each or isinstance(y, dict) or not y.size:
        return None
    found = classes.shares(y, made.num_classes)
    return int(found.argmax()), float(found.max())


def to_json(made: "task.Task") -> dict[str, Any]:
    """The task's weights as `Task.class_weight` takes them, {} where it has none.

    A mapping is kept as it is: training with what was recorded is then the same training.
    """
    found = of(made)
    if found and isinstance(made.class_weight, Mapping):
        return _as_text(made.class_weight)
    plain = {
        name: {str(number): round(float(each), 4) for number, each in enumerate(weights)}
        for name, weights in found.items()
    }
    return plain.get("", plain)


def words(used: Mapping[str, Any]) -> str:
    """Recorded weights in a line, such as "0: 0.52, 1: 12.2 (1 : 23)"."""
    if any(isinstance(each, Mapping) for each in used.values()):
        return "; ".join(f"{name} {words(each)}" for name, each in used.items())
    numbers = {key: float(value) for key, value in used.items()}
    shown = [f"{key}: {value:.3g}" for key, value in numbers.items()]
    more = [f"and {len(shown) - _SHOWN} more"] if len(shown) > _SHOWN else []
    ratio = max(numbers.values()) / min(numbers.values())
    return f"{', '.join([*shown[:_SHOWN], *more])} (1 : {ratio:.3g})"


def _as_text(given: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        str(key): _as_text(each) if isinstance(each, Mapping) else each
        for key, each in given.items()
    }


def _by_output(made: "task.Task", names: Sequence[str]) -> dict[str, Any]:
    """Output -> its mapping, or the word that asks for one."""
    if names == [""] or not isinstance(made.class_weight, Mapping):
        return dict.fromkeys(names, made.class_weight)
    unknown = set(made.class_weight) - set(names)
    if unknown:
        raise errors.BadInput(
            f"task {made.name}, class_weight",
            f"there is no output {sorted(map(str, unknown))[0]}, but {', '.join(names)}",
            REMEDY,
        )
    return dict(made.class_weight)


def _array(made: "task.Task", name: str, y: np.ndarray, given: Any) -> np.ndarray:
    where = f"task {made.name}, class_weight {name}".strip()
    kind = made.kind_of(y)
    if kind.classes is None:
        if given == BALANCED:
            return np.ones(1)
        raise errors.BadInput(
            where, f"targets of {kind.name} have no classes", "Use sample_weight."
        )
    classes = max(kind.classes.count(y), 1 if kind.per_label else 2, len(made.labels))
    shares = kind.classes.shares(y, classes)
    if given == BALANCED:
        return kind.classes.weights(kind.classes.balanced(shares), shares)
    return kind.classes.weights(_numbers(given, classes, where), shares)


def _numbers(given: Mapping[Any, Any], classes: int, where: str) -> np.ndarray:
    """(classes,) of a mapping; as in Keras, a class that it does not name counts 1."""
    weights = np.ones(classes)
    for key, value in given.items():
        try:
            number, weight = int(key), float(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise errors.BadInput(where, f"{key!r}: {value!r} is no weight", REMEDY) from error
        if not 0 <= number < classes or not 0 < weight < np.inf:
            raise errors.BadInput(
                where,
                f"{key}: {value}, expected a class of 0..{classes - 1} and a weight above 0",
                REMEDY,
            )
        weights[number] = weight
    return weights

"""Says so where a model was trained with a loss, or weights of several, that tfedge drops."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from absl import logging

_USUAL = frozenset(
    {
        *("mse", "mean_squared_error", "binary_crossentropy", "categorical_crossentropy"),
        "sparse_categorical_crossentropy",
    }
)
_LONGEST_NAME = 80


def say_other(loss: Any, where: str) -> None:
    """Warns of a compiled loss that is none of those that kinds of tasks have.

    Args:
        loss: what `compile` was given, or the same as JSON from a model file.
        where: the model, for the message.
    """
    other = dict.fromkeys(name for name in _names(loss) if _plain(name) not in _USUAL)
    if other:
        logging.warning(
            "%s: it was compiled with the loss %s, which is not taken from a model: tfedge trains"
            " with that of the task's kind (cross-entropy, mean squared error) or with Task.loss:"
            " give yours there, in a --data=py:FILE:FUNCTION that returns Task(..., loss=...)",
            where,
            ", ".join(repr(name[:_LONGEST_NAME]) for name in other),
        )


def say_weights(weights: Any, where: str) -> None:
    """Warns of compiled weights of several outputs' losses that are not all the same.

    Args:
        weights: the `loss_weights` that `compile` was given: numbers in a list or by output.
        where: the model, for the message.
    """
    given = list(weights.values()) if isinstance(weights, Mapping) else weights
    if not isinstance(given, list | tuple) or len(set(map(str, given))) < 2:
        return
    logging.warning(
        "%s: it was compiled with loss_weights, which are not taken from a model: classes of each"
        " output count alike, and an error of numbers as a share of their variance. To weigh them,"
        " give Task.loss a function for each output, in a --data=py:FILE:FUNCTION",
        where,
    )


def weights_of(model: Any) -> Any:
    """The `loss_weights` of a model in memory; None where it was not compiled with any."""
    compiled = getattr(model, "_compile_loss", None) or getattr(model, "compiled_loss", None)
    return getattr(compiled, "_user_loss_weights", None)


def _names(loss: Any) -> Iterator[str]:
    """Of a name, a function, an object, their JSON, or several of these by output."""
    if isinstance(loss, str):
        yield loss
    elif isinstance(loss, Mapping) and "class_name" in loss:
        config = loss.get("config")
        yield str(config if isinstance(config, str) else loss["class_name"])
    elif isinstance(loss, Mapping | list | tuple):
        for each in loss.values() if isinstance(loss, Mapping) else loss:
            yield from _names(each)
    elif loss is not None:
        yield getattr(loss, "__name__", type(loss).__name__)


def _plain(name: str) -> str:
    """MeanSquaredError -> mean_squared_error."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()

"""Which options go with a route and with each other, before any model is looked at."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfedge import errors
from tfedge.export import routes

if TYPE_CHECKING:
    from tfedge.data.task import Task

AUTO = "auto"
ALGORITHMS = ("min_max", "mse", "octav", "gptq")
_CHOOSING = ("algorithm", "precision", "activations", "block_size")
_OF_EVERY_ROUTE = ("route", "input", "output", "raw_input", "labels")
_ACTIVATIONS = ("int8", "float")
_BYTE_BITS = 8
_BLOCK_SIZES = (0, 32, 64, 128, 256)


def is_like(value: Any, default: Any) -> bool:
    """Whether a value has the type of an option's default; a whole number is a number too."""
    if isinstance(default, float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is type(default)


def check(export: Any) -> None:
    """Refuse options that mean nothing on their route, or not together.

    Args:
        export: an `options.Export`.

    Raises:
        BadInput: naming the option, the reason and what is possible.
    """
    refuse = _Refuse(f"--export={export.route}")
    refuse.unless_one_of("algorithm", export.algorithm, ALGORITHMS)
    refuse.unless_one_of("activations", export.activations, _ACTIVATIONS)
    refuse.unless_one_of("block_size", export.block_size, _BLOCK_SIZES)
    _check_route(export, refuse)
    if export.block_size and export.activations != "float":
        refuse(
            "LiteRT has kernels for blockwise weights only under float activations",
            ('int4(activations="float", block_size=...)',),
        )
    if export.block_size and export.algorithm not in ("min_max", "octav"):
        refuse(f"{export.algorithm} knows no blocks", ("min_max", "octav"))
    if export.allow_flex and export.is_by_quantizer:
        refuse("allow_flex goes with TensorFlow's own converter only", ("plain int8",))
    _check_precision(export, refuse)


def check_task(export: Any, task: "Task | None") -> None:
    """Refuse what asks for something that the task does not have.

    Raises:
        BadInput: raw inputs or labels without a task, labels of a task that has none.
    """
    where = f"--export={export.to_text()}"
    if (export.raw_input or export.labels) and task is None:
        raise errors.BadInput(
            where, "normalisation and labels are the task's, and there is none", "Give the data."
        )
    if export.labels and task is not None and not task.labels:
        raise errors.BadInput(
            where,
            f"the task {task.name} has no labels",
            "Give the task labels, or leave labels out.",
        )


def check_trained(export: Any) -> None:
    """Refuse options that choose integers which a recipe has trained.

    Raises:
        BadInput: naming the option.
    """
    for name in _CHOOSING:
        if getattr(export, name) != getattr(type(export), name):
            raise errors.BadInput(
                f"--export={export.to_text()}",
                f"the recipe has trained the integers of every kernel, and {name} would choose "
                "others",
                f"Leave {name} out, or quantize out of the recipe.",
            )


def _check_route(export: Any, refuse: "_Refuse") -> None:
    meant = (*_OF_EVERY_ROUTE, *export.facts.options)
    for field in dataclasses.fields(export):
        if field.name not in meant and getattr(export, field.name) != field.default:
            known = [name for name in routes.names() if field.name in routes.find(name).options]
            refuse(f"{field.name} means nothing on this route", known)


def _check_precision(export: Any, refuse: "_Refuse") -> None:
    if isinstance(export.precision, Mapping):
        known = routes.precisions()
        for pattern, word in export.precision.items():
            if not isinstance(pattern, str) or not isinstance(word, str):
                refuse(f"precision takes strings, not {pattern!r}: {word!r}", known)
            refuse.unless_one_of(f"precision of {pattern!r}", word, known)
            if export.has_float_activations and not _is_of_kernels(word):
                refuse(
                    f"{word} does not go with float activations",
                    [name for name in known if _is_of_kernels(name)],
                )
    elif export.precision not in ("", AUTO):
        refuse(
            f"precision={export.precision!r} is not possible",
            ('"auto"', '{"layer name": "float32"}'),
        )
    if not (math.isfinite(export.tolerance) and 0 < export.tolerance < 1):
        refuse(f"tolerance={export.tolerance!r} is not possible", ("a number between 0 and 1",))
    if export.tolerance != 0.01 and export.precision != AUTO:
        refuse("tolerance is kept by precision", ('precision="auto"',))


def _is_of_kernels(precision: str) -> bool:
    """Whether it means something under float activations."""
    return routes.find(precision).activation_bits <= _BYTE_BITS


class _Refuse:
    """Raises one-line errors about one export."""

    def __init__(self, where: str):
        self._where = where

    def __call__(self, cause: str, remedy: Sequence[str]) -> None:
        raise errors.BadInput(self._where, cause, f"Use {' or '.join(remedy)}.")

    def unless_one_of(self, name: str, value: Any, known: tuple) -> None:
        if value not in known:
            raise errors.BadInput(
                self._where,
                f"{name}={value!r} is not possible",
                f"Use one of {', '.join(map(str, known))}.",
            )

"""Which options of post-training quantization go together, before any model is looked at."""

import math
from collections.abc import Mapping
from typing import Any

from tfedge import errors

AUTO = "auto"
ALGORITHMS = ("min_max", "mse", "octav", "gptq")
PRECISIONS = ("float32", "float16", "int8", "int4", "int16x8")
QUANTIZING = ("int8", "int4", "int16x8", "dynamic")
_ACTIVATIONS = ("int8", "float")
_BLOCK_SIZES = (0, 32, 64, 128, 256)


def is_asked(export: Any) -> bool:
    """Whether an export (`options.Export`) is one that TensorFlow's converter does not know.

    Nor does it know what LiteRT has no int16 kernels of: it writes files that end the interpreter.
    """
    routed = export.route == "int4" or (export.route == "int16x8" and not export.allow_flex)
    return routed or export.algorithm != "min_max" or bool(export.precision)


def is_like(value: Any, default: Any) -> bool:
    """Whether a value has the type of an option's default; a whole number is a number too."""
    if isinstance(default, float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is type(default)


def check(export: Any) -> None:
    """Refuse options that mean nothing on their route, or not together.

    Raises:
        BadInput: naming the option, the reason and what is possible.
    """
    refuse = _Refuse(f"--export={export.route}")
    refuse.unless_one_of("algorithm", export.algorithm, ALGORITHMS)
    refuse.unless_one_of("activations", export.activations, _ACTIVATIONS)
    refuse.unless_one_of("block_size", export.block_size, _BLOCK_SIZES)
    if export.route not in QUANTIZING and (export.algorithm != "min_max" or export.precision):
        refuse("it quantizes nothing that an algorithm or precision could choose", QUANTIZING)
    if export.activations == "float" and export.route != "int4":
        refuse('activations="float" is an option of int4', ("dynamic for 8 bits",))
    if export.block_size and export.activations != "float":
        refuse(
            "LiteRT has kernels for blockwise weights only under float activations",
            ('int4(activations="float", block_size=...)',),
        )
    if export.block_size and export.algorithm not in ("min_max", "octav"):
        refuse(f"{export.algorithm} knows no blocks", ("min_max", "octav"))
    if export.allow_flex and is_asked(export):
        refuse("allow_flex goes with TensorFlow's own converter only", ("plain int8",))
    _check_precision(export, refuse)


def _check_precision(export: Any, refuse: "_Refuse") -> None:
    if isinstance(export.precision, Mapping):
        for pattern, word in export.precision.items():
            if not isinstance(pattern, str) or not isinstance(word, str):
                refuse(f"precision takes strings, not {pattern!r}: {word!r}", PRECISIONS)
            refuse.unless_one_of(f"precision of {pattern!r}", word, PRECISIONS)
            if word == "int16x8" and export.has_float_activations:
                refuse("int16x8 does not go with float activations", ("int8", "int4", "float32"))
    elif export.precision not in ("", AUTO):
        refuse(
            f"precision={export.precision!r} is not possible",
            ('"auto"', '{"layer name": "float32"}'),
        )
    if not (math.isfinite(export.tolerance) and 0 < export.tolerance < 1):
        refuse(f"tolerance={export.tolerance!r} is not possible", ("a number between 0 and 1",))
    if export.tolerance != 0.01 and export.precision != AUTO:
        refuse("tolerance is kept by precision", ('precision="auto"',))


class _Refuse:
    """Raises one-line errors about one export."""

    def __init__(self, where: str):
        self._where = where

    def __call__(self, cause: str, remedy: tuple[str, ...]) -> None:
        raise errors.BadInput(self._where, cause, f"Use {' or '.join(remedy)}.")

    def unless_one_of(self, name: str, value: Any, known: tuple) -> None:
        if value not in known:
            raise errors.BadInput(
                self._where,
                f"{name}={value!r} is not possible",
                f"Use one of {', '.join(map(str, known))}.",
            )

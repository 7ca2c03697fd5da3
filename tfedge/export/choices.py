"""Which options go with a route, with each other and with a task, before any model is looked at."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from absl import logging

from tfedge import errors, settings
from tfedge.compress import prepared as prepared_lib
from tfedge.export import routes

if TYPE_CHECKING:
    from tfedge.data.task import Task

AUTO = "auto"
PLAIN = "min_max"  # the algorithm that the converter has too
_FLOAT_TYPES = ("float32",)
_RAW_TYPES = ("float32", "int8", "uint8")
_KNOW_BLOCKS = (PLAIN, "octav")
_CHOOSING = ("algorithm", "precision", "activations", "block_size")
_OF_EVERY_ROUTE = ("input", "output", "raw_input", "metadata", "names", "cache")
_OF_CACHES = ("prefill", "cache_type")
_OF_ONE_CALL = ("input", "output", "raw_input", "metadata")
_BYTE_BITS = 8
# How a recipe asks for what an option would: see `check_trained`.
_TRAINED = {
    "precision": ' quantize(normalization="int8") trains normalization in integers, too.',
}


def check(export: Any) -> None:
    """Refuse options that mean nothing on their route, or not together.

    Args:
        export: an `options.Export` whose options are each in their range.

    Raises:
        BadInput: naming the option, the reason and what to write.
    """
    _check_route(export)
    types = _FLOAT_TYPES if export.has_float_activations else export.facts.ends
    _check_type(export, "input", _RAW_TYPES if export.raw_input else types)
    _check_type(export, "output", types)
    export.check(
        not export.block_size or export.activations == "float",
        "block_size",
        'activations="float" beside it, as LiteRT has blockwise kernels under no others',
        f'Write {export.route}(activations="float", block_size={export.block_size}).',
    )
    export.check(
        not export.block_size or export.algorithm in _KNOW_BLOCKS,
        "algorithm",
        f"one that knows blocks, which is {' or '.join(_KNOW_BLOCKS)}",
    )
    export.check(
        not export.allow_flex or not export.is_by_quantizer,
        "allow_flex",
        "neither algorithm nor precision beside it, as TensorFlow's own converter has none",
        f"Write {export.route}(allow_flex=True).",
    )
    export.check(
        export.precision == AUTO or "tolerance" not in export.changed(),
        "tolerance",
        f'precision="{AUTO}" beside it, which keeps it',
        f'Write {export.route}(precision="{AUTO}", tolerance={export.tolerance}).',
    )
    _check_cache(export)
    if isinstance(export.precision, Mapping):
        _check_precisions(export)


def check_task(export: Any, task: "Task | None") -> None:
    """Refuse what asks for something that the task does not have.

    Raises:
        BadInput: raw inputs or metadata without a task.
    """
    where = f"--export={export.to_text()}"
    if (export.raw_input or export.metadata) and task is None:
        raise errors.BadInput(
            where, "normalisation and names are the task's, and there is none", "Give the data."
        )
    if export.metadata and task is not None:
        _warn_of_mediapipe(export, task, where)


def _warn_of_mediapipe(export: Any, task: "Task", where: str) -> None:
    """The metadata is right, and its best known reader does not take everything."""
    if export.input == "int8":
        logging.warning(
            '%s: MediaPipe 1.2.2 crashes on int8 inputs; write input="uint8" for it', where
        )
    several = isinstance(task.normalization.scale, tuple)
    if several and export.input == "float32" and not export.raw_input:
        logging.warning(
            "%s: MediaPipe 1.2.2 takes one normalization for all channels; write raw_input=True "
            "for it",
            where,
        )


def check_trained(export: Any, prepared: Sequence[str]) -> None:
    """Refuse options that choose integers which a recipe has trained.

    Args:
        export: an `options.Export`.
        prepared: the exports that the recipe has trained for; none if it has trained no integers.

    Raises:
        BadInput: naming the option.
    """
    meant = prepared_lib.options(export.to_text(), prepared)
    for name in export.changed():
        if prepared and name in _CHOOSING and name not in meant:
            raise errors.BadInput(
                f"--export={export.to_text()}",
                f"the recipe has trained the integers of every kernel, and {name} would choose "
                "others",
                f"Leave {name} out, or quantize out of the recipe.{_TRAINED.get(name, '')}",
            )


def _check_route(export: Any) -> None:
    for name in export.changed():
        if name not in (*_OF_EVERY_ROUTE, *_OF_CACHES, *export.facts.options):
            known = [route for route in routes.names() if name in routes.find(route).options]
            raise errors.BadInput(
                f"--export={export.to_text()}",
                f"{name} means nothing on this route",
                f"Leave it out, or use {' or '.join(known)}.",
            )


def _check_cache(export: Any) -> None:
    for name in export.changed() if export.cache else ():
        export.check(
            name not in _OF_ONE_CALL,
            name,
            "none beside cache: tokens go in as numbers, and scores come out as float32",
            f"Write {export.route}(cache={export.cache}).",
        )
    for name in () if export.cache else _OF_CACHES:
        export.check(
            name not in export.changed(),
            name,
            "cache beside it, as there are no caches without",
            f"Write {export.route}(cache={export.prefill or 128}).",
        )
    export.check(
        export.cache != 1, "cache", "0, or 2 and more", f"Write {export.route}(cache=128)."
    )
    export.check(
        export.prefill <= export.cache,
        "prefill",
        f"{export.cache} or less, for its tokens go into the cache",
        f"Write {export.route}(cache={export.prefill}).",
    )


def _check_type(export: Any, name: str, types: tuple[str, ...]) -> None:
    kind, value = settings.Choice(types), getattr(export, name)
    export.check(kind.fits(value), name, kind.words(name), settings.nearest(value, types))


def _check_precisions(export: Any) -> None:
    known = routes.precisions()
    if export.has_float_activations:
        known = tuple(name for name in known if routes.find(name).activation_bits <= _BYTE_BITS)
    for word in export.precision.values():
        export.check(
            word in known,
            "precision",
            f"for each pattern one of {', '.join(known)}",
            settings.nearest(word, known),
        )

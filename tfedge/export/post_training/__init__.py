"""Post-training quantization of a float .tflite, whatever framework it comes from.

The float file is made once; ranges are read once; each trial is then a matter of milliseconds.
"""

import collections
import dataclasses
import functools
import hashlib
from collections.abc import Mapping
from typing import Any

from absl import logging

from tfedge import errors
from tfedge.data.task import Task
from tfedge.export import calibration, choices, made, options
from tfedge.export.converter import recurrent
from tfedge.export.edits import unsigned
from tfedge.export.post_training import (
    algorithms,
    gptq,
    masks,
    precision,
    promises,
    ranges,
    selective,
)
from tfedge.export.post_training.float_model import FloatModel


def quantize(
    model: FloatModel,
    export: options.Export,
    task: Task | None,
    finish: selective.Finish = selective.AS_IT_IS,
    promised: promises.Promises = promises.NONE,
) -> made.Made:
    """The float model on a quantizing route; kernels bear the names they had.

    Args:
        model: the float file.
        export: the route and its options.
        task: whose calibration split is read for ranges, and validation for precision="auto".
        finish: what will become of the file, so that trials are judged like it.
        promised: about kernels. Where an algorithm breaks one, the kernel takes min_max.

    Raises:
        BadInput: no usable calibration examples, a loop, a rule that matches nothing, or no
            kernel that the asked blocks fit.
    """
    model, found, moments = _statistics(model, export, task)

    def make(plan: algorithms.Plan, asked: options.Export) -> Any:
        chosen = algorithms.choose(model, plan, asked, promised.kernels_with_codes(model))
        return algorithms.quantize(model, chosen, asked, found, moments)

    if export.precision == choices.AUTO:
        plan = selective.search(model, export, task, make, finish)
    else:
        plan = precision.by_rules(model, export)
    plain = promised.kernels_with_codes(model)
    chosen = algorithms.choose(model, plan, export, plain)
    tree = algorithms.quantize(model, chosen, export, found, moments)
    broken = promised.broken(tree)
    if broken:
        _say_plain(broken, export)
        plain |= model.kernels_named(broken)
        chosen = algorithms.choose(model, plan, export, plain)
        tree = algorithms.quantize(model, chosen, export, found, moments)
    _say(model, chosen, export, plain)
    # With raw inputs, `raw_input` sees to bytes as inputs.
    unsigned.make_unsigned(tree, export.made_input == "uint8", export.output == "uint8")
    return made.Made(tree, _unusual(model, plan, export))


def _statistics(
    model: FloatModel, export: options.Export, task: Task | None
) -> tuple[FloatModel, ranges.Ranges | None, gptq.Moments | None]:
    """The model to quantize, ranges of activations and moments of what meets kernels.

    Where activations are integers its masks are bounded; the rest is there where it is needed.
    """
    needs_moments = export.algorithm == "gptq"
    if export.has_float_activations and not needs_moments:
        return model, None, None
    if recurrent.has_loop(model.tree):
        raise recurrent.refusal(model.where, export.route, "a loop in it")
    examples = calibration.examples(task, model.inputs, export.route)
    assert task is not None
    bounds: Mapping[str, float] = {}
    if not export.has_float_activations:
        model, bounds = masks.bound(model, examples)
    digest = hashlib.sha256(model.data).digest()
    data = _Data(digest, task.calibration, task.normalization, model.tree, examples)
    return (
        model,
        None if export.has_float_activations else masks.cut(_ranges(data), bounds),
        _moments(data) if needs_moments else None,
    )


@dataclasses.dataclass(frozen=True)
class _Data:
    """A float file and its calibration examples; equal when they give the same ranges."""

    digest: bytes
    split: Any
    normalization: Any
    tree: Any = dataclasses.field(compare=False)
    examples: calibration.Examples = dataclasses.field(compare=False)


@functools.lru_cache(maxsize=2)
def _ranges(data: _Data) -> ranges.Ranges:
    return ranges.collect(data.tree, data.examples)


@functools.lru_cache(maxsize=1)
def _moments(data: _Data) -> gptq.Moments:
    return gptq.moments(data.tree, data.examples)


def _say_plain(layers: Any, export: options.Export) -> None:
    logging.warning(
        "--export=%s: %s would break what was promised about %s, which take min_max",
        export.route,
        export.algorithm,
        ", ".join(sorted(layers)),
    )


def _say(
    model: FloatModel,
    chosen: Mapping[str, algorithms.Choice],
    export: options.Export,
    plain: frozenset[str],
) -> None:
    kernels = [chosen[each.name] for each in model.operators if each.kernel]
    counts = collections.Counter((each.algorithm or "float", each.kernel_bits) for each in kernels)
    logging.debug(
        "--export=%s: kernels: %s",
        export.route,
        ", ".join(f"{n} by {name} in {bits} bits" for (name, bits), n in counts.items()),
    )
    quantized = [each for each in kernels if each.kernel_bits <= 8]
    if quantized and not any(each.algorithm == export.algorithm for each in quantized):
        logging.warning(
            "--export=%s: no kernel is of a kind that %s knows; all take min_max",
            export.route,
            export.algorithm,
        )
    if (
        export.precision == choices.AUTO
        and export.facts.needs_its_type
        and not any(each.kernel_bits == export.facts.kernel_bits for each in kernels)
    ):
        raise errors.BadInput(
            f"--export={export.to_text()}",
            f"no kernel can have {export.facts.kernel_bits} bits within a tolerance of "
            f"{export.tolerance:g}",
            "Raise the tolerance, use int8, or train with quantize(bits=4).",
        )
    if export.block_size and not plain and not any(each.blockwise for each in kernels):
        raise errors.BadInput(
            f"--export={export.to_text()}",
            f"no dense layer or embedding has rows of a multiple of {export.block_size} weights, "
            "and LiteRT has blockwise kernels of no other layers",
            "Leave block_size out, or use a smaller one.",
        )


def _unusual(model: FloatModel, plan: algorithms.Plan, export: options.Export) -> dict[str, str]:
    usual = export.facts.precision
    in_front = [name for each in model.operators if each.is_in_front for name in each.layers]
    other = {
        model.real_names.get(each.kernel, each.kernel): plan[each.name]
        for each in model.operators
        if each.kernel and plan[each.name] != usual
    }
    return {**other, **dict.fromkeys(in_front, "in front of the integers")}

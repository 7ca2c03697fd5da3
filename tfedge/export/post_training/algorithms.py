"""Quantizes a float file after training, with the algorithms of AI Edge Quantizer.

    min_max  a channel's largest weight becomes the largest integer
    mse      a channel's scale from its mean square, for the least squared error of usual weights
    octav    clips at the error-optimal value, by Newton's method (Sakr et al. 2022,
             arXiv:2206.06501)
    gptq     min_max's scales, but later weights make up for the rounding of earlier ones; dense
             layers and convolutions, from calibration examples; see `gptq`

All choose kernels only; ranges of activations are those that calibration saw. An operator that an
algorithm does not know takes min_max. https://github.com/google-ai-edge/ai-edge-quantizer
"""

import collections
import dataclasses
import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from absl import logging
from ai_edge_quantizer import algorithm_manager, qtyping, quantizer, recipe_manager
from ai_edge_quantizer.utils import tfl_flatbuffer_utils

from tfedge import quiet
from tfedge.device.file import operands
from tfedge.export import options, routes
from tfedge.export.edits import divisions, float_outputs
from tfedge.export.post_training import gptq, ranges
from tfedge.export.post_training.float_model import FloatModel, Operator
from tfedge.export.tree import flatbuffer, operators

_NAMES = algorithm_manager.AlgorithmName
_KEYS = {
    "min_max": _NAMES.MIN_MAX_UNIFORM_QUANT,
    "mse": _NAMES.MSE,
    "octav": _NAMES.OCTAV,
    "gptq": _NAMES.MIN_MAX_UNIFORM_QUANT,  # its integers are then chosen anew
}
_BY_ERROR = ("mse", "octav")  # they have no scale for a channel of zeros
_NARROW = 4  # rows of fewer weights take more in 4 bits with a scale each than in 8 with one
_ENDS = (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT)

Plan = Mapping[str, str]  # operator name -> float32, float16, int8, int4 or int16x8


@dataclasses.dataclass(frozen=True)
class Choice:
    """What becomes of one operator.

    Attributes:
        key: of the algorithm, None to leave it in float.
        config: as AI Edge Quantizer has it.
        kernel_bits: of its weights; 32 where it stays float.
        algorithm: our name of it.
        blockwise: whether one channel has several scales.
    """

    key: Any = None
    config: Any = None
    kernel_bits: int = 32
    algorithm: str = ""
    blockwise: bool = False


def quantize(
    model: FloatModel,
    choices: Mapping[str, Choice],
    export: options.Export,
    found: ranges.Ranges | None,
    moments: gptq.Moments | None = None,
) -> Any:
    """The tree of the quantized file.

    Args:
        model: the float one.
        choices: by operator name, see `choose`.
        export: its types of inputs and outputs; uint8 comes out as int8.
        found: ranges of all activations, for routes that need them.
        moments: of the kernels that gptq is to round.
    """
    recipe = _recipe(model, choices, export)
    if not recipe:
        tree = flatbuffer.copied(model.tree)
        _settle(tree, model.real_names)
        return tree
    with quiet.captured() as log:
        job = quantizer.Quantizer(bytearray(model.data))
        job.load_quantization_recipe(recipe)
        made = job.quantize(found, enable_progress_report=False).quantized_model
    logging.debug("AI Edge Quantizer: %s", log.text)
    tree = flatbuffer.unpack(bytes(made))
    if moments is not None:
        names = {o.kernel for o in model.operators if choices[o.name].algorithm == "gptq"}
        gptq.round_again(tree, names, model.tree, moments)
    if export.output == "float32":
        float_outputs.restore(tree)
    _settle(tree, model.real_names)
    return tree


def _settle(quantized: Any, names: Mapping[str, str]) -> None:
    """Gives kernels the names they came with, and says what the quantizer leaves unsaid.

    It wanted unique names. Its int16 scales are no powers of two, which ADD and SUB assume.
    """
    kernels = {id(o.graph.tensors[o.kernel]): o for o in operators.weighted(quantized)}
    for operator in kernels.values():
        tensor = operator.graph.tensors[operator.kernel]
        tensor.name = names.get(tensor.name.decode(), "").encode()
    divisions.move_to_float(quantized)
    for graph in quantized.subgraphs:
        for operator in graph.operators:
            if operators.kind(quantized, operator) in ("ADD", "SUB"):
                operator.builtinOptions.potScaleInt16 = False


def choose(
    model: FloatModel, plan: Plan, export: options.Export, plain: frozenset[str] = frozenset()
) -> dict[str, Choice]:
    """What becomes of each operator: the first of its plan's possibilities that there is.

    Args:
        model: the float one.
        plan: a precision for each operator.
        export: route, algorithm and block size.
        plain: kernels that take min_max, whatever the algorithm.
    """
    if export.algorithm in _BY_ERROR:
        plain |= model.silent_kernels
    return {
        each.name: next(
            (choice for choice in _possible(each, plan[each.name], export, plain)
             if _exists(choice, each)),
            Choice(),
        )
        for each in model.operators
    }  # fmt: skip


def _possible(
    operator: Operator, precision: str, export: options.Export, plain: frozenset[str]
) -> Iterator[Choice]:
    """Best first; an operator without a 4-bit form takes the 8-bit one."""
    asked = routes.find(precision)
    if not asked.changes_kernels or operator.is_in_front:
        return
    if not asked.is_quantizing:
        yield Choice(_NAMES.FLOAT_CASTING, _half(), 16, "float16")
        return
    use = dict.fromkeys([export.algorithm, "min_max"])
    algorithms = ["min_max"] if operator.kernel in ("", *plain) else list(use)
    chooses = operator.kind in operands.CHOOSING and bool(operator.kernel)
    activations = 0 if export.has_float_activations or chooses else asked.activation_bits
    is_table = chooses or operator.is_tied  # both in one form, else it would be stored twice
    narrow = is_table and operator.kernel_shape[-1] < _NARROW
    for bits in dict.fromkeys([8 if narrow else asked.kernel_bits, 8]):
        for block_size in dict.fromkeys([_blocks(operator, export, bits, plain), 0]):
            for algorithm in algorithms:
                config = _config(bits, activations, block_size, is_one=is_table and bits == 8)
                yield Choice(_KEYS[algorithm], config, bits, algorithm, block_size > 0)


def _blocks(operator: Operator, export: options.Export, bits: int, plain: frozenset[str]) -> int:
    """The block size where it divides the rows of a 4-bit kernel, else 0."""
    if bits != 4 or not operator.kernel_shape or operator.kernel in plain or not export.block_size:
        return 0
    return 0 if operator.kernel_shape[-1] % export.block_size else export.block_size


def _exists(choice: Choice, operator: Operator) -> bool:
    if choice.algorithm == "gptq" and not gptq.knows(operator.kind, operator.kernel_shape):
        return False
    kind = _quantizer_name(operator)
    return kind is not None and _is_supported(choice.key, kind, choice.config)


@functools.lru_cache(maxsize=4096)
def _is_supported(key: Any, kind: Any, config: Any) -> bool:
    if not algorithm_manager.is_op_registered(key, kind):
        return False
    try:
        algorithm_manager.check_op_quantization_config(key, kind, config)
    except ValueError:  # how the library says no
        return False
    return True


def _quantizer_name(operator: Operator) -> Any:
    return tfl_flatbuffer_utils.TFL_OP_CODE_TO_NAME.get(operator.code)


def _config(bits: int, activation_bits: int, block_size: int, is_one: bool = False) -> Any:
    """`is_one` scale for the whole kernel: each row of a table of 8 bits would take 12 bytes."""
    one = "TENSORWISE" if is_one else "CHANNELWISE"
    granularity = qtyping.QuantGranularity[f"BLOCKWISE_{block_size}" if block_size else one]
    activations = None
    if activation_bits:
        # LiteRT's int16 activations are symmetric, its int8 ones are not.
        activations = qtyping.TensorQuantizationConfig(activation_bits, activation_bits == 16)
    return qtyping.OpQuantizationConfig(
        activation_tensor_config=activations,
        weight_tensor_config=qtyping.TensorQuantizationConfig(bits, True, granularity),
        compute_precision=qtyping.ComputePrecision.INTEGER,
        explicit_dequantize=False,
    )


def _half() -> Any:
    return qtyping.OpQuantizationConfig(
        weight_tensor_config=qtyping.TensorQuantizationConfig(
            16, True, dtype=qtyping.TensorDataType.FLOAT
        ),
        compute_precision=qtyping.ComputePrecision.FLOAT,
        explicit_dequantize=True,
    )


def _recipe(model: FloatModel, choices: Mapping[str, Choice], export: options.Export) -> Any:
    recipe = recipe_manager.RecipeManager()
    _add_ends(recipe, export)
    alike = collections.defaultdict(list)
    for operator in model.operators:
        choice = choices[operator.name]
        if choice.key is not None:
            alike[choice.key, _quantizer_name(operator), choice.config].append(operator.name)
    for (key, kind, config), names in alike.items():
        pattern = f"^(?:{'|'.join(map(re.escape, names))});"
        recipe.add_quantization_config(pattern, kind, config, key)
    return recipe.get_quantization_recipe()


def _add_ends(recipe: Any, export: options.Export) -> None:
    if export.has_float_activations:
        return
    config = _config(8, export.facts.activation_bits, 0)
    for end, dtype in zip(_ENDS, (export.made_input, export.output), strict=True):
        if dtype != "float32":
            recipe.add_quantization_config(".*", end, config)

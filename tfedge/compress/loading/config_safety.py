"""What the description of a model may name: layers and functions known to be harmless.

A saved model is a program. Keras' loaders build whatever a description names, import modules on
the way and, with tf_keras, run Python code from .h5 files whatever `safe_mode` says. So the
description is read as plain JSON first, and nothing is built unless every name in it is known.
"""

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tfedge.compress import keras
from tfedge.compress.bridge import tf_symbols
from tfedge.compress.layers import facts
from tfedge.errors import BadInput

_AGAIN = "Save the model again with Keras."
_REBUILD = "Build the model without it; nothing of the file was run."
_OWN = (
    "If it is your own, give its code by --custom_objects=py:FILE, registered under that name;"
    " nothing of the file was run."
)

_MODULES = re.compile(
    r"(keras|tf_keras|tensorflow\.(python\.)?keras|tensorflow_model_optimization|tfedge"
    r"|tensorflow\.python\.ops\.init_ops(_v2)?)(\.|$)"
)
_CODE = {
    "Lambda": "Python code",
    "__lambda__": "Python code",
    "TFSMLayer": "a path to code outside the file",
    "TorchModuleWrapper": "PyTorch code",
    "JaxLayer": "JAX code",
    "FlaxLayer": "JAX code",
    "TensorFlowOpLayer": "TensorFlow nodes of any kind",
    "__typespec__": "a type of any module",
}
_READS_FILES = frozenset({"TextVectorization", "StringLookup", "IntegerLookup", "DenseFeatures"})
# Plain values in Keras' own spelling.
_VALUES = frozenset(
    {
        *("__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__"),
        *("__slice__", "TensorShape"),
    }
)
_STRUCTURE = frozenset(
    {
        *("Functional", "Sequential", "Model", "InputLayer", "SeedGenerator"),
        *("DTypePolicy", "FloatDTypePolicy", "QuantizedDTypePolicy", "DTypePolicyMap", "Policy"),
        *("QuantizedFloat8DTypePolicy", "Int4DTypePolicy", "AbsMaxQuantizer", "QuantizationConfig"),
        *("Int8QuantizationConfig", "Int4QuantizationConfig", "Float8QuantizationConfig"),
        "Op",
        *tf_symbols.LAYERS,
        # Keras 3 has these alone; the bridge says so better than "not known" would.
        *(f"Adaptive{kind}Pooling{rank}D" for kind in ("Average", "Max") for rank in (1, 2, 3)),
        *("GroupQueryAttention", "AutoContrast", "Solarization", "RandAugment", "MixUp", "CutMix"),
        *("AugMix", "Equalization", "RandomErasing", "RandomHue", "RandomSaturation"),
        *("RandomShear", "RandomSharpness", "RandomGaussianBlur", "RandomColorJitter"),
        *("RandomGrayscale", "RandomPosterization", "RandomInvert", "RandomPerspective"),
    }
)
_TFMOT = re.compile(
    r"(PruneLowMagnitude|ConstantSparsity|PolynomialDecay|ClusterWeights(MHA)?|Default8Bit\w+"
    r"|Quantize(Wrapper(V2)?|Layer|AwareActivation)|NoOp(Activation|QuantizeConfig)"
    r"|OutputOnlyConfig|(AllValues|LastValue|MovingAverage|Fixed|No)Quantizer)$"
)
# Functions of TensorFlow that compute and do nothing else.
_PURE_PARTS = re.compile(r"(compat\.v1\.)?(math|nn|linalg|__operators__)\.\w+$")
_PURE_FUNCTIONS = tf_symbols.KNOWN | {
    f"{prefix}{name}"
    for prefix in ("", "compat.v1.")
    for name in (
        *("shape", "rank", "size", "identity", "fill", "zeros_like", "ones_like", "range"),
        *("argsort", "sort", "boolean_mask", "gather_nd", "meshgrid", "norm", "one_hot"),
        *("ensure_shape", "convert_to_tensor", "slice", "strided_slice", "sequence_mask"),
        *("transpose", "squeeze", "gather", "pad", "where", "image.resize", "linspace"),
    )
}


def check(config: Any, where: str, trusted: Callable[[str], bool] = lambda name: False) -> None:
    """Looks at every class and function a model's config names; builds nothing.

    Args:
        config: parsed JSON.
        where: the file, for the message.
        trusted: whether the user vouches for the layer or function of a name.

    Raises:
        BadInput: one that runs code, or is not known.
    """
    known = _known_classes()
    for entry in named(config):
        name, registered = entry["class_name"], entry.get("registered_name")
        if not isinstance(name, str):
            raise BadInput(where, f"{name!r} is not the name of a class", _AGAIN)
        _check_code(name, where)
        # The name that Keras looks up first, before it imports any module.
        looked_up = entry.get("config") if name == "function" else registered or name
        if isinstance(looked_up, str) and trusted(looked_up):
            continue
        module = entry.get("module")
        if module not in (None, "builtins") and not _MODULES.match(str(module)):
            raise BadInput(where, f"{name} comes from the module {module!r}", _OWN)
        if name == "function":
            _check_function(entry, where)
        elif name.removeprefix("tfedge>") not in known and not _TFMOT.match(name):
            raise BadInput(where, f"the class {registered or name!r} is not known", _OWN)
        elif name in tf_symbols.LAYERS:
            _check_symbol(entry, where)


def without_training(config: Any) -> Any:
    """The config without optimizers, losses and metrics, which opening a model need not build."""
    if isinstance(config, Mapping):
        return {k: without_training(v) for k, v in config.items() if k != "compile_config"}
    return [without_training(v) for v in config] if isinstance(config, list) else config


def names_wrappers(config: Any) -> bool:
    """Whether the config has layers that TFMOT put around others."""
    return any(_TFMOT.match(str(entry["class_name"])) for entry in named(config))


def _check_code(name: str, where: str) -> None:
    plain = name.rsplit(">", maxsplit=1)[-1]
    if plain in _CODE:
        raise BadInput(where, f"it holds {_CODE[plain]} ({plain})", _REBUILD)
    if plain in _READS_FILES:
        raise BadInput(where, f"{plain} reads vocabularies, models on a phone get ids", _REBUILD)


def _check_function(entry: Mapping[str, Any], where: str) -> None:
    from tfedge.compress.bridge import activations

    name = entry.get("config")
    known = {*activations.TO_TF_KERAS, *activations.TO_KERAS3, *dir(keras.tf_keras.activations)}
    if not isinstance(name, str) or name not in known - {"get", "serialize", "deserialize"}:
        raise BadInput(where, f"the function {name!r} is no activation known here", _OWN)


def _check_symbol(entry: Mapping[str, Any], where: str) -> None:
    """TensorFlow's public functions include some that write files or run Python."""
    config = entry.get("config")
    symbol = config.get("function") if isinstance(config, Mapping) else None
    pure = isinstance(symbol, str) and (symbol in _PURE_FUNCTIONS or _PURE_PARTS.match(symbol))
    if not pure:
        raise BadInput(where, f"it calls tf.{symbol}", _REBUILD)


def named(config: Any) -> Iterator[Mapping[str, Any]]:
    """Every object in the config that names a class."""
    waiting = [config]
    while waiting:
        found = waiting.pop()
        if isinstance(found, Mapping):
            if "class_name" in found:
                yield found
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)


@functools.cache
def _known_classes() -> frozenset[str]:
    from tfedge.compress.bridge import op_functions

    package = keras.tf_keras
    modules = (package.layers, package.initializers, package.regularizers, package.constraints)
    public = {
        name for module in modules for name in dir(module) if inspect.isclass(getattr(module, name))
    }
    operations = {_class_name(name) for name in op_functions.FUNCTIONS}
    ours = {name for name, known in facts.known().items() if known.twin.ours}
    return frozenset(public | operations | ours | _VALUES | _STRUCTURE)


def _class_name(function: str) -> str:
    """relu6 -> Relu6, expand_dims -> ExpandDims: how Keras 3 names operations."""
    return "".join(part.capitalize() for part in function.rpartition(".")[2].split("_"))

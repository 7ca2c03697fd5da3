"""The text of `--export`: which route, and its options, in the grammar of recipes.

    float32    int8    int8(input="uint8", raw_input=True)
    int8(algorithm="gptq", input="uint8")
    int8(precision={"stem|classes": "float32", "block_.*": "int16x8"})

Read with `ast`, never evaluated.
"""

import ast
import dataclasses
import difflib
import json
from collections.abc import Mapping
from typing import Any

from tfedge import errors
from tfedge.export import choices, routes
from tfedge.export.route import QUANTIZER, Route

_RAW_TYPES = ("float32", "int8", "uint8")
_FLOAT_TYPES = ("float32",)
_BYTE_BITS = 8


@dataclasses.dataclass(frozen=True)
class Export:
    """How a candidate becomes a .tflite.

    Attributes:
        route: the name of a file in `routes`, which also says what options mean something on it.
        input: type of the (float) inputs. With raw_input also "uint8" and "int8" on any route.
        output: type of the (float) outputs.
        raw_input: the file takes what the task's data holds before normalisation, so an app can
            feed camera bytes; with "int8", bytes minus 128.
        allow_flex: accept TensorFlow operators that an app needs the Flex delegate for.
        labels: store the task's labels in the file, as JSON in the metadata "tfedge.labels".
        few_bit_scales: on int8, round scales of kernels and activations to few significant bits
            where it shows in the size of the download; channels gain or lose up to 0.8 %.
        few_bit_biases: on int8, zero the low bits of biases where the output cannot tell.
        algorithm: how post-training quantization rounds kernels: "min_max", "mse", "octav" or
            "gptq"; see `algorithms`.
        activations: on int4, "int8", or "float" (quantized on the fly, as on dynamic).
        block_size: on int4 with float activations, one scale for so many weights of a row of a
            dense layer (32, 64, 128 or 256); 0 is one scale per channel.
        precision: regular expression of layer names -> one of `routes.precisions()`; the first
            that matches a whole name decides, the route where none does. Or "auto": as few layers
            as possible in float16 so that `tolerance` is kept.
        tolerance: what precision="auto" may lose on the validation split: points of accuracy
            (0.01 is one), or a share of the float model's value of any other metric.

    Raises:
        BadInput: an unknown route, a type the route does not have, or options that contradict
            each other.
    """

    route: str = "float32"
    input: str = "float32"
    output: str = "float32"
    raw_input: bool = False
    allow_flex: bool = False
    labels: bool = False
    few_bit_scales: bool = True
    few_bit_biases: bool = True
    algorithm: str = "min_max"
    activations: str = "int8"
    block_size: int = 0
    precision: str | Mapping[str, str] = ""
    tolerance: float = 0.01

    def __post_init__(self):
        known = routes.names()
        if self.route not in known:
            raise errors.BadInput(
                "--export",
                f"there is no {self.route!r}{_nearest(self.route, known)}",
                f"Use one of {', '.join(known)}.",
            )
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not choices.is_like(value, field.default) and field.name != "precision":
                raise errors.BadInput(
                    f"--export={self.route}",
                    f"{field.name} takes {_example(field.default)}, not {value!r}",
                    "Correct its value.",
                )
        types = _FLOAT_TYPES if self.has_float_activations else self.facts.ends
        self._check_type("input", _RAW_TYPES if self.raw_input else types)
        self._check_type("output", types)
        choices.check(self)

    @property
    def facts(self) -> Route:
        """What the file of the route declares."""
        return routes.find(self.route)

    @property
    def has_float_activations(self) -> bool:
        """Whether activations stay float between layers, so that no range of theirs is needed."""
        return not self.facts.activation_bits or self.activations == "float"

    @property
    def has_byte_activations(self) -> bool:
        """Whether activations are integers of 8 bits."""
        return not self.has_float_activations and self.facts.activation_bits == _BYTE_BITS

    @property
    def is_by_quantizer(self) -> bool:
        """Whether it is one that AI Edge Quantizer makes, and TensorFlow's converter cannot.

        TensorFlow operators are the converter's alone.
        """
        routed = self.facts.producer == QUANTIZER and not self.allow_flex
        return routed or self.algorithm != "min_max" or bool(self.precision)

    @property
    def made_input(self) -> str:
        """The type of input to make; `raw_input` puts another in front of it."""
        if not self.raw_input:
            return self.input
        return "int8" if self.facts.activation_bits == _BYTE_BITS else "float32"

    @classmethod
    def parse(cls, text: str) -> "Export":
        """Read the text of `--export`.

        Raises:
            BadInput: not this grammar, or an unknown name, with the nearest one there is.
        """
        try:
            node = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError) as error:
            raise _not_an_export(text) from error
        call = node if isinstance(node, ast.Call) else ast.Call(node, [], [])
        if not isinstance(call.func, ast.Name) or call.args:
            raise _not_an_export(text)
        return cls(route=call.func.id, **dict(_option(text, word) for word in call.keywords))

    def to_text(self) -> str:
        """The shortest text that parses to this."""
        changed = [
            f"{field.name}={_literal(getattr(self, field.name))}"
            for field in dataclasses.fields(self)[1:]
            if getattr(self, field.name) != field.default
        ]
        return f"{self.route}({', '.join(changed)})" if changed else self.route

    def _check_type(self, name: str, known: tuple[str, ...]) -> None:
        value = getattr(self, name)
        if value not in known:
            raise errors.BadInput(
                f"--export={self.route}",
                f"{name}={_literal(value)} is not possible{_nearest(value, known)}",
                f"Use one of {', '.join(known)}.",
            )


def _option(text: str, word: ast.keyword) -> tuple[str, Any]:
    names = [field.name for field in dataclasses.fields(Export)[1:]]
    if word.arg not in names:
        raise errors.BadInput(
            f"--export={text}",
            f"there is no option {word.arg!r}{_nearest(word.arg or '', names)}",
            f"The options are {', '.join(names)}.",
        )
    if not isinstance(word.value, ast.Constant | ast.Dict | ast.UnaryOp):
        raise _not_an_export(text)
    try:
        return word.arg, ast.literal_eval(word.value)
    except (ValueError, TypeError) as error:
        raise _not_an_export(text) from error


def _not_an_export(text: str) -> errors.BadInput:
    return errors.BadInput(
        f"--export={text}",
        'expected a name or name(option=value), as in int8(input="uint8")',
        f"The names are {', '.join(routes.names())}.",
    )


def _nearest(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def _literal(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_literal(k)}: {_literal(v)}' for k, v in value.items())}}}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _example(default: Any) -> str:
    if isinstance(default, bool):
        return "True or False"
    return "a string" if isinstance(default, str) else "a number"

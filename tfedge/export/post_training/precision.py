"""Which precision each operator gets, by rules on layer names."""

from collections.abc import Callable, Mapping
from typing import Any

from tfedge.compress import rules
from tfedge.export import options
from tfedge.export.post_training.float_model import FloatModel, Operator
from tfedge.export.tree import exponentials, normalizations

_FLOAT = "float32"
_Find = Callable[[Any, Any], tuple[tuple[Any, ...], ...]]


def usual(model: FloatModel, export: options.Export) -> dict[str, str]:
    """Operator name -> precision where nobody asks for another: the route's.

    A normalization stays float among activations in 8 bits, where its operators would be slower
    and less exact: vit_tiny takes 1.8 times as long with them in integers and loses .23 points of
    10,000 examples, .03 with them in float. So does an activation composed of exponentials among
    integers of any size: selu in int8 has an error of 59 % of what it tells, in float of 2 %.
    """
    inside = frozenset[str]()
    if not export.has_float_activations:
        inside |= _named(model, exponentials.find)
    if export.has_byte_activations:
        inside |= _named(model, normalizations.find)
    own = export.facts.precision
    return {each.name: _FLOAT if each.name in inside else own for each in model.operators}


def by_rules(model: FloatModel, export: options.Export) -> dict[str, str]:
    """Operator name -> precision.

    The first rule that matches one of an operator's layers decides: a convolution that a
    BatchNormalization and a ReLU are fused in goes by the names of all three.

    Raises:
        BadInput: a rule that matches no layer.
    """
    given = export.precision if isinstance(export.precision, Mapping) else {}
    as_rules = {pattern: {"precision": word} for pattern, word in given.items()}
    rules.check(as_rules, model.layers, "--export precision")
    own = usual(model, export)
    return {each.name: _chosen(each, given) or own[each.name] for each in model.operators}


def _named(model: FloatModel, find: _Find) -> frozenset[str]:
    """The names of the operators that are found."""
    main = model.tree.subgraphs[0]
    return frozenset(
        main.tensors[int(each.outputs[0])].name.decode()
        for together in find(model.tree, main)
        for each in together
    )


def _chosen(operator: Operator, given: Mapping[str, str]) -> str | None:
    for pattern, word in given.items():
        if any(rules.matching({pattern: None}, layer) for layer in operator.layers):
            return word
    return None

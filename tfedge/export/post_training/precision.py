"""Which precision each operator gets, by rules on layer names."""

from collections.abc import Mapping

from tfedge.compress import rules
from tfedge.export import options
from tfedge.export.post_training.float_model import FloatModel, Operator


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
    return {each.name: _chosen(each, given) or export.facts.precision for each in model.operators}


def _chosen(operator: Operator, given: Mapping[str, str]) -> str | None:
    for pattern, word in given.items():
        if any(rules.matching({pattern: None}, layer) for layer in operator.layers):
            return word
    return None

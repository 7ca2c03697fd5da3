"""What a model is judged by on one output: one measure, one file, found by its name.

NAME.py says in its first line what it is, and its `of(kind, logits)` gives the metric for outputs
of this kind; kinds say which they have. Measures of boxes are in `detection`.
"""

import importlib
import pkgutil
import types

from tfedge.data.kind import Kind
from tfedge.data.metric import Metric


def names() -> tuple[str, ...]:
    """All there are."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def named(name: str, kind: Kind, logits: bool) -> Metric:
    """The metric of this name; see above.

    Args:
        name: one of `names`.
        kind: of the targets; has it.
        logits: whether outputs are before their sigmoid or softmax.
    """
    return _module(name).of(kind, logits)


def explained() -> dict[str, str]:
    """Every name, and what it is."""
    return {name: (_module(name).__doc__ or "").partition("\n")[0] for name in names()}


def _module(name: str) -> types.ModuleType:
    return importlib.import_module(f"{__name__}.{name}")

"""The versions of what makes a file: another one may make another."""

import functools
import importlib.metadata
from collections.abc import Mapping

_PACKAGES = (
    "tfedge",
    *("tensorflow", "tf-keras", "tensorflow-model-optimization", "ai-edge-litert", "numpy"),
)


@functools.cache
def installed() -> Mapping[str, str]:
    """Version by package."""
    return {name: importlib.metadata.version(name) for name in _PACKAGES}

"""tfedge: a trained Keras model in, a compressed, evaluated and gated .tflite release out.

`import tfedge` is light: each public name is loaded when it is first used, so nothing
loads TensorFlow before it is needed.
"""

import importlib
from typing import Any

_HOME = {
    "BadInput": "tfedge.errors",
    "Task": "tfedge.data.task",
    "load_task": "tfedge.data.sources",
    "load_model": "tfedge.compress.loading",
    "Candidate": "tfedge.compress.candidate",
    "Recipe": "tfedge.compress.recipe",
    "to_tflite": "tfedge.export",
    "pack": "tfedge.packing",
    "unpack": "tfedge.packing",
    "Estimate": "tfedge.device.prediction.predict",
    "predict_latency": "tfedge.device.prediction.predict",
    "Scorecard": "tfedge.device.evaluate",
    "evaluate": "tfedge.device.evaluate",
    "generate": "tfedge.device.decoding.generating",
    "Limits": "tfedge.release.gate.limits",
    "Verdict": "tfedge.release.gate.verdict",
    "gate": "tfedge.release.gate",
    "sensitivity": "tfedge.probing.sensitivity",
    "non_inferior": "tfedge.release.statistics.paired",
    "make_release": "tfedge.workflow",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib import metadata  # costs more than all of this module

        return metadata.version("tfedge")
    if name not in _HOME:
        import difflib

        near = difflib.get_close_matches(name, _HOME, 1)
        meant = f". Did you mean {near[0]!r}?" if near else ""
        said = f"module 'tfedge' has no attribute {name!r}{meant}"
        raise AttributeError(said, name=name)  # with a name Python adds no suggestion of its own
    try:
        home = importlib.import_module(_HOME[name])
    except ModuleNotFoundError:
        from tfedge import extras

        extras.require(f"tfedge.{name}", "compress")
        raise
    return getattr(home, name)


def __dir__() -> list[str]:
    return sorted(_HOME)

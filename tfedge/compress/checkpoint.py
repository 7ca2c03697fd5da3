"""A candidate between two passes, in a cache."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfedge import cache, foreign
from tfedge.compress import bridge
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate, Quantization, Report, Teacher
from tfedge.compress.loading import config_safety
from tfedge.compress.training import training_state

_FILE = "candidate.npz"


def save(candidate: Candidate, stages: cache.Cache, key: str) -> None:
    """Keep a candidate."""
    arrays: dict[str, np.ndarray] = {}
    index: dict[str, Any] = {
        "model": _pack_model(candidate.model, "weight", arrays),
        "holds": training_state.pack(candidate.holds, "hold", arrays),
        "reports": [report.to_json() for report in candidate.reports],
        "quantization": None,
        "exports": candidate.exports,
        "teacher": None,
    }
    if candidate.teacher is not None:
        index["teacher"] = {
            "model": _pack_model(candidate.teacher.model, "teacher", arrays),
            "methods": candidate.teacher.methods,
            "temperature": candidate.teacher.temperature,
            "weight": candidate.teacher.weight,
            "layers": dict(candidate.teacher.layers),
        }
    if candidate.quantization is not None:
        index["quantization"] = dataclasses.asdict(candidate.quantization)
    stages.write(key, {_FILE: training_state.to_bytes(index, arrays)})


def load(stages: cache.Cache, key: str, like: Any) -> Candidate | None:
    """What `save` kept, or None.

    Args:
        stages: to look into.
        key: of the stage after one pass.
        like: the model the run started from; its layer classes are known when reading.
    """
    files = stages.read(key)
    if files is None:
        return None
    try:
        return _candidate(*training_state.from_bytes(files[_FILE]), like)
    except Exception as error:  # whatever another content leads NumPy and Keras to
        stages.refuse(key, error)
        return None


def _candidate(index: dict[str, Any], arrays: dict[str, np.ndarray], like: Any) -> Candidate:
    classes = {type(layer).__name__: type(layer) for layer in like.layers}
    quantization = index["quantization"]
    if quantization is not None:
        ranges = {name: (low, high) for name, (low, high) in quantization.pop("ranges").items()}
        quantization = Quantization(ranges=ranges, **quantization)
    return Candidate(
        model=_model(index["model"], "weight", arrays, classes),
        holds=training_state.unpack(index["holds"], "hold", arrays),
        reports=tuple(
            dataclasses.replace(Report.from_json(entry), taken_over=True)
            for entry in index["reports"]
        ),
        quantization=quantization,
        exports=tuple(index["exports"]),
        teacher=_teacher(index["teacher"], arrays, classes),
    )


def _pack_model(model: k.Model, prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """A model as JSON; its weights go into `arrays`."""
    weights = model.get_weights()
    arrays |= {f"{prefix}/{number}": weight for number, weight in enumerate(weights)}
    return {
        "graph": model.to_json(),
        "output_names": model.output_names,
        "weights": len(weights),
    }


def _model(packed: Mapping[str, Any], prefix: str, arrays: Mapping, classes: Mapping) -> k.Model:
    """Checked like a model file of someone else's: the folder may have been written by one."""
    described = foreign.parse_json(packed["graph"].encode(), "its graph", cache.REMEDY)
    config_safety.check(described, "its graph", lambda name: _trusted(name, classes))
    bridge.know_layers()
    model = k.tf_keras.models.model_from_json(packed["graph"], custom_objects=classes)
    model.output_names = packed["output_names"]
    model.set_weights([arrays[f"{prefix}/{number}"] for number in range(packed["weights"])])
    return model


def _trusted(name: str, classes: Mapping[str, Any]) -> bool:
    return name in classes or k.tf_keras.saving.get_registered_object(name) is not None


def _teacher(packed: Mapping[str, Any] | None, arrays: Mapping, classes: Mapping) -> Teacher | None:
    if packed is None:
        return None
    model = _model(packed["model"], "teacher", arrays, classes)
    return Teacher(**{**packed, "model": model, "methods": tuple(packed["methods"])})

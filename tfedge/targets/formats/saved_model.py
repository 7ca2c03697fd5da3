"""A SavedModel of the compressed Keras model: TensorFlow's own format, for servers of it.

Its signature takes what the release's file takes, any number of examples at a time, and gives real
values. Weights are those trained, on their promises; a release in integers rounds besides.
"""

import pathlib
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfedge import errors, quiet
from tfedge.data.task import Normalization
from tfedge.device import model_io
from tfedge.device.file import graph
from tfedge.targets.source import KERAS, Source
from tfedge.targets.target import Arrays, Made, Target

_FOLDER = "saved_model"
_SIGNATURE = "serving_default"
_BATCH = 64
_REMEDY = (
    "Release again with --keras (finished training is taken over where --cache_dir was given), or "
    "name it by --keras=FILE: what tfedge compress --keras wrote, or the model that was released "
    "without a recipe."
)


def _make(source: Source, _: Arrays) -> Made:
    if source.keras is None:
        raise errors.BadInput(source.where, f"it holds no {KERAS}", _REMEDY)
    with tempfile.TemporaryDirectory() as folder:
        written = pathlib.Path(folder, _FOLDER)
        with quiet.captured():
            _write(source, written)
        files = {
            f"{_FOLDER}/{path.relative_to(written).as_posix()}": path.read_bytes()
            for path in sorted(written.rglob("*"))
            if path.is_file()
        }
    return Made(files, lambda inputs: _answer(files, inputs))


def _write(source: Source, folder: pathlib.Path) -> None:
    from tfedge.compress.keras import tf

    model = _opened(source)
    module = tf.Module()
    module.model = model
    inputs, outputs = source.file.named_inputs, source.file.named_outputs
    _check_names(source, inputs, model.input_names)
    _check_names(source, outputs, model.output_names)

    @tf.function(autograph=False)
    def serve(**given: Any) -> dict[str, Any]:
        fed = {name: _as_trained(source, inputs[name], given[name]) for name in inputs}
        found = model([fed[name] for name in model.input_names], training=False)
        listed = found if isinstance(found, (list, tuple)) else [found]
        by_name = dict(zip(model.output_names, listed, strict=True))
        return {name: by_name[name] for name in outputs}

    specs = {
        name: tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype.lower(), name)
        for name, tensor in inputs.items()
    }
    signature = serve.get_concrete_function(**specs)
    tf.saved_model.save(module, str(folder), signatures={_SIGNATURE: signature})


def _opened(source: Source) -> Any:
    from tfedge.compress import loading

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, KERAS)
        path.write_bytes(source.keras or b"")
        return loading.load_model(path)


def _check_names(
    source: Source, of_file: Mapping[str, graph.Tensor], of_model: Sequence[str]
) -> None:
    lacking = sorted(set(of_file) - set(of_model))
    if lacking:
        cause = f"the Keras model has {', '.join(of_model)}, the release {', '.join(of_file)}"
        raise errors.BadInput(source.where, cause, "Give the Keras model of this very release.")


def _as_trained(source: Source, tensor: graph.Tensor, given: Any) -> Any:
    """What the model was trained on: of raw values, of codes, or that itself."""
    from tfedge.compress.keras import tf

    if source.file.takes_raw_input:
        first = model_io.FIRST_CODE.get(tensor.dtype.lower(), 0) if len(tensor.scales) else 0
        return _scaled(tf.cast(given, tf.float32) - first, source.told.normalization)
    if len(tensor.scales):
        (scale,), (zero,) = tensor.scales, tensor.zero_points
        return (tf.cast(given, tf.float32) - float(zero)) * float(scale)
    return given


def _scaled(raw: Any, normalization: Normalization) -> Any:
    scale, offset = (
        np.asarray(each, np.float32) for each in (normalization.scale, normalization.offset)
    )
    return raw * scale + offset


def _answer(files: Mapping[str, bytes], inputs: Arrays) -> dict[str, np.ndarray]:
    """As whoever loads the files is answered."""
    from tfedge.compress.keras import tf

    with tempfile.TemporaryDirectory() as folder:
        for path, content in files.items():
            target = pathlib.Path(folder, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        with quiet.captured():
            loaded = tf.saved_model.load(str(pathlib.Path(folder, _FOLDER)))
        serve = loaded.signatures[_SIGNATURE]
        count = len(next(iter(inputs.values())))
        parts = []
        for start in range(0, count, _BATCH):
            fed = {name: tf.constant(each[start : start + _BATCH]) for name, each in inputs.items()}
            parts.append({name: found.numpy() for name, found in serve(**fed).items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


TARGET = Target(
    "a folder saved_model for TensorFlow Serving, from the release's model.keras", _make
)

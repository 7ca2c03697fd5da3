"""Makes tfedge/packing/primer.lzma: what .tflite files of many kinds have in common, compressed.

    python tools/benchmarks/make_primer.py --output=primer.lzma

Small networks of the usual kinds with random weights are exported on several routes; what is left
of the files without weights, biases and scales is put one behind the other and compressed. Packed
files go on from that stream (see FORMAT.md), so a primer that was published never changes: another
one needs a method of its own.
"""

import pathlib
from collections.abc import Callable
from types import ModuleType

import numpy as np
from absl import flags, logging
from tfedge_pipelines import entry

import tfedge
from tfedge.compress import keras as k
from tfedge.data.task import ArraySplit
from tfedge.packing import encoding, primer

_FLAGS = flags.FlagValues()
_OUTPUT = flags.DEFINE_string("output", "primer.lzma", "The file to write.", flag_values=_FLAGS)
# The commonest last: what is near is found cheaply.
_WAYS = (  # recipe, export
    ("", "float32"),
    ("", "dynamic"),
    ("", 'int8(input="uint8", raw_input=True)'),
    ("", "int8"),
    ("quantize(epochs=0)", "int8"),
)
_MOST_BYTES = 48 << 10
_EXAMPLES = 4


def run() -> None:
    """The program."""
    entry.run(main, _FLAGS, __doc__)


def main() -> int:
    """Builds, exports, cuts, compresses."""
    found: list[bytes] = []
    for recipe, export in _WAYS:
        for build in _NETWORKS:
            left = encoding.structure(_file(build, recipe, export))
            logging.info("%s, %s as %s: %d bytes", build.__name__, recipe, export, len(left))
            found.append(left)
    kept = _latest(found)
    path = pathlib.Path(_OUTPUT.value)
    path.write_bytes(primer.compressed(kept))
    entry.tell(f"{len(kept):,} bytes of {len(found)} files, {path.stat().st_size:,} compressed")
    return entry.OK


def _file(build: Callable[[ModuleType], k.Model], recipe: str, export: str) -> bytes:
    k.keras3().utils.clear_session()  # names begin anew, as in a program with one model
    k.keras3().utils.set_random_seed(0)
    model = build(k.keras3().layers)
    task = _task(model)
    if recipe:
        return tfedge.to_tflite(tfedge.Recipe.parse(recipe).apply(model, task), export, task)
    return tfedge.to_tflite(model, export, task)


def _latest(found: list[bytes]) -> bytes:
    """As many whole ones from the end as the limit takes."""
    kept = b""
    for each in reversed(found):
        if len(each) + len(kept) > _MOST_BYTES:
            break
        kept = each + kept
    return kept


def _task(model: k.Model) -> tfedge.Task:
    generator = np.random.default_rng(0)
    given = {tensor.name: _values(generator, tensor) for tensor in model.inputs}
    x = given if len(given) > 1 else next(iter(given.values()))
    places = (_EXAMPLES, *model.outputs[0].shape[1:-1])
    split = ArraySplit(x, np.arange(np.prod(places)).reshape(places) % 2)
    kind = "classification" if len(places) == 1 else "segmentation"
    return tfedge.Task("made up", kind, split, split, split, None, batch_size=4)


def _values(generator: np.random.Generator, tensor: k.Tensor) -> np.ndarray:
    shape = (_EXAMPLES, *(size or 1 for size in tensor.shape[1:]))
    if "int" in tensor.dtype:
        return generator.integers(0, 50, shape).astype(np.int32)
    return generator.uniform(0, 1, shape).astype(np.float32)


def _mobile(layers: ModuleType) -> k.Model:
    """Depthwise and pointwise convolutions."""
    image = x = layers.Input((24, 24, 3), name="image")
    x = _normalised(layers, layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x))
    for filters, stride in ((12, 1), (16, 2), (16, 1)):
        step = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x)
        x = _normalised(layers, step)
        x = _normalised(layers, layers.Conv2D(filters, 1, use_bias=False)(x))
    x = layers.GlobalAveragePooling2D()(x)
    return k.keras3().Model(image, layers.Dense(10, "softmax", name="predictions")(x))


def _residual(layers: ModuleType) -> k.Model:
    image = x = layers.Input((20, 20, 1), name="input_1")
    x = _normalised(layers, layers.Conv2D(8, 3, padding="same")(x))
    for filters, stride in ((8, 1), (12, 2)):
        short = x if stride == 1 else layers.Conv2D(filters, 1, strides=2, padding="same")(x)
        x = layers.Conv2D(filters, 3, strides=stride, padding="same")(x)
        x = layers.Conv2D(filters, 3, padding="same")(_normalised(layers, x))
        x = layers.ReLU()(layers.Add()([layers.BatchNormalization()(x), short]))
    x = layers.Flatten()(layers.AveragePooling2D(5)(x))
    return k.keras3().Model(image, layers.Dense(10, "softmax")(x))


def _inverted(layers: ModuleType) -> k.Model:
    """Inverted residuals with gates, as in the third MobileNet."""
    image = x = layers.Input((24, 24, 3), name="input")
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="hard_silu")(x)
    for _ in range(2):
        wide = layers.Conv2D(16, 1, activation="relu6")(x)
        wide = layers.DepthwiseConv2D(5, padding="same", activation="relu6")(wide)
        gate = layers.GlobalAveragePooling2D(keepdims=True)(wide)
        gate = layers.Conv2D(16, 1, activation="sigmoid")(
            layers.Conv2D(4, 1, activation="relu")(gate)
        )
        x = layers.Add()([x, layers.Conv2D(8, 1)(layers.Multiply()([wide, gate]))])
    x = layers.GlobalAveragePooling2D()(x)
    return k.keras3().Model(image, layers.Dense(5)(x))


def _plain(layers: ModuleType) -> k.Model:
    image = x = layers.Input((14, 14, 1), name="image")
    for filters in (6, 12):
        x = layers.Conv2D(filters, 3, activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Dense(24, "relu")(layers.Flatten()(x))
    return k.keras3().Model(image, layers.Dense(10, "softmax")(layers.Dropout(0.3)(x)))


def _table(layers: ModuleType) -> k.Model:
    row = x = layers.Input((12,), name="x")
    for units in (32, 16):
        x = layers.Dense(units, "relu")(x)
    return k.keras3().Model(row, layers.Dense(1, "sigmoid", name="output")(x))


def _series(layers: ModuleType) -> k.Model:
    row = x = layers.Input((64, 3), name="sensor")
    for filters in (8, 12):
        x = layers.Conv1D(filters, 5, padding="same", activation="relu")(x)
        x = layers.MaxPooling1D(2)(x)
    x = layers.GlobalAveragePooling1D()(x)
    return k.keras3().Model(row, layers.Dense(4, "softmax")(x))


def _text(layers: ModuleType) -> k.Model:
    ids = layers.Input((16,), dtype="int32", name="tokens")
    x = layers.Embedding(50, 8)(ids)
    x = layers.LayerNormalization()(layers.Add()([x, layers.MultiHeadAttention(2, 4)(x, x)]))
    x = layers.Dense(16, "relu")(layers.GlobalAveragePooling1D()(x))
    return k.keras3().Model(ids, layers.Dense(3, "softmax")(x))


def _masks(layers: ModuleType) -> k.Model:
    image = layers.Input((16, 16, 3), name="image")
    high = layers.Conv2D(8, 3, padding="same", activation="relu")(image)
    low = layers.Conv2D(12, 3, strides=2, padding="same", activation="relu")(high)
    back = layers.Conv2DTranspose(8, 2, strides=2, activation="relu")(low)
    x = layers.Concatenate()([high, back])
    return k.keras3().Model(image, layers.Conv2D(3, 1, activation="softmax")(x))


def _normalised(layers: ModuleType, x: k.Tensor) -> k.Tensor:
    return layers.ReLU()(layers.BatchNormalization()(x))


_NETWORKS = (_masks, _text, _series, _table, _inverted, _plain, _residual, _mobile)


if __name__ == "__main__":
    run()

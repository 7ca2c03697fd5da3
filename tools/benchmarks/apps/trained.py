"""Small releases of every kind of ends, trained and released here in a minute or two."""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
from tfedge_tools.benchmarks.apps.subject import Subject

from tfedge.data import sources
from tfedge.data.task import ArraySplit, Task
from tfedge.release.gate import check

_SEED = 7
_ACCEPTED = 0.9  # what is shown is that answers are the same, not that they are good


@dataclasses.dataclass(frozen=True)
class Network:
    """One of them.

    Attributes:
        about: for the table.
        export: the file that is released.
        make: () -> the trained model and its task.
        platforms: that can run it.
    """

    about: str
    export: str
    make: Callable[[], tuple[Any, Task]]
    platforms: tuple[str, ...] = ("android", "web")


def release(name: str, folder: pathlib.Path) -> Subject:
    """Trains one of `NETWORKS` and releases it into `folder`."""
    import keras

    import tfedge

    keras.utils.set_random_seed(_SEED)
    network = NETWORKS[name]
    model, task = network.make()
    made = tfedge.make_release(
        model,
        task,
        "",
        network.export,
        output_dir=folder / name,
        margin=_ACCEPTED,
        packed=True,
        report_examples=0,
    )
    if made.verdict.outcome != check.PASS:
        raise RuntimeError(f"{name}: {made.verdict.sentence}")
    return Subject(name, folder / name, task)


def _task(name: str, kind: str, draw: Callable[[int], tuple[Any, Any]], **more: Any) -> Task:
    x, y = draw(1500)
    both = ArraySplit(x, y)
    train, validation, holdout = (
        both.take(np.arange(*ends)) for ends in ((0, 800), (800, 1000), (1000, 1500))
    )
    few = train.take(np.arange(200))
    return Task(name, kind, train, few, validation, holdout, batch_size=50, **more)


def _fitted(model: Any, task: Task, loss: Any, epochs: int = 6) -> tuple[Any, Task]:
    model.compile("adam", loss)
    split = task.train.take(np.arange(len(task.train)))
    model.fit(split.x, split.y, batch_size=50, epochs=epochs, verbose=0)
    return model, task


def _digits() -> tuple[Any, Task]:
    import tfedge_models

    import tfedge

    kept = pathlib.Path(next(iter(tfedge_models.__path__))) / "checkpoints"
    return tfedge.load_model(kept / "digits_cnn_digits.keras"), sources.load_task("digits", None)


def _regression() -> tuple[Any, Task]:
    import keras
    from sklearn import datasets

    def draw(count: int) -> tuple[np.ndarray, np.ndarray]:
        x, y = datasets.make_friedman1(count, 8, noise=0.1, random_state=_SEED)
        return x.astype(np.float32), y.astype(np.float32)

    values = keras.Input((8,), name="measurements")
    hidden = keras.layers.Dense(32, "relu")(keras.layers.Dense(32, "relu")(values))
    model = keras.Model(values, keras.layers.Dense(1, name="value")(hidden), name="friedman")
    return _fitted(model, _task("friedman", "regression", draw), "mse", epochs=20)


def _two_outputs() -> tuple[Any, Task]:
    import keras

    def draw(count: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        numbers = np.random.default_rng(_SEED)
        left = numbers.normal(size=(count, 6)).astype(np.float32)
        right = numbers.normal(size=(count, 4)).astype(np.float32)
        side = np.digitize(left.sum(1), [-1.5, 1.5])
        return {"left": left, "right": right}, {
            "amount": right.sum(1, keepdims=True).astype(np.float32),
            "side": side.astype(np.int64),
        }

    left, right = keras.Input((6,), name="left"), keras.Input((4,), name="right")
    joined = keras.layers.Dense(24, "relu")(keras.layers.Concatenate()([left, right]))
    outputs = {
        "amount": keras.layers.Dense(1, name="amount")(joined),
        "side": keras.layers.Dense(3, "softmax", name="side")(joined),
    }
    losses = {"amount": "mse", "side": "sparse_categorical_crossentropy"}
    task = _task(
        "towers", "custom", draw, metric="mean_absolute_error:amount,accuracy:side", loss=losses
    )
    return _fitted(
        keras.Model({"left": left, "right": right}, outputs, name="towers"), task, losses
    )


def _tokens() -> tuple[Any, Task]:
    import keras

    def draw(count: int) -> tuple[np.ndarray, np.ndarray]:
        words = np.random.default_rng(_SEED).integers(0, 40, (count, 12)).astype(np.int32)
        most = [np.bincount(each, minlength=4).argmax() for each in words // 10]
        return words, np.array(most, np.int64)

    words = keras.Input((12,), dtype="int32", name="words")
    whole = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(40, 16)(words))
    scores = keras.layers.Dense(4, "softmax", name="topic")(whole)
    task = _task("topics", "classification", draw, labels=("a", "b", "c", "d"))
    model = keras.Model(words, scores, name="topics")
    return _fitted(model, task, "sparse_categorical_crossentropy")


def _lstm(unroll: bool) -> tuple[Any, Task]:
    import keras

    def draw(count: int) -> tuple[np.ndarray, np.ndarray]:
        steps = np.random.default_rng(_SEED).normal(size=(count, 10, 3)).astype(np.float32)
        return steps, steps[..., 0].sum(1, keepdims=True)

    steps = keras.Input((10, 3), name="steps")
    state = keras.layers.LSTM(12, unroll=unroll)(steps)
    model = keras.Model(steps, keras.layers.Dense(1, name="amount")(state), name="steps")
    return _fitted(model, _task("steps", "regression", draw), "mse")


_INT8 = 'int8(input="uint8", output="uint8", raw_input=True)'
NETWORKS = {
    "classifier": Network("classifier, uint8 ends", _INT8, _digits),
    "regression": Network("regression, float32", "float32", _regression),
    "two_outputs": Network("two inputs and outputs, int8 inside", "int8", _two_outputs),
    "tokens": Network("tokens, int32 input", "float32", _tokens),
    "lstm": Network("fused LSTM, reset", "float32", lambda: _lstm(False), ("android",)),
    "unrolled": Network("LSTM, unrolled", "float32", lambda: _lstm(True)),
}

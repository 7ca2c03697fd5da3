"""What every peer is given: the same model, the same examples, the same number of steps."""

import dataclasses
import functools
from typing import Any

import numpy as np

from tfedge import errors
from tfedge.data import task as task_lib

FINAL_SHARE = 0.01  # of the learning rate, at the end of the cosine


@dataclasses.dataclass(frozen=True, eq=False)
class Setup:
    """One network, one data set and one amount of training.

    Attributes:
        model_path: the trained Keras model all start from.
        task: its data; peers read the train and calibration splits only.
        epochs: all training a peer may spend, over all its phases.
        learning_rate: of Adam at the start of a phase; a cosine takes it to 1 % of it.
        batch_size: examples per step.
    """

    model_path: str
    task: task_lib.Task
    epochs: int
    learning_rate: float
    batch_size: int

    def fresh_model(self) -> Any:
        """The model as a tf_keras model that nobody has touched, of layers TFMOT knows."""
        import tfedge

        return _with_sums_of_tf_keras(tfedge.load_model(self.model_path))

    @property
    def steps_per_epoch(self) -> int:
        """Full batches in the training split; a smaller split is one batch."""
        return max(1, len(self.task.train) // self.batch_size)

    @functools.cached_property
    def train_arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """(inputs as the model takes them, targets), in memory."""
        x, y = next(self.task.train.batches(len(self.task.train)))
        return _one(self.task.normalization(x)), _one(y)

    @functools.cached_property
    def calibration_inputs(self) -> np.ndarray:
        """(n, ...) float32: what activation ranges are read from."""
        x, _ = next(self.task.calibration.batches(len(self.task.calibration)))
        return _one(self.task.normalization(x))

    def train_examples(self) -> Any:
        """A tf.data set of full batches, shuffled anew in every epoch."""
        import tensorflow as tf

        examples = tf.data.Dataset.from_tensor_slices(self.train_arrays)
        examples = examples.shuffle(len(self.task.train), seed=self.task.seed)
        size = min(self.batch_size, len(self.task.train))
        return examples.batch(size, drop_remainder=True).prefetch(2)

    def parts(self, phases: int) -> list[int]:
        """The epochs of each phase: `epochs` split evenly, earlier phases get what is over."""
        return [len(part) for part in np.array_split(np.arange(self.epochs), phases)]


def _with_sums_of_tf_keras(model: Any) -> Any:
    """Sums of ours, which mask as in Keras 3, are of classes that TFMOT refuses."""
    import tf_keras

    from tfedge.compress.bridge import merging

    def cloned(layer: Any) -> Any:
        kind = type(layer)
        if kind.__module__ == merging.__name__:
            kind = getattr(tf_keras.layers, kind.__name__)
        return kind.from_config(layer.get_config())

    if not any(type(layer).__module__ == merging.__name__ for layer in model.layers):
        return model
    clone = tf_keras.models.clone_model(model, clone_function=cloned)
    clone.set_weights(model.get_weights())
    return clone


def _one(arrays: task_lib.Arrays) -> np.ndarray:
    if isinstance(arrays, np.ndarray):
        return arrays
    names = ", ".join(arrays)
    raise errors.BadInput("--data", f"several arrays: {names}", "Peers take one input, one target.")

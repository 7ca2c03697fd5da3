"""Trains twice in a process of its own: to the end, then killed after the first saved epoch.

    python training_child.py FOLDER

prints the digest of the weights of the first training; the second leaves its state in FOLDER.
"""

import hashlib
import os
import signal
import sys

import numpy as np

from tfedge import cache
from tfedge.compress import holds
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.training import finetune, training_state
from tfedge.data.task import ArraySplit, Task


def candidate() -> Candidate:
    """A convolution with a promise, batch normalization and a dense layer; no dropout."""
    k.tf_keras.utils.set_random_seed(5)
    layers = k.tf_keras.layers
    image = k.tf_keras.Input((6, 6, 2))
    x = layers.Conv2D(8, 3, name="conv")(image)
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(layers.BatchNormalization()(x)))
    model = k.tf_keras.Model(image, layers.Dense(3, "softmax")(x))
    mask = (np.arange(3 * 3 * 2 * 8) % 3 > 0).astype(np.float32).reshape(3, 3, 2, 8)
    return Candidate(model, (holds.Zeros("conv", "Conv2D", mask),))


def train() -> Candidate:
    """Three epochs of eight steps."""
    generator = np.random.default_rng(0)
    y = generator.integers(0, 3, 128)
    x = generator.normal(size=(128, 6, 6, 2)).astype(np.float32) + y[:, None, None, None]
    split = ArraySplit(x, y)
    task = Task("blobs", "classification", split, split, split, batch_size=16, seed=11)
    return finetune.finetune(candidate(), task, finetune.Plan(3, 1e-2), "0-train")[0]


def digest(found: Candidate) -> str:
    """Of all weights, bit for bit."""
    return hashlib.sha256(b"".join(w.tobytes() for w in found.model.get_weights())).hexdigest()


def main(folder: str) -> None:
    """Train, say what came out, train again and be killed."""
    sys.stdout.write(digest(train()))
    sys.stdout.flush()
    save = training_state.save

    def save_and_die(label: str, state: training_state.State) -> None:
        save(label, state)
        os.kill(os.getpid(), signal.SIGKILL)

    training_state.save = save_and_die
    with training_state.resumable(cache.open_at(folder), "0" * 16):
        train()


if __name__ == "__main__":
    main(sys.argv[1])

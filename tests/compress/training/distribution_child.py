"""Trains on two logical devices, and on one, in a process of its own.

    python distribution_child.py

prints, as JSON, case -> what came out on one device and on both.
"""

import dataclasses
import json
import sys
import tempfile

import numpy as np
import tensorflow as tf

from tfedge import cache, errors
from tfedge.compress import holds, keys
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate, Quantization, Teacher
from tfedge.compress.ranges import fake_quantization
from tfedge.compress.training import distribution, finetune, training_state
from tfedge.data.task import ArraySplit, Task

layers = k.tf_keras.layers
MASK = (np.arange(3 * 3 * 2 * 8) % 3 > 0).astype(np.float32).reshape(3, 3, 2, 8)
HELD = (holds.Zeros("conv", "Conv2D", MASK),)
PLAN = finetune.Plan(2, 1e-2)


def network(*between):
    """A convolution and a dense layer."""
    k.tf_keras.utils.set_random_seed(5)
    image = k.tf_keras.Input((6, 6, 2), name="image")
    x = layers.Conv2D(8, 3, name="conv", kernel_regularizer="l2")(image)
    for layer in between:
        x = layer(x)
    x = layers.GlobalAveragePooling2D(name="pool")(layers.ReLU(name="relu")(x))
    return k.tf_keras.Model(image, layers.Dense(3, "softmax", name="classes")(x))


def task(**fields):
    """Four steps an epoch."""
    generator = np.random.default_rng(0)
    y = generator.integers(0, 3, 64)
    x = generator.normal(size=(64, 6, 6, 2)).astype(np.float32) + y[:, None, None, None]
    split = ArraySplit(x, y)
    return Task("blobs", "classification", split, split, split, batch_size=16, seed=11, **fields)


def quantized():
    """With ranges that follow what comes in."""
    model = network()
    ranges = fake_quantization.calibrate(model, task())
    return Candidate(model, HELD, quantization=Quantization(ranges))


def taught():
    """By a network of the same shape."""
    return Candidate(network(), HELD, teacher=Teacher(network(layers.ReLU())))


def told(candidate, history):
    """What came out, plain."""
    return {
        "losses": [entry["loss"] for entry in history],
        "weights": [weight.tolist() for weight in candidate.model.get_weights()],
        "broken": [f"{hold}" for hold in holds.broken(candidate.model, HELD)],
        "ranges": candidate.quantization.ranges if candidate.quantization else {},
        "is_synchronized": '"synchronized": true' in candidate.model.to_json(),
        "kind": type(candidate.model.weights[0]).__name__,
    }


def train(candidate, data):
    """On one device, then on all."""
    alone = told(*finetune.finetune(candidate, data, PLAN, "0-test"))
    with distribution.over("mirrored"):
        return {"one": alone, "two": told(*finetune.finetune(candidate, data, PLAN, "0-test"))}


def resumed(candidate, data):
    """Both on two devices: the second is interrupted after its first epoch, and goes on."""
    save = training_state.save

    def killed(label, state):
        save(label, state)
        raise KeyboardInterrupt

    with distribution.over("mirrored"):
        whole = told(*finetune.finetune(candidate, data, PLAN, "0-test"))
        with (
            tempfile.TemporaryDirectory() as folder,
            training_state.resumable(cache.open_at(folder), "0" * 16),
        ):
            training_state.save = killed
            try:
                finetune.finetune(candidate, data, PLAN, "0-test")
            except KeyboardInterrupt:
                training_state.save = save
            return {"one": whole, "two": told(*finetune.finetune(candidate, data, PLAN, "0-test"))}


def refused(candidate, data):
    """What is said of a batch that two devices cannot share."""
    with distribution.over("mirrored"):
        try:
            finetune.finetune(candidate, dataclasses.replace(data, batch_size=15), PLAN, "0-test")
        except errors.BadInput as error:
            return str(error)


def fingerprints(data):
    """Of one device and of two."""
    alone = keys.fingerprint([b""], data)
    with distribution.over("mirrored"):
        return [alone, keys.fingerprint([b""], data)]


def main() -> None:
    """All cases."""
    (processor,) = tf.config.list_physical_devices("CPU")
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(processor, two)
    plain, varied = task(), task(augment="flip, mixup(alpha=0.2)", class_weight={1: 3.0})
    found = {
        "plain": train(Candidate(network(), HELD), plain),
        "varied": train(Candidate(network(), HELD), varied),
        "normalised": train(Candidate(network(layers.BatchNormalization()), HELD), plain),
        "int8": train(quantized(), plain),
        "taught": train(taught(), plain),
        "resumed": resumed(Candidate(network(layers.Dropout(0.3)), HELD), plain),
        "refused": refused(Candidate(network()), plain),
        "fingerprints": fingerprints(plain),
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()

"""Data of one's own in Python: a label for each step of a sequence, and a second output beside it.

    python examples/sequences.py

Or by its two functions, from the command line:

    tfedge release --model=py:examples/sequences.py:model --data=py:examples/sequences.py:task
        --recipe='quantize(epochs=2)' --margin=0.05 --output_dir=release

A sensor gives 32 steps of three values. The model says for each step what its wearer does, and for
the whole where the sensor is worn.
"""

# %% The data. Half a minute in all; nothing to download.
import numpy as np

import tfedge
from tfedge.data.task import ArraySplit, Task

ACTIVITIES = ("rest", "walk", "run")
STEPS, CHANNELS, PLACES = 32, 3, 2


def series(count, seed):
    """Sequences (count, 32, 3), and by output: activities (count, 32), places (count,)."""
    generator = np.random.default_rng(seed)
    halves = generator.integers(0, len(ACTIVITIES), (count, 2))
    activity = np.repeat(halves, STEPS // 2, axis=1)
    place = generator.integers(0, PLACES, count)
    x = generator.normal(0, 0.3 + activity[..., None], (count, STEPS, CHANNELS))
    x[..., 2] += 2.0 * place[:, None]
    return x.astype(np.float32), {"activity": activity, "place": place}


def task():
    """Each split holds a dict of targets by output; each output has its loss and its metric."""
    train = ArraySplit(*series(1500, seed=0))
    return Task(
        name="wearers",
        kind="custom",  # a label for each step is "segmentation", one for the whole another kind
        train=train,
        calibration=train.take(np.arange(300)),
        validation=ArraySplit(*series(300, seed=1)),
        holdout=ArraySplit(*series(600, seed=2)),
        metric="accuracy:activity,accuracy:place",
        loss=dict.fromkeys(("activity", "place"), "sparse_categorical_crossentropy"),
        batch_size=64,
    )


# %% A model that is trained on the same split, so that held-out sequences are new to it.
def model():
    """Its outputs have the names of the targets."""
    import keras  # here, so that whoever needs the data alone does not load TensorFlow

    keras.utils.set_random_seed(0)
    sensor = keras.Input((STEPS, CHANNELS), name="sensor")
    steps = keras.layers.Conv1D(16, 5, padding="same", activation="relu")(sensor)
    steps = keras.layers.Conv1D(16, 5, padding="same", activation="relu")(steps)
    whole = keras.layers.GlobalAveragePooling1D()(steps)
    activity = keras.layers.Conv1D(len(ACTIVITIES), 1, activation="softmax", name="activity")
    place = keras.layers.Dense(PLACES, activation="softmax", name="place")
    made = keras.Model(sensor, {"activity": activity(steps), "place": place(whole)}, name="wearers")
    made.compile("adam", dict.fromkeys(made.output_names, "sparse_categorical_crossentropy"))
    x, y = series(1500, seed=0)
    made.fit(x, y, batch_size=64, epochs=8, verbose=0)
    return made


# %% Each output is judged by itself: both have to pass.
if __name__ == "__main__":
    released = tfedge.make_release(
        model(), task(), "quantize(epochs=2)", output_dir="wearers_release", margin=0.05
    )
    verdict = released.verdict
    for check in verdict.checks:
        if check.name.startswith("metric"):
            print(check.reason)
    print(verdict.sentence)

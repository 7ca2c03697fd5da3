"""Trains a reference network and keeps its best epoch.

    python pipelines/train.py --network=ds_cnn --data=fashion_mnist --epochs=20 --output_dir=DIR

Expect 91 % on the held-out split after 10 minutes on two cores. Without --network and --data
it trains digits_cnn on digits in under a minute. Adam with a cosine decay to zero; the epoch
with the best accuracy on the validation split is kept. --augment varies the examples; class
weights and w_train of --data count in the loss and in the choice of the epoch.
DIR gets model.keras (Keras 3, without optimizer state) and training.json; the epochs of a run that
was interrupted wait in DIR.work, and the same command goes on from the last.
"""

import tfedge_pipelines as _interruptible  # noqa: F401  (Ctrl-C is one line from here on)

# isort: split
import dataclasses
import errno
import hashlib
import importlib
import importlib.metadata
import json
import math
import os
import pathlib
import shlex
import sys
import tempfile
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from absl import flags, logging
from tfedge_pipelines import data_flags, entry, training_flags

from tfedge import cache, errors, lock, progress, settings
from tfedge.release.publishing import output_folder, work_folder

if TYPE_CHECKING:
    from tfedge.compress.keras import Model
    from tfedge.data.task import Task


def networks() -> list[str]:
    """The names --network takes: the files of models/."""
    import tfedge_models

    files = pathlib.Path(tfedge_models.__path__[0]).glob("[a-z]*.py")
    return sorted(file.stem for file in files)


_FLAGS = flags.FlagValues()
_NETWORK = flags.DEFINE_string(
    "network", "digits_cnn", f"Network to train: {' | '.join(networks())}.", flag_values=_FLAGS
)
_DATA, _DATA_DIR = data_flags.define(_FLAGS, "digits")
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Folder for model.keras and training.json. Required.", flag_values=_FLAGS
)
_EPOCHS = flags.DEFINE_integer(
    "epochs", 20, "Passes over the training split.", lower_bound=1, flag_values=_FLAGS
)
_LEARNING_RATE = flags.DEFINE_float(
    "learning_rate", 1e-3, "Adam's, at the start.", lower_bound=0.0, flag_values=_FLAGS
)
_WEIGHT_DECAY = flags.DEFINE_float(
    "weight_decay",
    0.0,
    "Share of a weight, times the learning rate, that each step takes off (AdamW).",
    lower_bound=0.0,
    flag_values=_FLAGS,
)
_LABEL_SMOOTHING = flags.DEFINE_float(
    "label_smoothing",
    0.0,
    "Share of each target that is spread over all classes.",
    lower_bound=0.0,
    upper_bound=0.99,
    flag_values=_FLAGS,
)
_AUGMENT = flags.DEFINE_string(
    "augment",
    "",
    "How training examples are varied: 'flip, crop(padding=2), mixup(alpha=0.2), "
    "cutout(size=8)'; also cutmix, rotation, zoom, brightness, contrast.",
    flag_values=_FLAGS,
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 128, "Examples per training step.", lower_bound=1, flag_values=_FLAGS
)
_SEED = flags.DEFINE_integer(
    "seed", 0, "Seeds weights, order and splits.", lower_bound=0, flag_values=_FLAGS
)
_TRAINING = training_flags.define(_FLAGS, ("mirrored", "multi_worker"))

SCHEMA_VERSION = 1


def run() -> None:
    """The `tfedge-train` command."""
    entry.run(main, _FLAGS, __doc__, in_child=True, extra="compress")


def main() -> int:
    """Trains as the flags say; the exit code."""
    if _NETWORK.value not in networks():
        remedy = settings.nearest(_NETWORK.value, networks())
        raise errors.BadInput("--network", f"no {_NETWORK.value!r}", remedy)
    folder = _output_folder(_OUTPUT_DIR.value)
    for flag in (_LEARNING_RATE, _WEIGHT_DECAY):
        if not math.isfinite(flag.value):
            raise errors.BadInput(f"--{flag.name}", f"{flag.value} is no number", "Try 0.001")
    with _TRAINING.used():
        from tfedge.compress.training import distribution

        if distribution.leads():
            held = lock.hold(folder / ".lock", str(folder))
            with held, work_folder.open_for(folder.resolve()) as stages:
                _train_into(folder, stages)
        else:
            _train_along()
    return entry.OK


def _train_along() -> None:
    """Takes its part of each batch; the process that leads writes what comes out."""
    with tempfile.TemporaryDirectory() as aside:
        _trained(_task(), cache.open_at(aside))
    logging.info("trained along; the first computer of TF_CONFIG has the model")


def _trained(task: "Task", stages: cache.Cache) -> "tuple[Model, int]":
    """A network, and the epoch that was kept."""
    _start_keras()
    from tfedge.compress import keys
    from tfedge.compress.training import distribution, from_scratch, led_cache, training_state

    build = importlib.import_module(f"tfedge_models.{_NETWORK.value}").build
    schedule = from_scratch.Schedule(
        epochs=_EPOCHS.value,
        learning_rate=_LEARNING_RATE.value,
        weight_decay=_WEIGHT_DECAY.value,
        label_smoothing=_LABEL_SMOOTHING.value,
        batch_size=_BATCH_SIZE.value,
    )
    network = _built(build, task)
    start = keys.fingerprint(keys.of_model(network), task)
    key = keys.extend(start, str(schedule))
    distribution.check_same(key)
    with training_state.resumable(led_cache.Led(stages), key):
        return from_scratch.train(network, task, schedule)


def _train_into(folder: pathlib.Path, stages: cache.Cache) -> None:
    started = time.monotonic()
    task = _task()
    model, epoch = _trained(task, stages)
    from tfedge.compress import loading

    loading.check_weights(model)
    facts = {
        "schema_version": SCHEMA_VERSION,
        "network": _NETWORK.value,
        "parameters": model.count_params(),
        "data": _DATA.value,
        "held_out_accuracy": _accuracy(model, task, task.holdout),
        "held_out_examples": len(task.holdout),
        "validation_accuracy": _accuracy(model, task, task.validation),
        "best_epoch": epoch,
        "seed": _SEED.value,
        "command": _command(),
        "versions": {name: importlib.metadata.version(name) for name in ("keras", "tensorflow")},
        "seconds": round(time.monotonic() - started, 1),
    }
    _save(model, facts, folder)
    logging.info("held-out accuracy %.2f %%, in %s", 100 * facts["held_out_accuracy"], folder)


def _start_keras() -> None:
    """Must come before anything else imports TensorFlow; prints nothing of its greetings."""
    from tfedge.compress import keras

    keras.keras3().utils.set_random_seed(_SEED.value)


def _output_folder(path: str | None) -> pathlib.Path:
    if not path:
        raise errors.BadInput("--output_dir", "missing", "Name a folder to write to")
    folder = pathlib.Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if output_folder.is_read_only(folder):
            raise PermissionError(errno.EACCES, "it is read-only")
        probe = folder / f".probe{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        cause = f"cannot write to {path}: {error.strerror}"
        raise errors.BadInput("--output_dir", cause, "Name a writable folder") from error
    return folder


def _task():
    from tfedge.data import answers, augmentation, hygiene, sources

    augmentation.parse(_AUGMENT.value)  # a typing error shows before the data is read
    task = sources.load_task(_DATA.value, _DATA_DIR.value, _SEED.value)
    kind = task.kind_facts
    if kind.answers is not answers.Answers.ONE_OF_MANY:
        cause = f"the reference networks classify, this is a {task.kind} task"
        raise errors.BadInput("--data", cause, "Train a network of your own on it")
    if _LABEL_SMOOTHING.value and not kind.one_of_many:
        cause = f"targets of {task.kind} are not smoothed"
        raise errors.BadInput("--label_smoothing", cause, "Leave it out")
    if task.holdout is None:
        raise errors.BadInput("--data", "no held-out split", "Add one: the result is judged on it")
    for warning in hygiene.check(task):
        logging.warning("%s", warning)
    return dataclasses.replace(task, augment=_AUGMENT.value)


def _built(build: Callable, task):
    from tfedge.data.matching import fit

    x, _ = next(iter(task.train.batches(1)))
    if isinstance(x, dict):
        raise errors.BadInput("--data", "the reference networks take one input", "Use another")
    try:
        network = build(x.shape[1:], task.num_classes)
    except ValueError as error:
        cause = f"{_NETWORK.value} cannot take inputs of shape {x.shape[1:]}"
        raise errors.BadInput("--network", cause, f"Choose of {', '.join(networks())}") from error
    inputs = {tensor.name: tensor.shape for tensor in network.inputs}
    fit.check_fits(task, inputs, [tensor.shape for tensor in network.outputs])
    return network


def _gives_logits(model) -> bool:
    """Whether the only output of a Keras 3 model comes before its softmax."""
    from tfedge.compress import bridge, losses

    return losses.gives_logits(bridge.to_tf_keras(model))


def _accuracy(model, task, split) -> float:
    from tfedge.data import metrics

    name = next(each for each in task.kind_facts.metrics if each.endswith("accuracy"))
    plain = metrics.resolve(dataclasses.replace(task, metric=name), _gives_logits(model))
    with progress.phase(f"measuring accuracy on {len(split):,} examples"):
        return _value(plain, model, task, split)


def _value(metric, model, task, split) -> float:
    import numpy as np

    found = [
        (model.predict_on_batch(task.normalization(x)), np.asarray(y))
        for x, y in split.batches(500)
    ]
    outputs, targets = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return metric.value(outputs, targets)


def _command() -> str:
    """The command line that repeats this run from the root of a checkout."""
    return shlex.join(["python", "pipelines/train.py", *sys.argv[1:]])


def _save(model, facts: dict, folder: pathlib.Path) -> None:
    """Each file is there whole or not at all; the digest ties the two together."""
    aside = folder / f".model{os.getpid()}.keras"
    notes = folder / f".training{os.getpid()}.json"
    try:
        model.save(aside)
        facts["sha256"] = hashlib.sha256(aside.read_bytes()).hexdigest()
        notes.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        for written, name in ((aside, "model.keras"), (notes, "training.json")):
            with written.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(written, folder / name)
    except OSError as error:
        cause = f"cannot write to {folder}: {error.strerror or error}"
        raise errors.BadInput("--output_dir", cause, "Free some space or name another") from error
    finally:
        for left in (aside, notes):
            left.unlink(missing_ok=True)


if __name__ == "__main__":
    run()

"""Trains on several devices, or computers, as on one: the same steps to rounding.

    with distribution.over("mirrored"):
        compressed = recipe.apply(model, task)

Every device has a copy of all variables and takes its part of each batch; gradients and losses are
means over the whole of it (tf.distribute). What is computed over a batch is computed over all of
its parts: BatchNormalization's statistics, the extremes that ranges of activations follow. All else
of a training runs once and reaches every copy: projection on the holds, validation, what is saved.
"""

import contextlib
import contextvars
import dataclasses
import functools
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from absl import logging

from tfedge import errors, settings
from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.compress.training import step, trainer
from tfedge.compress.training.batches import Batch
from tfedge.compress.training.objective import Objective

_STRATEGY: contextvars.ContextVar[Any] = contextvars.ContextVar("strategy", default=None)


# One in a process: a second would count its collective operations from the start again, and meet
# those of the first.
@functools.cache
def _mirrored() -> Any:
    return tf.distribute.MirroredStrategy()


@functools.cache
def _multi_worker() -> Any:
    if not os.environ.get("TF_CONFIG"):
        raise errors.BadInput(
            "--distribution=multi_worker",
            "TF_CONFIG is not set, which names the computers and which of them this is",
            "Set it on each of them; see docs/passes.md.",
        )
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (KeyError, TypeError, ValueError, RuntimeError, tf.errors.OpError) as error:
        raise errors.BadInput(
            "TF_CONFIG",
            f"no training can be started with it: {' '.join(str(error).split())[:200]}",
            "Give all computers the same cluster, and each its own task; see docs/passes.md.",
        ) from error


_STRATEGIES = {"mirrored": _mirrored, "multi_worker": _multi_worker}
NAMES = tuple(_STRATEGIES)


@contextlib.contextmanager
def over(name: str | None) -> Iterator[None]:
    """Trainings inside the block use several devices.

    Several workers have to enter it before TensorFlow has computed anything; each runs the same
    program, and waits for the others in every step.

    Args:
        name: of `NAMES`; None is one device.

    Raises:
        BadInput: there is no such way, or no cluster for it; another computer of it is lost.
    """
    if name and name not in NAMES:
        remedy = settings.nearest(name, NAMES)
        raise errors.BadInput(f"--distribution={name}", "there is no such way", remedy)
    strategy = _STRATEGIES[name]() if name else None
    if strategy is not None:
        logging.info("devices that train: %d", strategy.num_replicas_in_sync)
    token = _STRATEGY.set(strategy)
    try:
        with _losing_workers() if strategy is not None else contextlib.nullcontext():
            yield
    finally:
        _STRATEGY.reset(token)


@contextlib.contextmanager
def _losing_workers() -> Iterator[None]:
    """In one line, that another computer is gone."""
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
        if _worker() is None:
            raise
        raise errors.BadInput(
            "--distribution=multi_worker",
            "another computer of TF_CONFIG was lost",
            "Give the same command on all of them again: it goes on from the last epoch.",
        ) from error


def devices() -> int:
    """That a training inside this block would use."""
    strategy = _STRATEGY.get()
    return strategy.num_replicas_in_sync if strategy else 1


def is_spread() -> bool:
    """Whether variables made inside this block have copies on devices."""
    return _STRATEGY.get() is not None


def leads() -> bool:
    """Whether this process has the first device, and so writes what comes out."""
    found = _worker()
    if found is None or found.task_type == "chief":
        return True
    return found.task_id == 0 and "chief" not in found.cluster_spec().as_dict()


def from_leader(content: bytes) -> bytes:
    """What the process that leads gives here, in all of them; all have to come here."""
    if _worker() is None:
        return content
    (size,) = _from_first(np.array([len(content)]))
    given = np.frombuffer(content, np.uint8) if leads() else np.zeros(size, np.uint8)
    return _from_first(given).astype(np.uint8).tobytes() if size else b""


def _worker() -> Any:
    """Which of several processes this is; None where it is the only one."""
    return getattr(_STRATEGY.get(), "cluster_resolver", None)


def check_same(what: str) -> None:
    """Refuses to train along with a leader of another model, data or software.

    Args:
        what: is to be the same, as a key.

    Raises:
        BadInput: this process has another.
    """
    if from_leader(what.encode()) != what.encode():
        raise errors.BadInput(
            "--distribution=multi_worker",
            "network, data, flags, versions of libraries or processor differ from the leader's",
            "Give all computers the same.",
        )


def _from_first(values: np.ndarray) -> np.ndarray:
    """What the first device of all has."""
    strategy = _STRATEGY.get()

    def on_device() -> Any:
        device = tf.distribute.get_replica_context()
        is_first = tf.get_static_value(device.replica_id_in_sync_group) == 0
        given = values if is_first else np.zeros_like(values)
        return device.all_reduce("SUM", tf.constant(given, tf.int32))

    return strategy.experimental_local_results(strategy.run(on_device))[0].numpy()


def scope() -> contextlib.AbstractContextManager[Any]:
    """Inside, variables are made on all devices."""
    strategy = _STRATEGY.get()
    return strategy.scope() if strategy else contextlib.nullcontext()


def spread(parts: trainer.Parts) -> trainer.Parts:
    """The same training, with each step taken on all devices.

    Args:
        parts: made inside `scope()`, with a `step.Step`.

    Raises:
        BadInput: a batch cannot be shared evenly.
    """
    strategy = _STRATEGY.get()
    if strategy is None:
        return parts
    size = min(parts.feed.task.batch_size, len(parts.feed.task.train))
    if size % devices():
        raise errors.BadInput(
            "--distribution",
            f"a batch of {size} examples cannot be shared evenly by {devices()} devices",
            "Hide some (CUDA_VISIBLE_DEVICES=0,1), or give batches of another size.",
        )
    assert isinstance(parts.step, step.Step)
    _join_statistics(parts.model)
    everywhere = dataclasses.replace(
        parts.step,
        gradients=_Gradients(strategy),
        optimizer=_Optimizer(strategy, parts.step.optimizer),
    )
    return dataclasses.replace(parts, step=everywhere)


@dataclasses.dataclass(frozen=True, eq=False)
class _Gradients:
    """`step.Gradients`, the mean of what each device finds on its part of the batch."""

    strategy: Any

    def __call__(
        self, objective: Objective, batch: Batch, variables: Sequence[Any]
    ) -> tuple[Any, list[Any]]:
        def on_device() -> tuple[Any, list[Any]]:
            device = tf.distribute.get_replica_context()
            loss, found = step.of_batch(objective, _part(batch, device), variables)
            known = [tf.convert_to_tensor(each) for each in found if each is not None]
            loss, *known = device.all_reduce("MEAN", [loss, *known])
            summed = iter(known)
            return loss, [None if each is None else next(summed) for each in found]

        return tf.nest.map_structure(self._first, self.strategy.run(on_device))

    def _first(self, everywhere: Any) -> Any:
        """What is the same on all devices."""
        return self.strategy.experimental_local_results(everywhere)[0]


def _part(batch: Batch, device: Any) -> Batch:
    """What of a batch a device takes."""
    number = tf.get_static_value(device.replica_id_in_sync_group)
    size = tf.nest.flatten(batch.inputs)[0].shape[0] // device.num_replicas_in_sync
    return tf.nest.map_structure(lambda each: each[number * size : (number + 1) * size], batch)


@dataclasses.dataclass(frozen=True, eq=False)
class _Optimizer:
    """An optimizer whose update, of gradients that are known already, reaches every copy."""

    strategy: Any
    own: k.Optimizer

    def build(self, variables: Sequence[Any]) -> None:
        with self.strategy.scope():
            self.own.build(variables)

    def apply_gradients(self, pairs: Sequence[tuple[Any, Any]]) -> None:
        gradients, variables = zip(*pairs, strict=True)

        def on_device(reduced: Any) -> None:
            found = zip(reduced, variables, strict=True)
            self.own.apply_gradients(found, skip_gradients_aggregation=True)

        self.strategy.run(on_device, (gradients,))


def _join_statistics(model: k.Model) -> None:
    """Has layers compute over the whole of a batch what they compute over a part of it."""
    for layer in model._flatten_layers():
        if hasattr(layer, "synchronized"):
            layer.synchronized, layer.fused = True, False  # the fused kernel sees one part
        if type(layer).__name__ == "QuantizeLayer":
            layer.quantizer = _Joined(layer.quantizer)


class _Joined:
    """A TFMOT quantizer whose range follows the extremes of all parts of a batch."""

    def __init__(self, own: Any):
        self._own = own

    def __call__(self, inputs: Any, training: Any, weights: Any, **given: Any) -> k.Tensor:
        device = tf.distribute.get_replica_context()
        if not training or device is None:
            return self._own(inputs, training, weights, **given)
        ends = tf.stack([tf.reduce_min(inputs), tf.reduce_max(inputs)])
        everywhere = device.all_gather(ends[tf.newaxis], axis=0)
        with tf.control_dependencies([self._own(everywhere, training, weights, **given)]):
            return self._own(inputs, False, weights, **given)

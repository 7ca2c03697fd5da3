"""Which optimizer trains, and how its learning rate falls."""

from tfedge.compress import keras as k
from tfedge.data.task import Task


def of(task: Task, learning_rate: float, steps: int) -> k.Optimizer:
    """The task's own optimizer, or Adam under a cosine.

    Args:
        task: its `optimizer` goes first.
        learning_rate: at the start; the cosine takes it to 1 % of it.
        steps: of the whole training.
    """
    if task.optimizer is not None:
        return task.optimizer()  # type: ignore[operator]
    schedule = k.tf_keras.optimizers.schedules.CosineDecay(
        learning_rate, decay_steps=max(1, steps), alpha=0.01
    )
    return k.tf_keras.optimizers.Adam(schedule)

"""One step of training: gradients of a batch, through the holds, to the optimizer."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.compress.training.batches import Batch
from tfedge.compress.training.objective import Objective
from tfedge.compress.training.projection import Projection

# (objective, batch, variables) -> (loss, a gradient for each variable, None where there is none).
Gradients = Callable[[Objective, Batch, Sequence[Any]], tuple[Any, Sequence[Any]]]


def of_batch(objective: Objective, batch: Batch, variables: Sequence[Any]) -> tuple[Any, Any]:
    """The loss of a batch and its gradients."""
    with tf.GradientTape() as tape:
        loss, total = objective(batch)
    return loss, tape.gradient(total, variables)


@dataclasses.dataclass(frozen=True, eq=False)
class Step:
    """Batch -> its loss, once the weights are changed.

    Attributes:
        objective: what becomes smaller.
        variables: that are trained.
        optimizer: a tf_keras one, built for the variables.
        projection: of the held kernels.
        gradients: how they come from a batch; all else stays as it is when they are clipped and
            noisy, or come from several devices.
    """

    objective: Objective
    variables: Sequence[Any]
    optimizer: Any
    projection: Projection
    gradients: Gradients = of_batch

    def __call__(self, batch: Batch) -> k.Tensor:
        """Take the step."""
        return self._traced(batch)

    @functools.cached_property
    def _traced(self) -> Callable[[Batch], Any]:
        return tf.function(self._take, reduce_retracing=True)

    def _take(self, batch: Batch) -> k.Tensor:
        loss, gradients = self.gradients(self.objective, batch, self.variables)
        pairs = [(g, v) for g, v in zip(gradients, self.variables, strict=True) if g is not None]
        pairs = self.projection.gradients(pairs)
        # Gradients are of the projected kernels, the update is one of the latents: many small
        # steps add up there until a weight crosses to another level, which rounding after each
        # of them would undo.
        with self.projection.lifted():
            self.optimizer.apply_gradients(pairs)
        return loss

"""What training does about holds: kernels are projected, copies of them are trained.

For every held kernel there is an unconstrained copy, its latent. Gradients are taken at the
projected kernel and applied to the latent, so a weight can cross to another level (BinaryConnect,
Courbariaux et al. 2015, arXiv:1511.00363).
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from tfedge.compress import holds as holds_lib
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.keras import tf
from tfedge.compress.layers import kernels

Latents = Mapping[str, np.ndarray]


class Update(Protocol):
    """How a pass changes its holds while training."""

    settled: int  # the step after which holds stay as they are; only later epochs may be kept

    def fires(self, step: int) -> bool:
        """Whether holds change before this step."""

    def __call__(
        self, step: int, latents: Latents, current: tuple[holds_lib.Hold, ...]
    ) -> tuple[holds_lib.Hold, ...]:
        """The pass's holds from this step on.

        They follow from the arguments alone, so that a resumed training goes on as it would have.

        Args:
            step: about to be taken.
            latents: the unconstrained kernels by layer.
            current: all holds in force.
        """


class Projection:
    """The held kernels of a model in training.

    Attributes:
        holds: in force now.
    """

    def __init__(self, model: k.Model, candidate: Candidate, update: Update | None = None):
        """Ask for the first holds, and project on them.

        Args:
            model: in training, with the kernels of the candidate.
            candidate: its holds are kept.
            update: changes holds on the way.
        """
        self._update = update
        self._kernels = {kernel.layer: kernel for kernel in kernels.find(model)}
        self._latents: dict[str, Any] = {}
        new = () if update is None else update(0, self._latent_arrays(), candidate.holds)
        self.holds = candidate.with_holds(*new).holds
        self._latents = {
            name: tf.Variable(kernel.variable, trainable=False)
            for name, kernel in self._kernels.items()
            if name in {hold.layer for hold in self.holds}
        }
        self._states = [
            {key: tf.Variable(value, trainable=False) for key, value in hold.state().items()}
            for hold in self.holds
        ]
        self.project()

    @property
    def latents(self) -> tuple[Any, ...]:
        """The variables of the unconstrained kernels."""
        return tuple(self._latents.values())

    @property
    def settled(self) -> int:
        """The step after which holds stay as they are."""
        return -1 if self._update is None else self._update.settled

    def before(self, step: int) -> None:
        """Let the pass change its holds, if it wants to before this step."""
        if self._update is not None and step > 0 and self._update.fires(step):
            self.change(self._update(step, self._latent_arrays(), self.holds))
            self.project()

    def change(self, new: Sequence[holds_lib.Hold]) -> None:
        """Take over holds of the kinds and layers there are; only numbers change, no tracing."""
        replaced = {(hold.kind, hold.layer): hold for hold in new}
        self.holds = tuple(replaced.get((h.kind, h.layer), h) for h in self.holds)
        for hold, state in zip(self.holds, self._states, strict=True):
            if (hold.kind, hold.layer) in replaced:
                for key, value in hold.state().items():
                    state[key].assign(value)

    def project(self) -> None:
        """Set each held kernel to what its holds make of its latent."""
        for name, latent in self._latents.items():
            value = tf.convert_to_tensor(latent)
            for hold, state in self._on(name):
                value = hold.project(value, state)
            self._kernels[name].variable.assign(value)

    def gradients(self, found: Sequence[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
        """(gradient, variable) as the latents get them, of those taken at the projected kernels."""
        layers = {self._kernels[name].variable.ref(): name for name in self._latents}
        return [
            (self._through(layers[v.ref()], gradient) if v.ref() in layers else gradient, v)
            for gradient, v in found
        ]

    @contextlib.contextmanager
    def lifted(self) -> Iterator[None]:
        """Inside, each held kernel is its latent; what it has become there is projected.

        The optimizer knows kernels only, whose slots it keeps: so the latent takes the kernel's
        place for the time of the update, instead of being a variable of its own to it.
        """
        for name, latent in self._latents.items():
            self._kernels[name].variable.assign(latent)
        yield
        for name, latent in self._latents.items():
            latent.assign(self._kernels[name].variable)
        self.project()

    def _through(self, layer: str, gradient: Any) -> k.Tensor:
        gradient = tf.convert_to_tensor(gradient)  # a table's names the rows that were read
        for hold, state in self._on(layer):
            gradient = hold.gradient(gradient, state)
        return gradient

    def _on(self, layer: str) -> list[tuple[holds_lib.Hold, dict[str, Any]]]:
        """Holds of a layer with the variables of their state, in the order of projection."""
        pairs = zip(self.holds, self._states, strict=True)
        return sorted((p for p in pairs if p[0].layer == layer), key=lambda p: p[0].stage)

    def _latent_arrays(self) -> dict[str, np.ndarray]:
        return {
            name: self._latents.get(name, kernel.variable).numpy()
            for name, kernel in self._kernels.items()
        }

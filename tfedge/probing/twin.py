"""A copy of a model, one layer of which at a time gets other weights: nothing is built anew."""

from collections.abc import Sequence

import numpy as np

from tfedge.compress import folding, graph
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.layers import kernels
from tfedge.compress.training import validation
from tfedge.data import splits
from tfedge.data.task import Task
from tfedge.probing import sizes

Shapes = dict[str, list[tuple[int, ...]]]
_CHANGES = (folding.fold, folding.scale_by_convolution)  # from each form to the next


class Twin:
    """A copy that answers with the kernel that a layer has got.

    Attributes:
        shapes: layer -> of its weights.
        sizes: layer -> packed bytes of its own kernel.
    """

    def __init__(self, model: k.Model, task: Task):
        """Copies a model.

        Args:
            model: flat tf_keras model.
            task: its validation split is asked.
        """
        copy = graph.rebuild(model)
        self.shapes, self.sizes = shapes(copy), sizes.of(Candidate(copy))
        self._kernels = {kernel.layer: kernel for kernel in kernels.find(copy)}
        self._own = {layer: kernel.numpy() for layer, kernel in self._kernels.items()}
        self._validation = validation.Validation(copy, task)

    def changed(self, model: k.Model) -> dict[str, np.ndarray]:
        """Layer -> kernel of a model of the same shapes, where it is not this one's own."""
        others = {kernel.layer: kernel.numpy() for kernel in kernels.find(model)}
        return {
            layer: other
            for layer, other in others.items()
            if not np.array_equal(other, self._own[layer])
        }

    def answers(self, layer: str, kernel: np.ndarray) -> splits.Arrays:
        """What the model answers with this kernel in one layer."""
        self._kernels[layer].variable.assign(kernel)
        found, _ = self._validation.answers()
        self._kernels[layer].variable.assign(self._own[layer])
        return found


class Spare:
    """A copy of a model in one of its forms, for passes that use up what they get."""

    def __init__(self, model: k.Model, form: int):
        """Copies a model.

        Args:
            model: flat tf_keras model.
            form: number, of `forms`.
        """
        found = _in_form(model, form)
        self._model = graph.rebuild(model) if found is model else found
        self._weights = self._model.get_weights()

    def model(self) -> k.Model:
        """The copy, with the weights that it had at first; that of the call before it is gone."""
        self._model.set_weights(self._weights)
        return self._model


def shapes(model: k.Model) -> Shapes:
    """Layer -> shapes of its weights: where they are the same, weights can change places."""
    return {layer.name: [tuple(w.shape) for w in layer.weights] for layer in model.layers}


def number_of(forms: Sequence[k.Model], model: k.Model) -> int | None:
    """Which of the forms has weights that can change places with those of a model."""
    wanted = shapes(model)
    return next((place for place, form in enumerate(forms) if shapes(form) == wanted), None)


def forms(model: k.Model) -> Sequence[k.Model]:
    """The forms of a model that passes work on; all compute the same."""
    found = [model]
    for change in _CHANGES:
        found.append(change(found[-1])[0])
    return found


def _in_form(model: k.Model, number: int) -> k.Model:
    for change in _CHANGES[:number]:
        model, _ = change(model)
    return model

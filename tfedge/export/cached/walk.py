"""A network by its steps: which axis of each tensor counts them."""

import dataclasses
from collections.abc import Callable
from typing import Any

from tfedge.export.tree import operators


@dataclasses.dataclass(frozen=True)
class Axes:
    """Of a tensor that depends on tokens.

    Attributes:
        steps: the axis along which each token has its own part; None where it has none.
        keys: the axis of the tokens that a token attends to.
    """

    steps: int | None = None
    keys: int | None = None

    def moved(self, place: Callable[[int], int]) -> "Axes":
        """Where each axis has gone."""
        return Axes(*(axis if axis is None else place(axis) for axis in (self.steps, self.keys)))


class NotByStepsError(Exception):
    """An operator cannot be computed one step after the other; the message says why."""


class KeysFirstError(Exception):
    """The left side of a product, not the right one, are keys: softmax is over them."""

    def __init__(self, product: int):
        super().__init__(product)
        self.product = product


@dataclasses.dataclass(eq=False)
class Walk:
    """A network by its steps.

    Attributes:
        tree: of the file.
        steps: how many there are.
        tokens: the input.
        answers: the output.
        axes: by tensor; tensors that do not depend on tokens are not in it.
        cached: tensors that later steps look at, and what each is: "k", "v" or "mask".
        looked: of each (operator's place, input's place) that reads such a tensor.
        keys_first: places of products that have keys on their left.
    """

    tree: Any
    steps: int
    tokens: int
    answers: int
    keys_first: frozenset[int] = frozenset()
    axes: dict[int, Axes] = dataclasses.field(default_factory=dict)
    cached: dict[int, str] = dataclasses.field(default_factory=dict)
    looked: set[tuple[int, int]] = dataclasses.field(default_factory=set)

    @property
    def graph(self) -> Any:
        """The main part."""
        return self.tree.subgraphs[0]

    def shape(self, tensor: int) -> tuple[int, ...]:
        """Of a tensor at all steps."""
        found = self.graph.tensors[tensor].shape
        return () if found is None else tuple(int(size) for size in found)

    def kind(self, operator: Any) -> str:
        """Such as ADD."""
        return operators.kind(self.tree, operator)

    def numbers(self, tensor: int) -> list[int]:
        """What an integer constant holds.

        Raises:
            NotByStepsError: it is computed.
        """
        found = self.graph.tensors[tensor]
        if not operators.is_constant(self.tree, found):
            raise NotByStepsError("takes sizes that are computed")
        return [int(each) for each in operators.values(self.tree, found).reshape(-1)]

    def look(self, number: int, place: int, tensor: int, role: str) -> None:
        """From now on an operator reads what all tokens so far have left."""
        self.cached.setdefault(tensor, role)
        self.looked.add((number, place))

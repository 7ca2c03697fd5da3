"""Which axis of each tensor counts steps, from the tokens of a network to its answers."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from tfedge import errors
from tfedge.export.tree import operators

_REMEDY = "Leave cache out: the file then takes all steps at once."


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


def walk(tree: Any, where: str) -> Walk:
    """Follows the steps through a network.

    Raises:
        BadInput: see `cached.put`.
    """
    found = _begun(tree, where)
    while True:
        try:
            return _followed(found, where)
        except KeysFirstError as error:
            known = found.keys_first | {error.product}
            found = dataclasses.replace(found, keys_first=known, axes={}, cached={}, looked=set())


def _followed(found: Walk, where: str) -> Walk:
    from tfedge.export.cached import rules  # it says what operators do with a `Walk`

    found.axes[found.tokens] = Axes(steps=1)
    for number, operator in enumerate(found.graph.operators):
        if not any(int(index) in found.axes for index in operator.inputs):
            continue
        try:
            axes = rules.of(found, number, operator)
        except NotByStepsError as error:
            raise _refused(where, f"{found.kind(operator)} {error}") from error
        found.axes.update((int(index), axes) for index in operator.outputs)
    if found.axes.get(found.answers) != Axes(steps=1) or not found.cached:
        raise _refused(where, "it does not put out the next token at each step by attention")
    return found


def check_room(found: Walk, cache: int, where: str) -> None:
    """Refuses more tokens than a network has places for.

    Raises:
        BadInput: saying how many it has.
    """
    if cache > found.steps:
        raise errors.BadInput(
            where,
            f"cache={cache}: the network was made for {found.steps} steps",
            f"Write cache={found.steps} or fewer.",
        )


def _begun(tree: Any, where: str) -> Walk:
    (signature,) = tree.signatureDefs
    inputs, outputs = (
        [int(e.tensorIndex) for e in s] for s in (signature.inputs, signature.outputs)
    )
    tensors = tree.subgraphs[0].tensors
    shapes = [_sizes(tensors[index]) for index in (*inputs, *outputs)]
    if len(inputs) != 1 or operators.type_name(tensors[inputs[0]]) not in ("INT32", "INT64"):
        raise _refused(where, "it takes other inputs than token numbers alone")
    if len(outputs) != 1 or len(shapes[0]) != 2 or shapes[0][1] < 2 or len(shapes[1]) != 3:
        raise _refused(where, "it does not put out scores (steps, tokens) for tokens (steps,)")
    if len(tree.subgraphs) != 1:
        raise _refused(where, "it has loops")
    return Walk(tree, shapes[0][1], inputs[0], outputs[0])


def _sizes(tensor: Any) -> Sequence[int]:
    return () if tensor.shape is None else [int(size) for size in tensor.shape]


def _refused(where: str, cause: str) -> errors.BadInput:
    return errors.BadInput(where, f"no caches are possible: {cause}", _REMEDY)

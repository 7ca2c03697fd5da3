"""In which order channels go, in steps that leave widths a processor likes, and how many."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tfedge.compress.channels import Block

_NEAR = 0.99  # so near under the target nothing is put back any more
_TRIES = 100  # steps that are tried


@dataclasses.dataclass(frozen=True, eq=False)
class Order:
    """What goes, step by step.

    Attributes:
        count: number of units in all.
        first: units that go in any case.
        steps: units that go together, the least important first.
    """

    count: int
    first: np.ndarray
    steps: tuple[np.ndarray, ...]

    def alive(self, number: int) -> np.ndarray:
        """(units,) bool: what is left after so many steps."""
        left = np.ones(self.count, bool)
        for units in (self.first, *self.steps[:number]):
            left[units] = False
        return left


def order(
    blocks: Sequence[Block],
    scores: np.ndarray,
    multiple: int,
    *,
    scope: str,
    shares: Mapping[int, float],
) -> Order:
    """Sort all that can go.

    Args:
        blocks: what can be cut.
        scores: (units of the model,) how much each is worth; compared within a block as they
            are, between blocks as multiples of the block's mean.
        multiple: widths become multiples of it. A layer no wider than that becomes a multiple
            of the half, and so on; one multiple always stays.
        scope: "global", or "layer": all blocks lose the same share.
        shares: number of a block -> share of its channels that goes in any case; it takes no
            part in the order then.
    """
    keyed: list[tuple[float, int, np.ndarray]] = []
    first = [np.empty(0, int)]
    for number, block in enumerate(blocks):
        mean = scores[block.units].mean()
        relative = scores[block.units] / (mean if mean > 0 else 1.0)
        steps = _steps(block, relative, multiple)
        gone = np.cumsum([len(step) for step in steps]) / len(block.units)
        if number in shares:
            nearest = np.abs(np.concatenate([[0.0], gone]) - shares[number]).argmin()
            first += [block.units[step] for step in steps[:nearest]]
            continue
        worth = [float(relative[step].mean()) for step in steps]
        # A block loses its worst channels first, whatever the means of the steps are.
        keys = np.maximum.accumulate(worth) if scope == "global" and worth else gone
        keyed += [
            (float(key), number, block.units[step]) for key, step in zip(keys, steps, strict=True)
        ]
    keyed.sort(key=lambda entry: entry[:2])
    return Order(len(scores), np.concatenate(first), tuple(units for _, _, units in keyed))


def fewest(cost: Callable[[int], float], most: int, target: float) -> int:
    """The least number of steps, 0..most, at which the cost is at most `target`; else `most`.

    Args:
        cost: falls with the number of steps; asked about log2(most) times.
        most: steps there are.
        target: of the cost.
    """
    low, high = 0, most
    while low < high:
        middle = (low + high) // 2
        if cost(middle) <= target:
            high = middle
        else:
            low = middle + 1
    return low


def spared(
    cost: Callable[[np.ndarray], float], order: Order, number: int, target: float
) -> np.ndarray:
    """(units,) what is left after so many steps, with what need not have gone put back.

    The last step of a narrow network may take much more than was missing. The most important
    steps that fit under `target` again come back.

    Args:
        cost: of what is left.
        order: of the steps.
        number: how many are taken.
        target: the most that the rest may cost.
    """
    alive = order.alive(number)
    tries = 0
    for units in reversed(order.steps[:number]):
        if cost(alive) > _NEAR * target or tries == _TRIES:
            break
        alive[units] = True
        if cost(alive) > target:
            alive[units] = False
        tries += 1
    return alive


def _steps(block: Block, scores: np.ndarray, multiple: int) -> list[np.ndarray]:
    """Places in the block that go together, worst first."""
    width = len(block.units)
    size = multiple // math.gcd(multiple, block.each)
    while size >= width and multiple > 1:
        multiple //= 2
        size = multiple // math.gcd(multiple, block.each)
    if size >= width:
        return []
    worst_first = np.argsort(scores, kind="stable")
    ends = [width - left for left in range((width - 1) // size * size, 0, -size)]
    return [worst_first[a:b] for a, b in zip([0, *ends], ends, strict=False)]

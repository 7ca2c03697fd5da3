"""Whether another runtime says what the release says, and how far its numbers are."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfedge import errors
from tfedge.data import kinds
from tfedge.device.file import graph
from tfedge.release.golden import tolerances
from tfedge.release.golden.vectors import Vectors
from tfedge.targets.source import Source

_SAME_SHARE = 0.01  # of an output's range, where no classes say what the same answer is


@dataclasses.dataclass(frozen=True)
class Row:
    """One output.

    Attributes:
        output: its name.
        same: share of its answers that are the release's: the same class, or where there are no
            classes a value within 1 % of the range that the release's values have.
        largest_difference: of two real values.
        lowest, highest: of the release's real values.
        step: between two codes of the release's output; 0 where it has none.
    """

    output: str
    same: float
    largest_difference: float
    lowest: float
    highest: float
    step: float


@dataclasses.dataclass(frozen=True)
class Comparison:
    """On the same examples.

    Attributes:
        examples: how many.
        source: "held_out" or "synthetic".
        rows: one for each output.
    """

    examples: int
    source: str
    rows: tuple[Row, ...]

    @property
    def same(self) -> float:
        """The share of answers that are the same, of the output that has the fewest."""
        return min(row.same for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        """As comparison.json has it."""
        rows = [dataclasses.asdict(row) for row in self.rows]
        return {
            "examples": self.examples,
            "source": self.source,
            "same": self.same,
            "outputs": rows,
        }


def compare(source: Source, of_release: Vectors, found: Mapping[str, np.ndarray]) -> Comparison:
    """Compares a target's outputs with what the release answered to the same inputs.

    Raises:
        BadInput: an output is missing, of another shape, or no number.
    """
    tensors = source.file.named_outputs
    rows = tuple(
        _row(source, tensors[name], name, held, found.get(name))
        for name, held in of_release.outputs.items()
    )
    return Comparison(of_release.examples, of_release.source, rows)


def _row(
    source: Source, tensor: graph.Tensor, name: str, held: np.ndarray, found: np.ndarray | None
) -> Row:
    if found is None or found.shape != held.shape:
        got = "nothing" if found is None else f"shape {found.shape[1:]}"
        cause = f"the conversion gives {got} for output {name!r}, the release {held.shape[1:]}"
        raise errors.BadInput(source.where, cause, "Give the Keras model of this very release.")
    ours, theirs = _real(tensor, held), _real(tensor, found)
    difference = np.abs(ours - theirs)
    return Row(
        name,
        _same(source, ours, theirs),
        float(difference.max()) if not np.isnan(difference).any() else float("inf"),
        float(ours.min()),
        float(ours.max()),
        tolerances.step(source.file, tensor),
    )


def _real(tensor: graph.Tensor, held: np.ndarray) -> np.ndarray:
    """Codes of the tensor's own type as the numbers that they stand for."""
    is_code = held.dtype.name == tensor.dtype.lower() and len(tensor.scales)
    return np.asarray(tensor.real(held) if is_code else held, np.float64)


def _same(source: Source, ours: np.ndarray, theirs: np.ndarray) -> float:
    decide = kinds.named(source.told.kind).decide
    if decide is None or len(source.file.named_outputs) > 1:
        allowed = _SAME_SHARE * (ours.max() - ours.min())
        return float((np.abs(ours - theirs) <= allowed).mean())
    logits = bool((ours < 0).any() or (ours > 1).any())
    return float((decide(ours, logits) == decide(theirs, logits)).mean())

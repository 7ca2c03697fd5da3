"""Whether the tokens of a task are rows of the table that a model looks them up in."""

import numpy as np

from tfedge import errors
from tfedge.data import splits, task


def check(made: "task.Task", name: str, rows: int) -> None:
    """Reads all examples of all splits.

    Args:
        made: its inputs are looked at.
        name: of the input; one without a name is the only one.
        rows: of the table.

    Raises:
        BadInput: a token without a row, by the name of its example: kernels read what lies behind
            a table, or answer 0, and take the row below a number that is not whole.
    """
    for role, split in made.splits().items():
        start = 0
        for raw, _ in split.batches(256):
            named = splits.named(raw)
            tokens = named.get(name, named.get("", next(iter(named.values()))))
            broken = _first_without_row(tokens, rows)
            if broken is not None:
                raise errors.BadInput(
                    f"task {made.name}, {role}, input {name}",
                    f"expected tokens of 0..{rows - 1}, whole numbers that are rows of the model's"
                    f" table, got {tokens[broken]} in example"
                    f" {made.origin_of(role).names()[start + broken[0]]}",
                    "Use the vocabulary that the model was trained with.",
                )
            start += len(tokens)


def _first_without_row(tokens: np.ndarray, rows: int) -> tuple[int, ...] | None:
    is_row = (tokens >= 0) & (tokens < rows) & (tokens == np.floor(tokens))
    broken = np.argwhere(~is_row)
    return tuple(int(at) for at in broken[0]) if len(broken) else None

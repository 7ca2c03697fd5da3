"""The change of a linear map that brings its outputs nearest to what they should be.

Ridge regression from sums over rows, so that no more is kept of them than one matrix: with inputs
X (rows, inputs) and what the outputs miss R (rows, outputs), the change D and the shift s with the
least |X D + s - R|^2 + ridge |D|^2.
"""

import dataclasses

import numpy as np

# Of the sum of squares: what taking off the mean leaves of inputs that are all but constant.
_ROUNDING = 64 * np.finfo(np.float64).eps
_RIDGES = (1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # in units of the inputs' mean square


@dataclasses.dataclass(frozen=True, eq=False)
class Sums:
    """Of products over rows.

    Attributes:
        products: (inputs + 1, inputs + 1 + outputs): [X, 1]' [X, 1, R].
        missing: of the squares of R.
        spread: of the squared distances of what the outputs should be from their mean.
    """

    products: np.ndarray
    missing: float
    spread: float

    @property
    def inputs(self) -> int:
        """How many there are."""
        return len(self.products) - 1

    @property
    def rows(self) -> float:
        """How many were summed."""
        return float(self.products[-1, self.inputs])

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            self.products + other.products,
            self.missing + other.missing,
            self.spread + other.spread,
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Change:
    """Of a linear map.

    Attributes:
        kernel: (inputs, outputs), to be added.
        shift: (outputs,), to be added to the bias.
    """

    kernel: np.ndarray
    shift: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """A change that helps.

    Attributes:
        change: by all rows.
        before: share of the outputs' spread that rows miss which the choice of the ridge was made
            on, without any change.
        after: with one that these rows had no part in.
    """

    change: Change
    before: float
    after: float


def best(seen: Sums, kept_back: Sums, *, kernel: bool = True, shift: bool = True) -> Fit | None:
    """The change that helps most on rows that are kept back; None: each does harm there.

    Args:
        seen: of the rows to learn from.
        kept_back: of others, by which the ridge is chosen.
        kernel: whether the kernel may change.
        shift: whether the bias may.
    """
    least, chosen = kept_back.missing, None
    for ridge in _RIDGES if kernel else (np.inf,):
        missing = left(kept_back, solved(seen, ridge, shift))
        if missing < least:
            least, chosen = missing, ridge
    if chosen is None:
        return None
    spread = max(kept_back.spread, np.finfo(np.float64).tiny)
    change = solved(seen + kept_back, chosen, shift)
    return Fit(change, kept_back.missing / spread, least / spread)


def solved(sums: Sums, ridge: float, shift: bool = True) -> Change:
    """The change of least squares.

    Args:
        sums: of the rows.
        ridge: in units of the inputs' mean square, infinite to change the shift alone.
        shift: whether there is one.
    """
    import scipy.linalg

    count, inputs = sums.rows, sums.inputs
    products, mixed = sums.products[:-1, :inputs], sums.products[:-1, inputs + 1 :]
    input_mean, missing_mean = sums.products[-1, :inputs] / count, sums.products[-1, inputs + 1 :]
    missing_mean = missing_mean / count
    if shift:
        products = products - count * np.outer(input_mean, input_mean)
        mixed = mixed - count * np.outer(input_mean, missing_mean)
    size = np.trace(products) / inputs
    rounding = _ROUNDING * np.trace(sums.products[:-1, :inputs])
    if not np.isfinite(ridge) or size <= rounding:
        kernel = np.zeros_like(mixed)
    else:
        added = max(ridge * size, rounding) * np.eye(inputs)
        kernel = scipy.linalg.solve(products + added, mixed, assume_a="pos")
    return Change(kernel, (missing_mean - input_mean @ kernel) * shift)


def left(sums: Sums, change: Change) -> float:
    """What the rows still miss after a change, sum of squares."""
    every, inputs = np.vstack([change.kernel, change.shift]), sums.inputs
    own, mixed = sums.products[:, : inputs + 1], sums.products[:, inputs + 1 :]
    return float(sums.missing - 2 * np.sum(every * mixed) + np.sum(every * (own @ every)))

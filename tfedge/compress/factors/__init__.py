"""Kernels as products of smaller ones: the three ways a layer is written as a chain of layers.

`Svd`, k x k to few channels, then 1x1 (a matrix for dense layers): Denton et al. 2014,
arXiv:1404.0736, Zhang et al. 2015, arXiv:1505.06798. `Spatial`, k x 1, then 1 x k: Jaderberg et
al. 2014, arXiv:1405.3866. `Tucker`, 1x1, k x k between few channels, 1x1: Kim et al. 2015,
arXiv:1511.06530. Kernels are in Keras' shape: (*window, inputs, outputs).
"""

import abc
from collections.abc import Sequence

import numpy as np

Ranks = tuple[int, ...]
Shape = tuple[int, ...]


class Factorisation(abc.ABC):
    """One way to write a kernel as a chain. Ranks are the numbers of channels between its stages.

    Attributes:
        places: for each stage, the field of `multiply_adds.Positions` it is applied at.
    """

    places: tuple[str, ...]

    @abc.abstractmethod
    def fits(self, shape: Shape) -> bool:
        """Whether kernels of this shape can be written so."""

    @abc.abstractmethod
    def full(self, shape: Shape) -> Ranks:
        """The ranks that lose nothing; higher ones make no sense."""

    @abc.abstractmethod
    def shapes(self, shape: Shape, ranks: Ranks) -> tuple[Shape, ...]:
        """Shapes of the stages' kernels."""

    @abc.abstractmethod
    def spectra(self, kernel: np.ndarray) -> tuple[np.ndarray, ...]:
        """For each rank, the squared singular values it keeps the first of."""

    @abc.abstractmethod
    def factors(self, kernel: np.ndarray, ranks: Ranks) -> tuple[np.ndarray, ...]:
        """The stages' kernels, the first applied first."""

    @abc.abstractmethod
    def product(self, factors: Sequence[np.ndarray]) -> np.ndarray:
        """The kernel that the chain computes with."""

    @property
    def name(self) -> str:
        """As the setting `method` has it."""
        return type(self).__name__.lower()


class Svd(Factorisation):
    """The window with few outputs, then a 1x1: a truncated SVD of (window inputs, outputs)."""

    places = ("outputs", "outputs")

    def fits(self, shape: Shape) -> bool:
        """See `Factorisation`."""
        return True

    def full(self, shape: Shape) -> Ranks:
        """See `Factorisation`."""
        return (min(int(np.prod(shape[:-1])), shape[-1]),)

    def shapes(self, shape: Shape, ranks: Ranks) -> tuple[Shape, ...]:
        """See `Factorisation`."""
        window = (1,) * (len(shape) - 2)
        return (*shape[:-1], ranks[0]), (*window, ranks[0], shape[-1])

    def spectra(self, kernel: np.ndarray) -> tuple[np.ndarray, ...]:
        """See `Factorisation`."""
        return (_energies(_matrix(kernel)),)

    def factors(self, kernel: np.ndarray, ranks: Ranks) -> tuple[np.ndarray, ...]:
        """See `Factorisation`."""
        left, right = _truncated(_matrix(kernel), ranks[0])
        first, last = self.shapes(kernel.shape, ranks)
        return left.reshape(first), right.reshape(last)

    def product(self, factors: Sequence[np.ndarray]) -> np.ndarray:
        """See `Factorisation`."""
        first, last = factors
        return np.tensordot(first, last.reshape(last.shape[-2:]), 1)


class Responses(Svd):
    """The same chain, cut so that outputs, not weights, change least (Zhang et al. 2015).

    With V the leading eigenvectors of E[y y'], W becomes (W V) V'. How many is still decided by
    the spectrum of the weights: a few directions, the mean above all, hold nearly all the energy
    of outputs, and accuracy needs more than these.
    """

    def __init__(self, covariance: np.ndarray):
        """From E[y y'] of what the kernel gives on typical inputs, (outputs, outputs)."""
        self._vectors = np.linalg.eigh(covariance)[1][:, ::-1]

    @property
    def name(self) -> str:
        """As the setting `method` has it."""
        return "svd"

    def factors(self, kernel: np.ndarray, ranks: Ranks) -> tuple[np.ndarray, ...]:
        """See `Factorisation`."""
        basis = self._vectors[:, : ranks[0]]
        left = _matrix(kernel) @ basis
        # Both carry half of the size of each channel between them.
        lengths, whole = np.linalg.norm(left, axis=0), np.linalg.norm(left)
        root = np.sqrt(np.where(lengths > 1e-6 * whole, lengths, 1.0))
        first, last = self.shapes(kernel.shape, ranks)
        return (
            (left / root).astype(np.float32).reshape(first),
            (basis * root).T.astype(np.float32).reshape(last),
        )


class Spatial(Factorisation):
    """A column, then a row: a truncated SVD of (height inputs, width outputs)."""

    places = ("halfway", "outputs")

    def fits(self, shape: Shape) -> bool:
        """See `Factorisation`."""
        return len(shape) == 4 and min(shape[:2]) > 1

    def full(self, shape: Shape) -> Ranks:
        """See `Factorisation`."""
        return (min(shape[0] * shape[2], shape[1] * shape[3]),)

    def shapes(self, shape: Shape, ranks: Ranks) -> tuple[Shape, ...]:
        """See `Factorisation`."""
        return (shape[0], 1, shape[2], ranks[0]), (1, shape[1], ranks[0], shape[3])

    def spectra(self, kernel: np.ndarray) -> tuple[np.ndarray, ...]:
        """See `Factorisation`."""
        return (_energies(self._columns_by_rows(kernel)),)

    def factors(self, kernel: np.ndarray, ranks: Ranks) -> tuple[np.ndarray, ...]:
        """See `Factorisation`."""
        left, right = _truncated(self._columns_by_rows(kernel), ranks[0])
        height, width, inputs, outputs = kernel.shape
        column = left.reshape(height, 1, inputs, ranks[0])
        row = right.reshape(ranks[0], width, outputs).transpose(1, 0, 2)[None]
        return column, np.ascontiguousarray(row)

    def product(self, factors: Sequence[np.ndarray]) -> np.ndarray:
        """See `Factorisation`."""
        column, row = factors
        return np.einsum("hir,wro->hwio", column[:, 0], row[0])

    def _columns_by_rows(self, kernel: np.ndarray) -> np.ndarray:
        height, width, inputs, outputs = kernel.shape
        return kernel.transpose(0, 2, 1, 3).reshape(height * inputs, width * outputs)


class Tucker(Factorisation):
    """Few inputs and few outputs in the window, 1x1 mixings before and after (Tucker-2)."""

    places = ("inputs", "outputs", "outputs")

    def fits(self, shape: Shape) -> bool:
        """See `Factorisation`."""
        return len(shape) == 4 and int(np.prod(shape[:2])) > 1

    def full(self, shape: Shape) -> Ranks:
        """See `Factorisation`."""
        window = int(np.prod(shape[:2]))
        return min(shape[2], window * shape[3]), min(shape[3], window * shape[2])

    def shapes(self, shape: Shape, ranks: Ranks) -> tuple[Shape, ...]:
        """See `Factorisation`."""
        inner, outer = ranks
        return (1, 1, shape[2], inner), (*shape[:2], inner, outer), (1, 1, outer, shape[3])

    def spectra(self, kernel: np.ndarray) -> tuple[np.ndarray, ...]:
        """See `Factorisation`."""
        return tuple(
            _energies(np.moveaxis(kernel, axis, 0).reshape(kernel.shape[axis], -1))
            for axis in (2, 3)
        )

    def factors(self, kernel: np.ndarray, ranks: Ranks) -> tuple[np.ndarray, ...]:
        """See `Factorisation`."""
        from tensorly import decomposition

        (core, (inner, outer)), _ = decomposition.partial_tucker(
            kernel.astype(np.float64), list(ranks), modes=[2, 3], init="svd", random_state=0
        )
        # The core alone holds the size of the kernel; all weights get one typical size here.
        inputs, outputs = np.sqrt(kernel.shape[2:])
        size = np.cbrt(np.sqrt(np.mean(core**2)) / (inputs * outputs)) or 1.0
        before, after = size * inputs, size * outputs
        stages = inner[None, None] * before, core / (before * after), outer.T[None, None] * after
        first, middle, last = (stage.astype(np.float32) for stage in stages)
        return first, middle, last

    def product(self, factors: Sequence[np.ndarray]) -> np.ndarray:
        """See `Factorisation`."""
        first, core, last = factors
        return np.einsum("ia,hwab,bo->hwio", first[0, 0], core, last[0, 0], optimize=True)


ALL: tuple[Factorisation, ...] = (Svd(), Spatial(), Tucker())


def error(kernel: np.ndarray, approximation: np.ndarray) -> float:
    """Relative distance: 0 is the same, 1 as far as zero is."""
    size = float(np.linalg.norm(kernel))
    return float(np.linalg.norm(kernel - approximation)) / size if size else 0.0


def _matrix(kernel: np.ndarray) -> np.ndarray:
    return kernel.reshape(-1, kernel.shape[-1])


def _energies(matrix: np.ndarray) -> np.ndarray:
    return np.linalg.svd(matrix.astype(np.float64), compute_uv=False) ** 2


def _truncated(matrix: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """(rows, rank) and (rank, columns), the nearest product; both carry half of its size."""
    left, values, right = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    root = np.sqrt(values[:rank])
    return (left[:, :rank] * root).astype(np.float32), (root[:, None] * right[:rank]).astype(
        np.float32
    )

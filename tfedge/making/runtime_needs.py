"""Which runtime the file will need, told before anything is trained: few bits want a newer one."""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from tfedge import errors, shown
from tfedge.compress import rules
from tfedge.device import compatibility
from tfedge.device.file import kernel_tensors, operands, tflite
from tfedge.device.profiles import Profile

if TYPE_CHECKING:
    from tfedge.compress.recipe import Recipe
    from tfedge.export.options import Export

_LOOKUP, _MATRIX = "EMBEDDING_LOOKUP", "FULLY_CONNECTED"
_INT8 = "int8"


@dataclasses.dataclass(frozen=True)
class Needs:
    """Kernels that a class of phones does not read, as they would be stored.

    Attributes:
        runtime: the oldest that reads all of them.
        tables: those of few bits, by name.
        matrices: those in blocks that have scales of their own.
    """

    runtime: str
    tables: tuple[str, ...]
    matrices: tuple[str, ...]

    @property
    def pattern(self) -> str:
        """A regular expression that names the tables."""
        return "|".join(map(re.escape, self.tables))

    def __str__(self) -> str:
        """Such as "table in few bits and dense in blocks need runtime 2.21.0"."""
        said = [(self.tables, "in few bits"), (self.matrices, "in blocks")]
        words = [f"{shown.listed(names)} {how}" for names, how in said if names]
        return f"{' and '.join(words)} need runtime {self.runtime}"


def of(baseline: bytes, recipe: "Recipe", export: "Export", phone: Profile | None) -> Needs | None:
    """What the phones of a class lack; None where there is nothing, or nobody can tell.

    Args:
        baseline: the input model as a float file, whose operators the finished one will have.
        recipe: what will be trained.
        export: how it will be exported.
        phone: None for no class.
    """
    few = export.facts.kernel_bits
    is_open = isinstance(export.precision, str) and bool(export.precision)
    if phone is None or is_open or few >= 8:
        return None
    kernels = [
        each
        for each in tflite.read(baseline).kernels()
        if _bits(each.tensor.name, recipe, export) <= few
    ]
    tables = _names(each for each in kernels if each.operator.kind in operands.CHOOSING)
    matrices = _names(each for each in kernels if _has_blocks(each, export.block_size))
    kinds = [*([_LOOKUP] if tables else ()), *([_MATRIX] if matrices else ())]
    runtimes = [since for kind in kinds if (since := _since_blocks(kind)) is not None]
    runtime = compatibility.newest(runtimes)
    if runtime is None or not compatibility.is_newer(runtime, phone.runtime_version):
        return None
    return Needs(runtime, tables, matrices)


def check(needs: Needs | None, recipe: "Recipe", phone: Profile | None) -> None:
    """Refuse what the gate would refuse behind all training.

    Raises:
        BadInput: with what to write instead.
    """
    if needs is None or phone is None:
        return
    is_trained = recipe.bits_of((*needs.tables, *needs.matrices)[0]) is not None
    others = []
    if needs.matrices:
        others.append("block_size=0")
    if needs.tables:
        word = f'rules={{"{needs.pattern}": {{"bits": 8}}}}'
        others.append(word if is_trained else f'precision={{"{needs.pattern}": "{_INT8}"}}')
    where = "the recipe" if is_trained else "--export"
    raise errors.BadInput(
        f"--profile={phone.name}",
        f"{needs}, and its oldest is {phone.runtime_version}",
        f"Write {' and '.join(others)} in {where}; or, where the app ships such a runtime, "
        f'"runtime_version": "{needs.runtime}" in a profile of your own.',
    )


def _bits(layer: str, recipe: "Recipe", export: "Export") -> int:
    """Of a stored kernel: as trained, else as a rule says, else as the route is for."""
    from tfedge.export import routes

    trained = recipe.bits_of(layer)
    if trained is not None:
        return trained
    given = export.precision if isinstance(export.precision, Mapping) else {}
    pattern = rules.matching(dict.fromkeys(given), layer)
    return export.facts.kernel_bits if pattern is None else routes.find(given[pattern]).kernel_bits


def _has_blocks(kernel: kernel_tensors.Kernel, size: int) -> bool:
    return kernel.operator.kind == _MATRIX and size > 0 and kernel.tensor.shape[-1] % size == 0


def _since_blocks(kind: str) -> str | None:
    from tfedge.export.edits import few_bit_versions

    return compatibility.since(kind, few_bit_versions.of(kind, "INT4", in_blocks=True))


def _names(kernels: Iterable[kernel_tensors.Kernel]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.tensor.name for each in kernels))

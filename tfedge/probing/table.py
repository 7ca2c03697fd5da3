"""What was found of each layer: a row for each change."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tfedge import errors, foreign, shown
from tfedge.probing import budgets
from tfedge.probing.rows import Row

SCHEMA_VERSION = 1
_REMEDY = "Give a file that tfedge sensitivity --output wrote."


@dataclasses.dataclass(frozen=True, repr=False)
class Table(shown.Shown):
    """The sensitivity of a model's layers.

    Attributes:
        model: its name.
        examples: of validation, that were answered.
        packed_bytes: of the model as int8 without any change.
        layer_bytes: layer -> what it takes of them.
        rows: layer by layer.
        missing: (change, layer or "*" for all, why it is not known).
        seconds: it took.
    """

    model: str
    examples: int
    packed_bytes: int
    layer_bytes: Mapping[str, int]
    rows: tuple[Row, ...]
    missing: tuple[tuple[str, str, str], ...] = ()
    seconds: float = 0.0

    def _shown(self) -> tuple[str, shown.Rows]:
        title = (
            f"Sensitivity of {self.model}: {self.packed_bytes:,} bytes packed as int8, "
            f"{self.examples:,} examples, {self.seconds:.0f} s; harm: {self.harm_words}"
        )
        return title, [(layer, self._words(layer)) for layer in self.layer_bytes]

    def _words(self, layer: str) -> str:
        told = [f"{self.layer_bytes[layer]:,} bytes"]
        for rows in self.by_axis(layer).values():
            told.append(_brief(max(rows, key=lambda row: row.saved_bytes)))
        return "; ".join(told)

    def by_axis(self, layer: str) -> dict[str, list[Row]]:
        """Axis of a change -> rows of a layer with that change alone."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            if row.layer == layer and row.difference is not None:
                found.setdefault(row.changes[0].axis, []).append(row)
        return found

    @property
    def harm_words(self) -> str:
        """What `Difference.harm` is here."""
        found = next((row.difference for row in self.rows if row.difference is not None), None)
        if found is None or found.kl is not None:
            return "KL divergence of the answers, nats"
        return "noise power" if found.loss is None else "loss added"

    @property
    def axes(self) -> tuple[str, ...]:
        """All there are, by layer and then in the order they were probed."""
        return tuple(
            dict.fromkeys(axis for layer in self.layer_bytes for axis in self.by_axis(layer))
        )

    def budget(
        self,
        *,
        packed_bytes: int | None = None,
        harm: float | None = None,
        techniques: Sequence[str] = budgets.TECHNIQUES,
    ) -> budgets.Budget:
        """A change for each layer: of the least harm for so many bytes, or the fewest for a harm.

        What changes of single layers do is added up; what training mends is not foreseen.

        Args:
            packed_bytes: of the packed file, at most.
            harm: of all layers, at most.
            techniques: that may be used, of those that were probed.

        Returns:
            A budget, whose `recipe` is text that `Recipe.parse` takes.

        Raises:
            BadInput: none or both of the two; what was probed does not reach so few bytes.
        """
        if (packed_bytes is None) == (harm is None):
            raise errors.BadInput(
                "a budget", "expected packed bytes or a harm, one of them", "Give one."
            )
        if harm is not None:
            return budgets.smallest(self.rows, techniques, harm)
        return budgets.within(self.rows, techniques, self.packed_bytes - (packed_bytes or 0))

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        rows = [row.to_json() for row in self.rows]
        return {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(self), "rows": rows}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], where: str = "sensitivity JSON") -> "Table":
        """The inverse of `to_json`.

        Raises:
            BadInput: other JSON.
        """
        try:
            given = {field.name: data[field.name] for field in dataclasses.fields(cls)}
            rows = tuple(Row.from_json(each) for each in given["rows"])
            missing = tuple((change, layer, why) for change, layer, why in given["missing"])
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise errors.BadInput(where, f"no such table ({error!r})", _REMEDY) from error
        return cls(**{**given, "rows": rows, "missing": missing})

    @classmethod
    def read(cls, path: str) -> "Table":
        """The table in a JSON file.

        Raises:
            BadInput: the file cannot be read, or holds something else.
        """
        return cls.from_json(foreign.read_json(path, _REMEDY, path), path)

    def as_text(self) -> str:
        """The content of such a file."""
        return json.dumps(self.to_json(), indent=1) + "\n"


def _brief(row: Row) -> str:
    """Such as "prune(final_sparsity=0.95) saves 812, harm 0.31"."""
    assert row.difference is not None
    return f"{row.changes[0]} saves {row.saved_bytes:,}, harm {row.difference.harm:.2g}"

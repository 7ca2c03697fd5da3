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

    def recipe(self, packed_bytes: int, techniques: Sequence[str] = budgets.TECHNIQUES) -> str:
        """The recipe with settings by layer that harms the answers least within so many bytes.

        What changes of single layers do is added up; what training mends is not foreseen.

        Args:
            packed_bytes: of the packed file.
            techniques: that it may use, of those that were probed.

        Returns:
            Text that `Recipe.parse` takes.

        Raises:
            BadInput: what was probed does not reach so few bytes, with what it reaches.
        """
        return budgets.within(self.rows, techniques, self.packed_bytes - packed_bytes).recipe

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

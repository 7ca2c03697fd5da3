"""What became of each class and slice, as rows that share one axis."""

from typing import TYPE_CHECKING, Any

from tfedge.release.report import answers, heat

if TYPE_CHECKING:
    from tfedge.release.report.facts import Facts

_MOST_CLASSES = 50


def classes(facts: "Facts") -> tuple[list[dict[str, Any]], str]:
    """Rows of the scorecard's per_class with `mistake`, `group` and `interval`, and a note.

    Of very many classes only those that lost most are shown.
    """
    rows, words = _classes(facts)
    half, taken_for = half_axis(facts), answers.mistakes(answers.of(facts))
    for row in rows:
        row["mistake"] = taken_for.get(row["label"], "")
        row["interval"] = heat.interval(row["group"], half)
    return rows, words


def slices(facts: "Facts") -> list[dict[str, Any]]:
    """The groups that are no classes: a camera, a country."""
    half = half_axis(facts)
    return [{**each, "interval": heat.interval(each, half)} for each in _slices(facts)]


def half_axis(facts: "Facts") -> float:
    """Half the length of the axis on which all of them lie; 0 where nothing was compared."""
    shown = [row["group"] for row in _classes(facts)[0] if row["group"]]
    return heat.axis(shown + _slices(facts))


def _classes(facts: "Facts") -> tuple[list[dict[str, Any]], str]:
    by_name = {each["group"]: each for each in facts.decided["groups"]}
    rows = [
        {**row, "group": by_name.get(f"class: {row['label']}")} for row in facts.scores["per_class"]
    ]
    words = "The share of each class's examples that is answered correctly."
    if by_name:
        words += (
            " The changes' intervals hold for all groups at once; the test for a loss (Holm) is a "
            "little sharper than they are."
        )
    if len(rows) <= _MOST_CLASSES:
        return rows, words
    rows.sort(key=lambda row: (row["value"] or 0) - (row["baseline"] or 0))
    return rows[:_MOST_CLASSES], f"{words} Of {len(rows):,} classes, those that lost most."


def _slices(facts: "Facts") -> list[dict[str, Any]]:
    return [each for each in facts.decided["groups"] if not each["group"].startswith("class: ")]

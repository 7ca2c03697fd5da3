"""MODEL_CARD.md: what this model is, how good, for what, and how it was made.

Reference: M. Mitchell et al., "Model Cards for Model Reporting", FAT* 2019.
"""

from collections.abc import Mapping

from tfedge import plain_text
from tfedge.data.provenance import trained_on
from tfedge.release.gate.check import FAIL, PASS
from tfedge.release.report import headline, sections
from tfedge.release.report.facts import Facts

_OUTCOMES = {PASS: "Released", FAIL: "Rejected"}
_MARKDOWN = str.maketrans(
    {character: f"\\{character}" for character in "\\`*_[]|"}
    | {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\n": " ", "\r": " "}
)


def render(facts: Facts, told: Mapping[str, sections.Section]) -> bytes:
    """The card, as UTF-8 Markdown.

    Args:
        facts: of the release.
        told: what `sections.of` found to say of it.
    """
    import jinja2  # 60 ms, which --help need not spend

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tfedge.release.report"),
        autoescape=False,  # Markdown: the filter "text" escapes
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["text"] = text
    page = environment.get_template("MODEL_CARD.md").render(
        facts=facts,
        outcome=_OUTCOMES.get(facts.verdict.outcome, "Not enough data to decide"),
        headline=headline.of(facts),
        trained_on=trained_on.words(facts.task),
        notes=[check.note for check in facts.verdict.checks if check.note],
        found={name: section.found for name, section in told.items()},
    )
    return plain_text.printable(page).encode()


def text(value: object) -> str:
    """A value that stays plain text inside Markdown, also in a table's cell."""
    return str(value).translate(_MARKDOWN)

"""MODEL_CARD.md: what this model is, how good, for what, and how it was made.

Reference: M. Mitchell et al., "Model Cards for Model Reporting", FAT* 2019.
"""

import json

from tfedge import plain_text
from tfedge.release import provenance, summary
from tfedge.release.check import FAIL, PASS
from tfedge.release.facts import Facts

_OUTCOMES = {PASS: "Released", FAIL: "Rejected"}
_MARKDOWN = str.maketrans(
    {character: f"\\{character}" for character in "\\`*_[]|"}
    | {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\n": " ", "\r": " "}
)


def render(facts: Facts) -> bytes:
    """The card, as UTF-8 Markdown."""
    import jinja2  # 60 ms, which --help need not spend

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tfedge.release"),
        autoescape=False,  # Markdown: the filter "text" escapes
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["text"] = text
    classes, note = summary.classes(facts)
    page = environment.get_template("MODEL_CARD.md").render(
        facts=facts,
        outcome=_OUTCOMES.get(facts.verdict["outcome"], "Not enough data to decide"),
        headline=summary.headline(facts),
        figures=summary.before_after(facts),
        classes=classes,
        classes_note=note,
        judged_on=provenance.judged_on(facts),
        command=provenance.command_lines(facts.command),
        data_words=provenance.data_checks(facts),
        recipe_json=json.dumps(facts.recipe, indent=2) if facts.recipe else "",
    )
    return plain_text.printable(page).encode()


def text(value: object) -> str:
    """A value that stays plain text inside Markdown, also in a table's cell."""
    return str(value).translate(_MARKDOWN)

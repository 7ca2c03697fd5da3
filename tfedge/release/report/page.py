"""The release as one HTML page: opens anywhere, needs neither network nor JavaScript.

Layer names and labels come from users' files, so every value is escaped by the template engine.
"""

import pathlib
from collections.abc import Mapping

from tfedge import plain_text
from tfedge.release.gate.check import FAIL, INSUFFICIENT_DATA, PASS, spoken
from tfedge.release.report import headline, sections, wording
from tfedge.release.report.facts import Facts

_TEMPLATES = pathlib.Path(__file__).parent / "templates"
_TITLES = {PASS: "Released", FAIL: "Rejected", INSUFFICIENT_DATA: "Not enough data to decide"}
_MARKS = {PASS: "✓", FAIL: "✗", INSUFFICIENT_DATA: "?"}


def render(facts: Facts, told: Mapping[str, sections.Section]) -> bytes:
    """The page, as UTF-8.

    Args:
        facts: of the release.
        told: what `sections.of` found to say of it.
    """
    import jinja2  # 60 ms, which --help need not spend

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([_TEMPLATES, *sections.__path__]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(
        words=wording.words,
        spoken=spoken,
        amount=wording.amount,
        percent=wording.percent,
        plain=wording.plain,
        number=wording.number,
        count=wording.count,
    )
    outcome = facts.verdict.outcome
    page = environment.get_template("report.html").render(
        name=facts.name,
        outcome=outcome,
        outcome_word=_TITLES[outcome],
        mark=_MARKS[outcome],
        headline=headline.of(facts),
        notes=[check.note for check in facts.verdict.checks if check.note],
        sections=told.values(),
        files=facts.files_beside,
    )
    return plain_text.printable(page).encode()

"""Shows all that may be written behind --recipe, --export, --data and other flags.

tfedge help              the topics
tfedge help passes       all of a topic
tfedge help prune        what is known of one word: a pass, an export, an option, a metric
"""

import re
from collections.abc import Iterator

from absl import flags
from tfedge_pipelines import entry, positional

from tfedge import errors, settings

_FLAGS = flags.FlagValues()
_ABOUT = flags.DEFINE_string(
    "about", "", "A topic or a word; may also be given without a flag.", flag_values=_FLAGS
)


def run() -> None:
    """Takes the word with or without its flag."""
    entry.run(main, _FLAGS, __doc__, positional.named("about"))


def main() -> int:
    """Prints what is known of it; the exit code."""
    from rich import markdown
    from tfedge_tools import wide_console

    wide_console.make().print(markdown.Markdown(about(_ABOUT.value)))
    return entry.OK


def about(word: str) -> str:
    """What is known of a topic or a word, as Markdown; of "" which topics there are.

    Raises:
        BadInput: nothing is, with the nearest word of which something is.
    """
    from tfedge_tools import markdown, topics

    found = topics.find()
    if not word:
        rows = ((f"tfedge help {name}", made.__doc__ or "") for name, made in found.items())
        return markdown.table(("write", "to see"), rows)
    if word in found:
        return found[word]()
    pages = {name: made() for name, made in found.items()}
    parts = [part for page in pages.values() for part in _parts(page, word)]
    if not parts:
        known = {*found, *(each for page in pages.values() for each in _words(page))}
        remedy = f"{settings.meant(word, known)} The topics are {', '.join(found)}.".lstrip()
        raise errors.BadInput(f"tfedge help {word}", "nothing has that name", remedy)
    return "\n\n".join(parts)


def _parts(page: str, word: str) -> Iterator[str]:
    """The section that is headed by a word, else rows of tables that begin with it, with heads."""
    sections = re.split(r"^(?=### )", page, flags=re.MULTILINE)
    if own := [each for each in sections if each.startswith(f"### {word}\n")]:
        yield own[0]
        return
    for section in sections:
        for table in re.findall(r"(?:^\|.*\n?)+", section, flags=re.MULTILINE):
            head, rule, *rows = table.splitlines()
            if kept := [row for row in rows if _first(row) == word]:
                yield from re.findall(r"\A### .*", section)
                yield "\n".join((head, rule, *kept))


def _words(page: str) -> Iterator[str]:
    yield from filter(None, map(_first, page.splitlines()))


def _first(row: str) -> str:
    """What a row of a table begins with, if that is code: "npz" of "| `npz:FILE` | ..."."""
    match = re.match(r"\| \[?`(\w+)[^`]*`", row)
    return match[1] if match else ""


if __name__ == "__main__":
    run()

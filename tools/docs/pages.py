"""The pages, and the blocks in them that are written from the code."""

import pathlib
import re
from collections.abc import Callable, Mapping

from tfedge import errors

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "docs"
_BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def written(text: str, blocks: Mapping[str, Callable[[], str]]) -> str:
    """A page with its blocks as they are to be.

    Args:
        text: with blocks between `<!-- generated: NAME -->` and `<!-- end -->`.
        blocks: name -> what makes the block.

    Raises:
        BadInput: a block that nothing makes.
    """

    def fill(match: re.Match[str]) -> str:
        begin, name, end = match.groups()
        if name not in blocks:
            remedy = f"There are: {', '.join(sorted(blocks))}."
            raise errors.BadInput(f"block {name!r}", "nothing makes it", remedy)
        return f"{begin}\n{blocks[name]().strip()}\n\n{end}"

    return _BLOCK.sub(fill, text)


def stale() -> dict[pathlib.Path, str]:
    """Page or picture -> its text as it is to be, of those that are not so."""
    from tfedge_tools import topics
    from tfedge_tools.docs import frontiers, python_api

    makers = {**topics.find(), "python": python_api.page}
    found = {}
    for path in sorted(FOLDER.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        new = written(text, makers)
        if new != text:
            found[path] = new
    for path, new in frontiers.pictures(FOLDER).items():
        if not path.exists() or path.read_text(encoding="utf-8") != new:
            found[path] = new
    return found

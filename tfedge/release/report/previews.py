"""Held-out examples as the report shows them: as pictures, or as what they say."""

import dataclasses

import numpy as np

from tfedge.data import splits
from tfedge.release.report import thumbnails, wording

_MOST_BYTES = 500_000  # of all pictures, so that the page stays small
_MOST_TOKENS = 60
_MOST_VALUES = 16  # of a row of a table
_RUN = 3  # the same token so often at the end is padding


@dataclasses.dataclass(frozen=True)
class Preview:
    """One example; at most one of the two.

    Attributes:
        picture: a data URI.
        text: words, tokens or values.
    """

    picture: str = ""
    text: str = ""


def of(split: splits.Split | None, numbers: np.ndarray) -> tuple[Preview, ...]:
    """These examples of a split; empty previews of what is neither picture nor text."""
    if split is None or not len(numbers):
        return (Preview(),) * len(numbers)
    inputs = split.take(numbers).x
    pictures = thumbnails.data_uris(inputs)
    if pictures:
        sizes = np.cumsum([len(each) for each in pictures])
        kept = zip(pictures, sizes, strict=True)
        return tuple(Preview(picture if size <= _MOST_BYTES else "") for picture, size in kept)
    if not isinstance(inputs, np.ndarray):
        return (Preview(),) * len(numbers)
    return tuple(Preview(text=text(row)) for row in inputs)


def text(row: np.ndarray) -> str:
    """Tokens by their numbers (no task knows their words), texts as they are, a row's values.

    Padding at the end is counted: "17 4 0 (12 times)".
    """
    row = np.atleast_1d(row)
    if row.ndim > 1:
        return ""
    if row.dtype.kind in "OSU":
        return " ".join(_decoded(each) for each in row[:_MOST_TOKENS])
    if row.dtype.kind in "iub":
        return _tokens([str(each) for each in row.astype(int)])
    return ", ".join(map(wording.number, row.tolist())) if len(row) <= _MOST_VALUES else ""


def _tokens(words: list[str]) -> str:
    run = next((n for n, each in enumerate(reversed(words)) if each != words[-1]), len(words))
    end = [f"{words[-1]} ({run} times)"] if run >= _RUN else words[len(words) - run :]
    shown = [*words[: len(words) - run], *end]
    more = ["…"] if len(shown) > _MOST_TOKENS else []
    return " ".join(shown[:_MOST_TOKENS] + more)


def _decoded(word: object) -> str:
    return word.decode(errors="replace") if isinstance(word, bytes) else str(word)

"""What is to be tried, and what became of it."""

import dataclasses

from tfedge.search.space import Point
from tfedge.search.trial import Trial


@dataclasses.dataclass(frozen=True)
class Choice:
    """What to try: a point, and the factor on the epochs of its recipe."""

    point: Point
    length: float


@dataclasses.dataclass(frozen=True)
class Seen:
    """A trial of a point of this space; `trial` is None while another process runs it."""

    choice: Choice
    trial: Trial | None

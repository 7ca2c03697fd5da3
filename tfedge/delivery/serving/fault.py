"""What goes wrong with answers: one file of `faults` each, written as drop(at=1000, times=2)."""

import fnmatch
from collections.abc import Callable
from typing import ClassVar

from tfedge import grammar, settings
from tfedge.delivery.serving.reply import Reply, Request

Draw = Callable[[], float]  # evenly in [0, 1)
LANGUAGE = grammar.Language("--faults", "fault", "drop(at=1000, times=2), slow")


@settings.declared
class Fault(settings.Settings):
    """Something that goes wrong with some answers."""

    flag: ClassVar[str] = "--faults="
    times: int = settings.setting(
        0, settings.Whole(0), "How many answers it spoils, the first ones; 0 for all."
    )
    share: float = settings.setting(
        1.0, settings.Real(above=0, at_most=1), "Of the answers, drawn at random."
    )
    only: str = settings.setting(
        "*", settings.Text('a pattern such as "targets/*"'), "The paths that it spoils."
    )

    @property
    def name(self) -> str:
        """Of its file."""
        return type(self).__module__.rpartition(".")[2]

    def concerns(self, request: Request, spoiled: int, draw: Draw) -> bool:
        """Whether this answer is one of them.

        Args:
            request: that is answered.
            spoiled: how many it has spoiled already.
            draw: evenly in [0, 1).
        """
        is_left = not self.times or spoiled < self.times
        matches = fnmatch.fnmatchcase(request.path, self.only)
        return is_left and matches and self.means(request) and draw() < self.share

    def means(self, request: Request) -> bool:
        """Whether such a request can be spoiled at all."""
        return True

    def spoiled(self, reply: Reply, request: Request, draw: Draw) -> Reply:
        """What is sent in place of an answer."""
        raise NotImplementedError

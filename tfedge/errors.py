"""The one exception that stands for bad input, told to the user as one line."""

from tfedge import plain_text

_LONGEST = 600  # characters of one part; a value of a foreign file may have millions


class BadInput(ValueError):  # noqa: N818  (it names what came in, not our failure)
    """What the user handed over cannot be used.

    Args:
        where: the file, flag, layer or tensor it is about.
        cause: what was expected and what came.
        remedy: what to do about it.
    """

    def __init__(self, where: str, cause: str, remedy: str):
        self.where, self.cause, self.remedy = where, cause, remedy
        where, cause, remedy = (_shortened(str(part)) for part in (where, cause, remedy))
        super().__init__(plain_text.printable(" ".join(f"{where}: {cause}. {remedy}".split())))

    def __reduce__(self) -> tuple[type["BadInput"], tuple[str, str, str]]:
        """Pickled by its three parts: it may come from another process."""
        return type(self), (self.where, self.cause, self.remedy)


def _shortened(part: str) -> str:
    """The beginning and the end of what is too long for a line."""
    if len(part) <= _LONGEST:
        return part
    kept = _LONGEST // 2
    return f"{part[:kept]} ... {len(part) - 2 * kept:,} characters ... {part[-kept:]}"

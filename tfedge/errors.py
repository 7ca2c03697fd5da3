"""The one exception that stands for bad input, told to the user as one line."""

from tfedge import plain_text


class BadInput(ValueError):  # noqa: N818  (it names what came in, not our failure)
    """What the user handed over cannot be used.

    Args:
        where: the file, flag, layer or tensor it is about.
        cause: what was expected and what came.
        remedy: what to do about it.
    """

    def __init__(self, where: str, cause: str, remedy: str):
        self.where, self.cause, self.remedy = where, cause, remedy
        super().__init__(plain_text.printable(" ".join(f"{where}: {cause}. {remedy}".split())))

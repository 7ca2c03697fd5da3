"""Why an installation did not get what it asked for, in names that a program can compare.

Those in the second half are what an attack of the TUF specification (1.5.2) looks like. Whatever
the reason, the last good model stays in use.
"""

OFFLINE = "offline"  # the network, the server, or a file that it does not have
POSTPONED = "postponed"  # a budget, or a metered connection
DISK = "disk"  # full, or failing
NONE = "none"  # no version is meant for this installation
UNREADABLE = "unreadable"  # signed, and yet not for this app: its key, or a later format
PROBE = "probe"  # the model does not run here, or answers otherwise than it should

EXPIRED = "expired"  # freeze: the same old metadata for ever; or a clock that is wrong
ROLLBACK = "rollback"  # older metadata than were seen already
MIXED = "mix and match"  # files of different states of the repository
ENDLESS = "endless data"
UNSIGNED = "not signed"  # by another key, or by too few
DAMAGED = "damaged metadata"
ARBITRARY = "arbitrary target"  # other bytes than were signed, or a name that nobody asked for


class Refused(Exception):  # noqa: N818  (it is a decision)
    """What was offered is not taken.

    Args:
        reason: one of the names above.
        cause: a sentence about it.
    """

    def __init__(self, reason: str, cause: str):
        self.reason, self.cause = reason, cause
        super().__init__(f"{reason}: {cause}")

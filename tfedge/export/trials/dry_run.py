"""Runs a file that was just made, or that is a user's, in a child: LiteRT may end on it.

XNNPACK does so, instead of refusing, where scales that meet in one operator are too far apart.
"""

from tfedge.data.splits import Split
from tfedge.data.task import Task
from tfedge.device import inference, sandbox
from tfedge.device.file import tflite
from tfedge.device.sandbox import limits

_MEMORY_BYTES = 2**36  # this is no phone


class DoesNotRunError(Exception):
    """LiteRT refuses the file or ends on it; the message says how."""


def run(data: bytes, split: Split, task: Task) -> inference.Run:
    """What a file answers to every example of a split; nothing is timed.

    Raises:
        DoesNotRunError: it has no answers.
        BadInput: the examples do not fit its inputs.
    """
    allowed = sandbox.Limits(_MEMORY_BYTES, limits.usable_cores())
    found = inference.run(tflite.read(data), split, task.normalization, allowed, timed_seconds=0)
    if found.outcome.failure:
        raise DoesNotRunError(found.outcome.failure.detail)
    return found

"""Anything else: targets and outputs as they are, with a metric and a loss of the task's own.

Where a metric is named all the same, such as "accuracy:OUTPUT", the targets of that output tell
of which kind they are.
"""

from tfedge.data import kind

KIND = kind.Kind("custom", is_open=True)

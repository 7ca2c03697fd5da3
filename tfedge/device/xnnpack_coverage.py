"""How much of a graph the delegate took over."""

import collections
from typing import Any

_DELEGATE = "DELEGATE"


def left_out(interpreter: Any) -> tuple[float, dict[str, int]]:
    """(share, 0..1, of operators inside a delegate; how many of each kind are not).

    The interpreter lists the file's operators and, behind them, one entry for each delegated part,
    whose inputs and outputs say which operators it replaced.

    Args:
        interpreter: with its tensors allocated.
    """
    operators = interpreter._get_ops_details()
    own = [o for o in operators if o["op_name"] != _DELEGATE]
    producer = {int(output): n for n, o in enumerate(own) for output in o["outputs"]}
    replaced: set[int] = set()
    for part in operators[len(own) :]:
        replaced |= _between(part, own, producer)
    rest = [o["op_name"] for n, o in enumerate(own) if n not in replaced]
    share = len(replaced) / len(own) if own else 0.0
    return share, dict(collections.Counter(rest).most_common())


def _between(part: dict, own: list[dict], producer: dict[int, int]) -> set[int]:
    """The operators on the way from the part's outputs back to its inputs."""
    inputs = {int(index) for index in part["inputs"]}
    found: set[int] = set()
    waiting = [int(index) for index in part["outputs"]]
    while waiting:
        operator = producer.get(waiting.pop())
        if operator is not None and operator not in found:
            found.add(operator)
            waiting += [int(i) for i in own[operator]["inputs"] if int(i) not in inputs]
    return found

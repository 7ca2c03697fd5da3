"""How often the operators of a loop's body run in one inference, where the file says it.

Keras writes a recurrent layer without a kernel of its own, such as a GRU, as WHILE: its condition
compares a counter from 0 in steps of 1 with a stored number.
"""

from tfedge.device.file import graph, tflite

_BODY, _CONDITION = "bodySubgraphIndex", "condSubgraphIndex"


def turns(file: tflite.TfliteFile) -> dict[int, int]:
    """Subgraph -> its runs in one inference, of those in loops whose count is stored.

    Those of other signatures do not run at all.
    """
    found = dict.fromkeys(file.other_starts, 0)
    _count(file, 0, 1, found, frozenset())
    return found


def is_counted(file: tflite.TfliteFile, operator: graph.Operator) -> bool:
    """Whether an operator is a loop whose turns are known."""
    return _stored_count(file, operator) is not None


def _count(
    file: tflite.TfliteFile, subgraph: int, times: int, found: dict[int, int], above: frozenset[int]
) -> None:
    """Goes down into loops; a damaged file may have one inside of itself."""
    for operator in file.operators:
        if operator.subgraph != subgraph or operator.kind != "WHILE" or subgraph in above:
            continue
        count = times * (_stored_count(file, operator) or 1)
        for part in (operator.options[_CONDITION], operator.options[_BODY]):
            found[part] = count
            _count(file, part, count, found, above | {subgraph})


def _stored_count(file: tflite.TfliteFile, operator: graph.Operator) -> int | None:
    """The constant that the condition compares its counter with."""
    if operator.kind != "WHILE":
        return None
    condition = [o for o in file.operators if o.subgraph == operator.options[_CONDITION]]
    limits = [file.tensors[o.inputs[1]] for o in condition if o.kind == "LESS"]
    stored = [int(limit.values().reshape(-1)[0]) for limit in limits if limit.is_constant]
    return max(1, min(stored)) if stored else None

"""Which inputs of a .tflite are ids, and of how many rows they may choose."""

from tfedge.device.file import graph, operands, tflite

_PASSED_THROUGH = ("RESHAPE", "CAST", "EXPAND_DIMS", "SQUEEZE")


def of(file: tflite.TfliteFile) -> dict[str, int]:
    """Input -> rows of the smallest table that its numbers choose rows of, as they come."""
    found = {name: rows(file, tensor) for name, tensor in file.named_inputs.items()}
    return {name: count for name, count in found.items() if count}


def rows(file: tflite.TfliteFile, ids: graph.Tensor) -> int:
    """Of the smallest table that a tensor's numbers choose rows of; 0 where there is none."""
    reached, sizes = {ids.index}, list[int]()
    for operator in file.operators:
        if not reached.intersection(operator.inputs):
            continue
        if operator.kind in _PASSED_THROUGH:
            reached.update(operator.outputs)
        elif operator.kind in operands.CHOOSING:
            known = operands.BY_KIND[operator.kind]
            (table,) = known.weights
            if operator.inputs[known.activation] in reached and not operator.options.get("axis"):
                sizes.append(file.tensors[operator.inputs[table]].shape[0])
    return min(sizes, default=0)

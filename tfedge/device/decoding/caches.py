"""What a .tflite with key/value caches takes: read from its signatures `prefill` and `decode`."""

import dataclasses

from tfedge.device.file import graph, id_tables, tflite
from tfedge.device.sandbox import memory

PREFILL, DECODE = "prefill", "decode"
TOKENS, PLACES, LOGITS = "tokens", "input_pos", "logits"
_START = "kv_cache_"


@dataclasses.dataclass(frozen=True)
class Caches:
    """Numbers of tokens.

    Attributes:
        room: that the caches hold.
        at_once: that `prefill` takes.
        known: rows of the table they are looked up in; 0 where nothing says how many.
        bytes: of all caches.
    """

    room: int
    at_once: int
    known: int
    bytes: int


def find(file: tflite.TfliteFile) -> Caches | None:
    """Of a file with both signatures, over the same caches; None of any other."""
    prefill, decode = file.signatures.get(PREFILL), file.signatures.get(DECODE)
    if prefill is None or decode is None or not _are_whole(prefill) or not _are_whole(decode):
        return None
    kept = {name: tensor for name, tensor in decode.inputs.items() if name.startswith(_START)}
    room = max((_room(file, tensor) for tensor in kept.values()), default=0)
    if not room or kept.keys() - prefill.inputs.keys():
        return None
    return Caches(
        room=room,
        at_once=prefill.inputs[TOKENS].shape[-1],
        known=id_tables.rows(file, decode.inputs[TOKENS]),
        bytes=sum(memory.tensor_bytes(tensor) for tensor in kept.values()),
    )


def names(signature: tflite.Signature) -> tuple[str, ...]:
    """Of its caches."""
    return tuple(name for name in signature.inputs if name.startswith(_START))


def _are_whole(signature: tflite.Signature) -> bool:
    return {TOKENS, PLACES} <= set(signature.inputs) and LOGITS in signature.outputs


def _room(file: tflite.TfliteFile, cache: graph.Tensor) -> int:
    """Along the axis at which one step is less than the whole; 0 where nothing is written."""
    for operator in file.operators:
        if operator.kind == "DYNAMIC_UPDATE_SLICE" and operator.inputs[0] == cache.index:
            new = file.tensors[operator.inputs[1]].shape
            return max((a for a, b in zip(cache.shape, new, strict=True) if a != b), default=0)
    return 0

"""What `decode` is fed in the middle of a sequence, for files with key/value caches."""

from collections.abc import Callable, Mapping

import numpy as np

from tfedge.data import splits
from tfedge.device import inference
from tfedge.device.decoding import caches
from tfedge.device.file import tflite

_STEPS = 4
Run = Callable[[splits.ArraySplit], inference.Run]


def of(file: tflite.TfliteFile, split: splits.ArraySplit, run: Run) -> splits.ArraySplit:
    """Inputs of one call of each sequence's fourth token, the caches filled by those before.

    Args:
        file: any; of one without caches examples are inputs of one call as they are.
        split: sequences.
        run: gives real outputs of examples of one call.
    """
    if caches.find(file) is None or file.signature is None:
        return split
    (tokens,) = splits.named(split.x).values()
    kept = {
        name: np.zeros((len(tokens), *file.named_inputs[name].shape[1:]), np.float32)
        for name in caches.names(file.signature)
    }
    last = min(_STEPS, tokens.shape[1]) - 1
    for place in range(last):
        found = run(_step(tokens, place, kept)).outputs
        kept = {name: found[name] for name in kept}
    return _step(tokens, last, kept)


def _step(tokens: np.ndarray, place: int, kept: Mapping[str, np.ndarray]) -> splits.ArraySplit:
    places = np.full(len(tokens), place, np.int32)
    own = tokens[:, place : place + 1].astype(np.int32)
    return splits.ArraySplit({caches.TOKENS: own, caches.PLACES: places, **kept}, places)

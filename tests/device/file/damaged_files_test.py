"""Files that were cut, flipped or overwritten: each ends in a typed result, and we live on."""

import collections
import dataclasses

import numpy as np
import pytest

from tfedge import errors
from tfedge.data.task import Normalization
from tfedge.device import inference, sandbox
from tfedge.device.file import tflite

MUTANTS = 300
RUN = 15  # of those that can be read: a child takes 0.2 s of a core; a tool runs thousands
KINDS = {"memory", "signal", "timeout", "error"}


def _truncated(content, random):
    return content[: random.integers(1, len(content) - 64)]


def _flipped(content, random):
    spoilt = bytearray(content)
    spoilt[random.integers(8, len(content))] ^= 1 << random.integers(8)
    return bytes(spoilt)


def _overwritten(content, random):
    spoilt = bytearray(content)
    at = random.integers(8, len(content) - 8)
    spoilt[at : at + 8] = random.bytes(random.integers(1, 9)).ljust(8, b"\0")
    return bytes(spoilt)


@pytest.fixture(scope="module")
def mutants(stored):
    random = np.random.default_rng(0)
    names = ("image_int8", "image_float")
    changes = (_truncated, _flipped, _overwritten)
    return [changes[i % 3](stored(names[i // 3 % 2]), random) for i in range(MUTANTS)]


def _read(content):
    try:
        return tflite.read(content)
    except errors.BadInput:
        return None


def test_whatever_can_be_read_runs_or_fails_with_a_kind(mutants, image_task):
    files = [file for content in mutants if (file := _read(content))]
    assert MUTANTS / 5 < len(files) < MUTANTS * 3 / 4
    split = image_task.holdout.take(np.arange(4))
    limits = sandbox.Limits(64 * 2**20, seconds=20, stall_seconds=5)
    results = collections.Counter()
    for file in files[:: max(1, len(files) // RUN)][:RUN]:
        try:
            outcome = inference.run(file, split, Normalization(1 / 16), limits).outcome
            results[outcome.failure.kind if outcome.failure else "ran"] += 1
        except errors.BadInput:
            results["refused"] += 1
    assert set(results) <= {*KINDS, "ran", "refused"}
    assert results["ran"] > 3, results


def test_truncated_files_are_all_refused(mutants):
    assert not any(_read(content) for content in mutants[::3])


def test_weights_that_lie_beyond_the_file(stored, edited):
    def lengthen(model):
        tensor = next(t for t in model.subgraphs[0].tensors if t.name == b"dense")
        tensor.shape = [4, 6400]

    with pytest.raises(errors.BadInput, match="'dense' needs 25600 bytes, 256 are there"):
        tflite.read(edited(stored("image_int8"), lengthen))


def test_a_loop_between_operators_ends(stored, edited):
    def tie(model):
        for operator in model.subgraphs[0].operators:
            operator.inputs, operator.outputs = operator.outputs, operator.outputs

    file = tflite.read(edited(stored("image_float"), tie))
    assert file.kernels() == ()
    assert dataclasses.is_dataclass(file)

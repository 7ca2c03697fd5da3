"""How many bytes packed files take: a choice that is a little worse is seen here."""

import numpy as np
import pytest
from kernel_files import FILES, clustered, tflite

import tfedge


def _rng(seed=1):
    return np.random.default_rng(seed)


def _normal(*spread):
    """Kernels whose rows, columns or all values spread as given."""
    return (np.multiply(*spread) * _rng().normal(0, 1, (90, 100))).clip(-127, 127).astype(np.int8)


UNEVEN = np.repeat([1, 40], 50)
MADE = {
    "clustered": (1289, lambda: tflite(clustered(_rng(4), (90, 120), 0.2))),
    "wide": (1535, lambda: tflite(clustered(_rng(8), (16, 288), 0.9))),
    "rows": (5108, lambda: tflite(_normal(UNEVEN[:90, None], 1))),
    "columns": (5681, lambda: tflite(_normal(UNEVEN, 1))),
    "dense": (7938, lambda: tflite(_normal(30, 1))),
    "ternary": (1724, lambda: tflite(_rng(6).integers(-1, 2, (90, 90)).astype(np.int8))),
    "few": (330, lambda: tflite(_rng().choice(np.float32([0, 0, 0, 0.5, -0.25]), (40, 30)))),
    "float": (4109, lambda: tflite(_rng().normal(0, 0.05, (40, 30)).astype(np.float32))),
    "half": (2156, lambda: tflite(_rng().normal(0, 0.05, (40, 30)).astype(np.float16))),
    "biases": (321, lambda: tflite(_rng().integers(-900, 900, (30, 5)).astype(np.int32))),
    "nibbles": (
        916,
        lambda: tflite(_rng(3).integers(0, 256, (40, 40), np.uint8) & 0x33, dtype="int4"),
    ),
    "small": (122, lambda: tflite(_rng(3).integers(0, 3, (8, 8)).astype(np.int8))),
    "two": (
        769,
        lambda: tflite(*(_rng(n).integers(0, 3, (40, 40)).astype(np.int8) for n in (3, 9))),
    ),
}
STORED = {
    "block_sparse": 376,
    "cached_float": 3843,
    "counted_float": 1644,
    "counted_int8": 1918,
    "grouped_steps_float": 2328,
    "hungry_float": 604,
    "image_float": 939,
    "image_float16": 1093,
    "image_int8": 1091,
    "image_uint8_raw": 1192,
    "loop_float": 1814,
    "padded_steps_float": 2599,
    "sequence_float": 1146,
    "sequence_float16": 1534,
    "steps_float": 2311,
}


@pytest.mark.parametrize("name", MADE)
def test_kernels_of_every_kind_take_as_many_bytes_as_they_did(name):
    size, make = MADE[name]
    assert len(tfedge.pack(make())) == pytest.approx(size, abs=2)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_so_do_files(file):
    assert len(tfedge.pack(file.read_bytes())) == pytest.approx(STORED[file.stem], abs=2)

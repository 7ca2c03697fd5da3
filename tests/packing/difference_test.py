"""Differences from an earlier file: everything comes back, in few bytes, and damage is refused."""

import hashlib

import numpy as np
import pytest
from kernel_files import FILES, clustered, tflite

import tfedge
from tfedge import errors
from tfedge.packing import container, difference, differing


def retrained(seed, share=0.4, shape=(90, 120)):
    """Kernels of which a share moved by a step."""
    rng = np.random.default_rng(seed)
    kernel = np.random.default_rng(1).normal(0, 30, shape).clip(-120, 120)
    return (kernel + (rng.random(shape) < share) * rng.integers(-1, 2, shape)).astype(np.int8)


def test_a_retrained_file_takes_the_entropy_of_what_moved():
    base, new = (tflite(retrained(seed)) for seed in (1, 2))
    made = differing.encode(new, base)
    assert difference.unpack(made, base) == new
    assert len(made) < 0.3 * len(tfedge.pack(new))
    moved = np.frombuffer(new, np.int8).astype(int) - np.frombuffer(base, np.int8)
    counts = np.unique(moved, return_counts=True)[1]
    assert len(made) < (counts * np.log2(counts.sum() / counts)).sum() / 8 + 200


@pytest.mark.parametrize("name", ["sequence_float16", "image_int8"])
def test_a_real_file_comes_back_from_itself_and_from_another(name):
    contents = {file.stem: file.read_bytes() for file in FILES}
    new = contents[name]
    itself = differing.encode(new, new)
    assert difference.unpack(itself, new) == new
    assert len(itself) < 110
    for base in (contents["block_sparse"], b""):
        assert difference.unpack(differing.encode(new, base), base) == new


def test_what_is_no_model_is_subtracted_where_it_is_as_long():
    noise = np.random.default_rng(0).integers(0, 256, 5000, np.uint8).tobytes()
    made = differing.encode(b"x" + noise[1:], noise)
    assert difference.unpack(made, noise) == b"x" + noise[1:]
    assert len(made) < 110
    assert difference.unpack(differing.encode(noise[1:], noise), noise) == noise[1:]


def test_arrays_that_lie_elsewhere_are_found_by_their_order():
    before = (retrained(1, shape=(50, 60)), retrained(1, shape=(70, 80)))
    after = (retrained(2, shape=(50, 60)), np.ones((30, 30), np.int8), retrained(2, shape=(70, 80)))
    base, new = tflite(*before), tflite(*after)
    assert len(new) != len(base)
    made = differing.encode(new, base)
    assert difference.unpack(made, base) == new
    assert len(made) < 0.35 * len(tfedge.pack(new))


def test_an_array_that_has_nothing_in_common_is_left_as_it_is():
    rng = np.random.default_rng(4)
    steady = retrained(1, shape=(60, 60))
    few = [clustered(rng, (90, 120), 0.2) for _ in range(2)]
    base, new = tflite(retrained(2, shape=(60, 60)), few[0]), tflite(steady, few[1])
    made = differing.encode(new, base)
    assert difference.unpack(made, base) == new
    alone = len(tfedge.pack(tflite(few[1])))
    assert len(made) < 1.05 * alone + 0.3 * steady.size


def made_by_hand(left, ranges, base):
    numbers = b"".join(container.varint(n) for each in ranges for n in each)
    packed = container.write_header(container.WHOLE, left) + container.squeeze(left)
    head = b"TFD1" + hashlib.sha256(base).digest() + container.varint(len(ranges))
    return head + numbers + packed


def test_a_difference_from_the_page_is_read():
    base = bytes([1, 2, 3, 250])
    made = made_by_hand(b"\x0a\x01\x02\xff\x0a", [(1, 2, 0), (0, 1, 3)], base)
    assert difference.unpack(made, base) == bytes([10, 2, 4, 249, 10])


@pytest.mark.parametrize("ranges", [[(3, 3, 0)], [(0, 3, 2)], [(0, 1, 1 << 40)], [(1 << 40, 0, 0)]])
def test_ranges_that_leave_a_file_are_refused(ranges):
    base = bytes(4)
    with pytest.raises(errors.BadInput, match="leaves its file"):
        difference.unpack(made_by_hand(bytes(5), ranges, base), base)


def test_damage_and_another_base_are_refused():
    base, new = (tflite(retrained(seed, shape=(20, 20))) for seed in (1, 2))
    made = differing.encode(new, base)
    with pytest.raises(errors.BadInput, match="another file"):
        difference.unpack(made, new)
    for length in range(0, len(made), 7):
        with pytest.raises(errors.BadInput):
            difference.unpack(made[:length], base)
    with pytest.raises(errors.BadInput, match="40,000 ranges"):
        difference.unpack(made_by_hand(b"", [(0, 0, 0)] * 40_000, base), base)
    with pytest.raises(errors.BadInput, match="no difference"):
        difference.unpack(tfedge.pack(new), base)
    with pytest.raises(errors.BadInput, match="more than the 10 allowed"):
        difference.unpack(made, base, 10)

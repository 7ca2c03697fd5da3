import numpy as np

from tfedge.device.file import tflite
from tfedge.device.sandbox import memory


def test_peak_sees_what_was_freed_again():
    memory.reset_peak()
    before = memory.resident_bytes()
    np.ones(2**23).sum()  # 64 MB, gone at once
    assert memory.peak_bytes() - before > 60 * 2**20
    assert memory.resident_bytes() - before < 30 * 2**20


def test_least_bytes_is_the_largest_operator(stored):
    assert memory.least_bytes(tflite.read(stored("hungry_float"))) > 2**31
    image = memory.least_bytes(tflite.read(stored("image_int8")))
    dense = 64 + 4 * 64 + 4 * 4 + 4
    assert image == dense


def test_a_process_that_has_ended_holds_nothing():
    assert memory.resident_bytes(2**22 + 1) == 0

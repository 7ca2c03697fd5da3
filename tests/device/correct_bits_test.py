import base64
import zlib

import numpy as np
import pytest

from tfedge.device import correct_bits


@pytest.mark.parametrize("n", [1, 7, 8, 10_000])
def test_there_and_back(n):
    correct = np.random.default_rng(0).random(n) < 0.9
    text = correct_bits.pack(correct)
    assert (correct_bits.unpack(text, n) == correct).all()
    assert len(text) < 1000


@pytest.mark.parametrize(
    "text", ["", "x", "é", correct_bits.pack(np.ones(9, bool)), "AAAA"], ids=str
)
def test_what_is_none_is_refused(text):
    with pytest.raises(ValueError, match=r"answers|ASCII"):
        correct_bits.unpack(text, 100)


def test_a_bomb_is_not_unpacked():
    bomb = base64.b64encode(zlib.compress(bytes(10**7))).decode()
    with pytest.raises(ValueError, match="14 bytes"):
        correct_bits.unpack(bomb, 100)

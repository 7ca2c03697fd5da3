import numpy as np

from tfedge.data.splitting import content_split


def _key(share, tail=0):
    """A key at this share of the range."""
    return (int(share * 2**64) << 192 | tail).to_bytes(32)


def _sides(*shares, classes=None, **settings):
    keys = [_key(share) for share in shares]
    classes = np.zeros(len(keys), int) if classes is None else np.array(classes)
    return content_split.sides(keys, classes, **settings).tolist()


def test_the_first_fifth_is_held_out_and_the_next_tenth_is_validation():
    found = _sides(0.0, 0.1999, 0.2001, 0.2999, 0.3001, 0.99)
    assert found == ["holdout"] * 2 + ["validation"] * 2 + ["train"] * 2


def test_the_ends_of_the_ranges_to_the_last_key():
    fifth, three_tenths = 2**256 // 5, 2**256 * 3 // 10
    numbers = (fifth - 1, fifth, three_tenths - 1, three_tenths, 2**256 - 1)
    keys = [number.to_bytes(32) for number in numbers]
    found = content_split.sides(keys, np.zeros(5, int)).tolist()
    assert found == ["holdout", "validation", "validation", "train", "train"]


def test_without_a_held_out_range_it_is_trained_on():
    assert _sides(0.1, 0.25, 0.5, holdout=False) == ["train", "validation", "train"]


def test_a_class_that_would_lack_a_side_gives_its_smallest():
    assert _sides(0.9, 0.5, 0.7) == ["train", "holdout", "validation"]
    assert _sides(0.05, 0.1) == ["holdout", "train"]
    assert _sides(0.5) == ["holdout"]


def test_equal_keys_are_on_one_side_in_every_class():
    found = _sides(0.5, 0.5, 0.7, 0.8, 0.1, 0.25, 0.9, classes=[0, 1, 0, 0, 1, 1, 1])
    assert found == ["holdout", "holdout", "validation", "train", "holdout", "validation", "train"]


def test_some_takes_the_smallest_keys_of_each_class():
    keys = [_key(share) for share in (0.9, 0.4, 0.5, 0.8, 0.7, 0.6)]
    assert content_split.some(keys, np.array([0, 0, 0, 0, 1, 1]), 3).tolist() == [1, 2, 5]
    assert content_split.some(keys, np.zeros(6, int), 500).tolist() == [0, 1, 2, 3, 4, 5]


def test_a_class_of_equal_examples_is_learnt_from_where_others_are_held_out():
    for first in range(0, 256, 8):
        keys = [bytes([first]) + bytes(31)] * 3
        assert set(content_split.sides(keys, np.zeros(3, int), holdout=False)) == {"train"}

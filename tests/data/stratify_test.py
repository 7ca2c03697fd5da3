import numpy as np
import pytest

from tfedge.data.splitting import stratify


def test_every_class_keeps_its_share():
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    drawn, rest = stratify.draw(labels, 20, seed=1)
    assert np.bincount(labels[drawn]).tolist() == [12, 6, 2]
    assert sorted([*drawn, *rest]) == list(range(100))


def test_rare_classes_are_drawn_too():
    labels = np.repeat([0, 1], [98, 2])
    drawn, rest = stratify.draw(labels, 10, seed=0)
    assert np.bincount(labels[drawn]).tolist() == [9, 1]
    assert 1 in labels[rest]


def test_the_seed_decides():
    labels = np.zeros(50, int)
    first, again, other = (stratify.draw(labels, 9, seed)[0].tolist() for seed in (3, 3, 4))
    assert first == again != other
    assert len(first) == 9


def test_more_than_there_is_is_refused():
    with pytest.raises(ValueError, match="4 of 3"):
        stratify.draw(np.zeros(3), 4, 0)

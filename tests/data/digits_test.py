import types

import numpy as np
import pytest

from tfedge import errors
from tfedge.data import hygiene
from tfedge.data.sources import digits, load_task


def test_splits_have_their_sizes_and_every_class():
    made = load_task("digits")
    sizes = {role: len(split) for role, split in made.splits().items()}
    assert sizes == {"train": 997, "calibration": 500, "validation": 200, "holdout": 600}
    x, y = next(made.holdout.batches(2))
    assert (x.shape, x.dtype, x.max()) == ((2, 8, 8, 1), np.uint8, 16)
    assert np.bincount(made.holdout.targets()).min() >= 57
    assert made.normalization(x).max() == 1
    assert len(y) == 2


def test_the_seed_decides_the_split():
    first, again, other = (load_task("digits", seed=seed).holdout.x for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_file_is_what_scikit_learn_loads():
    from sklearn import datasets

    assert digits._rows()[:, :64].sum() == datasets.load_digits().data.sum()


def test_hygiene_is_content():
    assert hygiene.check(load_task("digits")) == ()


@pytest.mark.parametrize("found", [None, types.SimpleNamespace(submodule_search_locations=None)])
def test_without_its_library_it_says_so(monkeypatch, found):
    monkeypatch.setattr(digits.importlib.util, "find_spec", lambda name: found)
    with pytest.raises(errors.BadInput, match="pip install scikit-learn"):
        digits._rows()

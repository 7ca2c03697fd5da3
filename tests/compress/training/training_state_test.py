import dataclasses
import io

import numpy as np
import pytest

from tfedge import cache
from tfedge.compress import holds
from tfedge.compress.training import training_state

KEY = "0123456789abcdef"
STATE = training_state.State(
    history=({"epoch": 1, "loss": 0.5},),
    weights=(np.ones((2, 3), np.float32), np.array(7, np.int64)),
    variables=(np.zeros(4, np.float32), np.full((2, 2), 3.0, np.float32)),
    holds=(
        holds.Zeros("conv", "Conv2D", np.eye(2), "2:4"),
        holds.Levels("conv", "Conv2D", np.ones((1, 2)), np.array([[0, 5]]), 2),
        holds.Grid("conv", "Conv2D", 8, None),
    ),
    best=training_state.Best(
        -0.25, (np.zeros(3),), (holds.Grid("conv", "Conv2D", 4, np.ones((1, 2))),)
    ),
)


def _same(one, two):
    assert type(one) is type(two)
    if isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, two)
    elif dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            _same(getattr(one, field.name), getattr(two, field.name))
    elif isinstance(one, tuple):
        for each, other in zip(one, two, strict=True):
            _same(each, other)
    elif isinstance(one, dict):
        assert list(one) == list(two)
        _same(tuple(one.values()), tuple(two.values()))
    else:
        assert one == two


@pytest.fixture
def stages(tmp_path):
    return cache.open_at(tmp_path)


def test_what_is_saved_comes_back(stages):
    with training_state.resumable(stages, KEY):
        assert training_state.latest("0-prune") is None
        training_state.save("0-prune", STATE)
        _same(training_state.latest("0-prune"), STATE)
        assert training_state.latest("1-prune") is None
    with training_state.resumable(stages, KEY.replace("0", "1")):
        assert training_state.latest("0-prune") is None


def test_no_best_epoch_yet_is_kept_as_none(stages):
    with training_state.resumable(stages, KEY):
        training_state.save("0-prune", dataclasses.replace(STATE, best=None))
        assert training_state.latest("0-prune").best is None


def test_nothing_is_written_or_read_outside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    training_state.save("0-prune", STATE)
    assert training_state.latest("0-prune") is None
    assert list(tmp_path.iterdir()) == []


def _npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


_OTHERS = {
    "empty": b"",
    "no archive": b"no state at all",
    "another archive": _npz(images=np.zeros(3)),
    "an index of something else": _npz(index=np.frombuffer(b"[1, 2]", np.uint8)),
    "an older format": _npz(index=np.frombuffer(b'{"history": []}', np.uint8)),
    "without its arrays": training_state.to_bytes({"weights": 2, "variables": 0}, {}),
}


@pytest.mark.parametrize("content", _OTHERS.values(), ids=_OTHERS)
def test_another_content_is_none_and_is_told(stages, content, caplog):
    with training_state.resumable(stages, KEY), caplog.at_level("WARNING", logger="absl"):
        stages.write(KEY, {"state.npz": content}, "0-prune")
        assert training_state.latest("0-prune") is None
        assert f"{KEY}-0-prune.entry cannot be used" in caplog.text
        assert list(stages.folder.glob("*.entry")) == []
        training_state.save("0-prune", STATE)
        assert training_state.latest("0-prune") is not None

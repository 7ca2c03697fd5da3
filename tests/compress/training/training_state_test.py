import dataclasses
import os

import numpy as np
import pytest

from tfedge.compress import holds
from tfedge.compress.training import training_state

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


def test_what_is_saved_comes_back(tmp_path):
    with training_state.resumable(tmp_path / "a" / "b"):
        assert training_state.latest("0-prune") is None
        training_state.save("0-prune", STATE)
        _same(training_state.latest("0-prune"), STATE)
        assert training_state.latest("1-prune") is None


def test_no_best_epoch_yet_is_kept_as_none(tmp_path):
    with training_state.resumable(tmp_path):
        training_state.save("0-prune", dataclasses.replace(STATE, best=None))
        assert training_state.latest("0-prune").best is None


def test_nothing_is_written_or_read_outside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    training_state.save("0-prune", STATE)
    with training_state.resumable(None):
        training_state.save("0-prune", STATE)
        assert training_state.latest("0-prune") is None
    assert list(tmp_path.iterdir()) == []


def _damage_truncate(path):
    path.write_bytes(path.read_bytes()[:-200])


def _damage_middle(path):
    content = bytearray(path.read_bytes())
    middle = content.index(b"\x00\x00\x80?")  # the weights
    content[middle + 3] ^= 0xFF
    path.write_bytes(content)


def _foreign_npz(path):
    np.savez(path, images=np.zeros(3))


def _foreign_index(path):
    np.savez(path, index=np.frombuffer(b"[1, 2]", np.uint8))


def _older(path):
    np.savez(path, index=np.frombuffer(b'{"history": []}', np.uint8))


def _npy(path):
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


@pytest.mark.parametrize(
    "damage",
    [
        *(_damage_truncate, _damage_middle, _foreign_npz, _foreign_index, _older, _npy),
        *(lambda path: path.write_bytes(b""), lambda path: path.write_text("no state at all")),
    ],
)
def test_a_damaged_or_foreign_file_is_none_and_is_told(tmp_path, damage, caplog):
    with training_state.resumable(tmp_path), caplog.at_level("WARNING", logger="absl"):
        training_state.save("0-prune", STATE)
        damage(tmp_path / "0-prune.npz")
        assert training_state.latest("0-prune") is None
        assert "0-prune.npz cannot be used" in caplog.text
        training_state.save("0-prune", STATE)
        assert training_state.latest("0-prune") is not None


def test_stopped_before_the_exchange_the_file_before_stays(tmp_path, monkeypatch):
    path = tmp_path / "state.npz"
    training_state.write(path, {"number": 1}, {"a": np.ones(5)})

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        training_state.write(path, {"number": 2}, {"a": np.zeros(5)})
    index, arrays = training_state.read(path)
    assert index["number"] == 1 and arrays["a"].sum() == 5

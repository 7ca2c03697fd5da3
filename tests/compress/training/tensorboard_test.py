import pytest
import tensorflow as tf

from tfedge import errors, extras
from tfedge.compress.candidate import Candidate
from tfedge.compress.training import finetune, tensorboard

pytest.importorskip("tensorboard", reason='pip install "tfedge[tensorboard]"')
PLAN = finetune.Plan(epochs=2, learning_rate=1e-2)


def _scalars(folder):
    """Name -> (step, value) pairs, as TensorBoard reads them."""
    from tensorboard.backend.event_processing import event_accumulator

    read = event_accumulator.EventAccumulator(str(folder)).Reload()
    return {
        name: [
            (each.step, float(tf.make_ndarray(each.tensor_proto))) for each in read.Tensors(name)
        ]
        for name in read.Tags()["tensors"]
        if name != "recipe" and not name.startswith("_hparams_")
    }


def test_a_training_has_its_curves(network, task, tmp_path):
    with tensorboard.into(tmp_path / "logs"):
        _, history = finetune.finetune(Candidate(network), task, PLAN, "0-prune")
    found = _scalars(tmp_path / "logs" / "0-prune")
    assert set(found) == {"loss", "validation_accuracy"}
    for name, curve in found.items():
        wanted = [(entry["epoch"], pytest.approx(entry[name], rel=1e-6)) for entry in history]
        assert curve == wanted


def test_outside_of_the_block_nothing_is_written(network, task, tmp_path):
    with tensorboard.into(tmp_path / "logs"):
        pass
    finetune.finetune(Candidate(network), task, finetune.Plan(1, 1e-2), "0-prune")
    assert not list((tmp_path / "logs").iterdir())


def test_a_trial_has_its_settings_and_figures_once(tmp_path):
    folder = tensorboard.opened(tmp_path / "logs")
    chosen = {"prune": True, "prune.final_sparsity": 0.5, "quantize.bits": None, "length": 1.0}
    for _ in range(2):
        tensorboard.trial(folder, "prune-1", "prune as int8", chosen, {"download": 5.0})
    (file,) = (folder / "prune-1").iterdir()
    assert _scalars(folder / "prune-1")["download"] == [(0, 5.0)]
    written = file.read_bytes()
    assert b"prune.final_sparsity" in written and b"prune as int8" in written


def test_without_tensorboard_the_extra_is_named(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(extras, "require", lambda *given: asked.append(given))
    with tensorboard.into(tmp_path):
        assert asked == [(f"--tensorboard={tmp_path}", "tensorboard")]


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(errors.BadInput, match=r"--tensorboard=.*file/logs: it cannot be made"):
        tensorboard.opened(tmp_path / "file" / "logs")

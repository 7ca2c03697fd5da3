"""Typing errors show before any data are read, any model is opened and TensorFlow is loaded."""

import pathlib

import pytest

from tfedge import errors, workflow
from tfedge.compress import loading
from tfedge.data import sources

MODEL = pathlib.Path(__file__).parents[1] / "models" / "checkpoints" / "digits_cnn_digits.keras"


@pytest.fixture(autouse=True)
def _nothing_is_read(monkeypatch):
    def read(*arguments, **named):
        raise AssertionError("it was read")

    monkeypatch.setattr(sources, "load_task", read)
    monkeypatch.setattr(loading, "load_model", read)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"recipe": "prun"}, "Did you mean 'prune'"),
        ({"recipe": "prune(final_sparsty=0.5)"}, "Did you mean 'final_sparsity'"),
        ({"export": "int9"}, "Did you mean 'int8'"),
        ({"export": "float32", "recipe": "quantize"}, "contradicts quantize"),
        ({"profile": "mid_range_fone"}, "Did you mean 'mid_range_phone'"),
        ({"min_metric": "acuracy=0.9"}, "--min_metric acuracy: .* Did you mean 'accuracy'"),
        ({"min_metric": "mean_iuo(threshold=0.5):box=0.9"}, "--min_metric mean_iuo: no such"),
        ({"group_margin": 2.0}, "--group_margin"),
        ({"margin": "0.01,auc:b=0.1,acuracy=0.2"}, "--margin acuracy: .* Did you mean 'accuracy'"),
        ({"margin": "1 point"}, "--margin=1 point: '1 point' is no number"),
        ({"augment": "flop"}, "Did you mean 'flip'"),
        ({"trained_on": "none.txt"}, "--trained_on=none.txt: no such file"),
        ({"task": "npx:FILE"}, "Did you mean 'npz'"),
        ({"task": "npz:FILE?scael=2"}, "Did you mean 'scale'"),
        ({"task": "npz:FILE?metric=acuracy:a,auc"}, "metric acuracy: .* Did you mean 'accuracy'"),
        ({"model": "none.keras"}, "none.keras: no such file"),
        ({"model": __file__}, "a .py file is not a model"),
        ({"model": "py:none.py:build"}, "no such Python file 'none.py'"),
        ({"custom_objects": "none.py"}, "expected py:FILE"),
        ({"custom_objects": "py:none.py"}, "--custom_objects=py:none.py: no such Python file"),
    ],
)
def test_a_typing_error(wrong, said, tmp_path):
    given = {"model": str(MODEL), "task": "digits", "output_dir": tmp_path / "out", **wrong}
    with pytest.raises(errors.BadInput, match=said):
        workflow.make_release(**given)
    assert not list(tmp_path.iterdir())


def test_a_task_of_the_users_may_have_metrics_that_are_not_ours(tmp_path):
    with pytest.raises(AssertionError, match="it was read"):
        workflow.make_release(
            str(MODEL), "py:FILE:task", output_dir=tmp_path / "out", min_metric="mine=0.9"
        )

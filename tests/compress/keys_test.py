import dataclasses
import importlib.util

import pytest

from tfedge import errors, versions
from tfedge.compress import graph, keys, loading
from tfedge.compress import keras as k
from tfedge.compress.passes import base
from tfedge.data.task import ArraySplit, Normalization


def _fingerprint(model, task):
    return keys.fingerprint(keys.of_model(model), task)


def test_the_fingerprint_is_that_of_model_task_data_and_seed(network, make_task, randomised):
    task = make_task()
    first = _fingerprint(network, task)
    assert _fingerprint(graph.rebuild(network), make_task()) == first
    changed = [dataclasses.replace(task, **{field: value}) for field, value in _CHANGES.items()]
    changed += [_with_last_changed(task, "x"), _with_last_changed(task, "y")]
    keys = {_fingerprint(network, each) for each in changed}
    keys.add(_fingerprint(randomised(graph.rebuild(network)), task))
    assert len(keys | {first}) == len(changed) + 2


_CHANGES = {
    "seed": 1,
    "batch_size": 8,
    "normalization": Normalization(0.5),
    "metric": "macro_f1",
    "loss": "mse",
}


def _with_last_changed(task, side):
    arrays = {"x": task.train.x.copy(), "y": task.train.y.copy()}
    arrays[side][-1] = (arrays[side][-1] + 1) % 3
    return dataclasses.replace(task, train=ArraySplit(**arrays))


def test_the_key_grows_with_every_pass():
    found = ["", keys.extend("", "prune()")]
    found += [keys.extend(found[1], text) for text in ("prune()", "cluster()")]
    assert len(set(found)) == 4
    assert keys.extend(found[1], "prune()") == found[2]


def test_the_key_is_another_when_a_file_that_was_read_changes(tmp_path):
    file = tmp_path / "teacher.keras"
    found = []
    for content in (b"one", b"two"):
        file.write_bytes(content)
        found.append(keys.extend("", "distill()", (str(file),)))
    assert found[0] != found[1]
    with pytest.raises(errors.BadInput, match=r"distill.*No such file"):
        keys.extend("", "distill()", (str(tmp_path / "none"),))


def _threshold(at, how="above"):
    """Someone's own loss, which closes over a number."""
    if how == "above":
        return lambda wanted, given: (given > at) * wanted
    return lambda wanted, given: (given < at) * wanted


class Curve:
    """A loss with settings."""

    name = "curve"

    def __init__(self, gamma):
        self.gamma = gamma

    def get_config(self):
        return {"gamma": self.gamma}


def test_the_code_and_the_settings_of_a_loss_count(network, make_task):
    losses = [_threshold(0.5), _threshold(0.6), _threshold(0.5, "below"), Curve(1), Curve(2)]
    found = [_fingerprint(network, make_task(loss=loss)) for loss in losses]
    assert len(set(found)) == len(losses)
    assert found[0] == _fingerprint(network, make_task(loss=_threshold(0.5)))
    assert found[3] == _fingerprint(network, make_task(loss={"a": Curve(1)}["a"]))
    assert found[3] != _fingerprint(network, make_task(loss={"a": Curve(1)}))


_LAYER = """
from tfedge.compress import keras as k

class Inner(k.tf_keras.layers.Layer):
    def call(self, x):
        return x * {factor}

class Own(k.tf_keras.layers.Layer):
    def __init__(self, **more):
        super().__init__(**more)
        self.inner = Inner()

    def call(self, x):
        return self.inner(x)

def curve(x):
    return x + {added}
"""


def _model_of(folder, factor, added):
    path = folder / f"own_{factor}_{added}.py"
    path.write_text(_LAYER.format(factor=factor, added=added))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    code = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(code)
    k.tf_keras.utils.set_random_seed(0)
    x = k.tf_keras.Input((4,), name="x")
    return k.tf_keras.Model(
        x, k.tf_keras.layers.Dense(2, code.curve, name="d")(code.Own(name="o")(x)), name="own"
    )


def test_the_code_of_own_layers_and_functions_counts(tmp_path):
    made = [(2, 0), (3, 0), (2, 1)]
    found = [b"".join(keys.of_model(_model_of(tmp_path, *each))) for each in made]
    assert len(set(found)) == 3
    assert found[0] == b"".join(keys.of_model(_model_of(tmp_path, 2, 0)))


class One(base.Pass):
    """A pass of someone's own; its name is that of this file."""

    def apply(self, candidate, task):
        return candidate


class Other(base.Pass):
    """The same, written otherwise."""

    def apply(self, candidate, task):
        return dataclasses.replace(candidate, teacher=None)


def test_the_code_of_a_pass_of_ones_own_counts():
    assert str(One()) == str(Other())
    assert keys.after("", One()) == keys.after("", One()) != keys.after("", Other())


def test_what_computes_and_on_what_counts(network, make_task, monkeypatch):
    task = make_task()
    found = {_fingerprint(network, task)}
    for name in ("code", "processor", "threads"):
        with monkeypatch.context() as patched:
            patched.setattr(versions, name, lambda: "another")
            found.add(_fingerprint(network, task))
    assert len(found) == 4


def test_only_the_splits_that_are_read_count(network, make_task):
    task = make_task()
    moved = _with_last_changed(task, "x")
    one, other = (keys.fingerprint([b""], each, ("calibration",)) for each in (task, moved))
    assert one == other
    few = dataclasses.replace(task, calibration=task.calibration.take([0]))
    assert keys.fingerprint([b""], few, ("calibration",)) != one


def test_a_source_is_told_as_far_as_it_can_be(network, tmp_path):
    assert b"".join(keys.of_source(network)) == b"".join(keys.of_model(network))
    assert list(keys.of_source(loading.TfliteModel(tmp_path / "m", b"file"))) == [b"file"]
    assert keys.of_source(object()) is None

    class Silent(k.tf_keras.layers.Layer):
        """It takes an argument and does not tell which."""

        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def call(self, x):
            return x * len(self.factor)

    x = k.tf_keras.Input((4,))
    assert keys.of_source(k.tf_keras.Model(x, Silent({1, 2})(x))) is None

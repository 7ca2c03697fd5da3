import dataclasses

import numpy as np
import pytest

from tfedge import errors
from tfedge.compress import checkpoint, graph, holds
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate, Quantization, Report, Teacher
from tfedge.data.task import ArraySplit, Normalization

layers = k.tf_keras.layers


class Scale(layers.Layer):
    """A custom layer that is registered nowhere."""

    def build(self, shape):
        self.factor = self.add_weight(name="factor", shape=(shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.factor


def test_a_candidate_comes_back_whole(network, randomised, tmp_path):
    candidate = Candidate(
        randomised(network),
        (holds.Zeros("stem", "Conv2D", np.ones((3, 3, 1, 4)), "2:4"), holds.Grid("stem", "Conv2D")),
        (Report("prune", "prune()", ("stem",), (("depthwise", "why"),), {"n": [1]}, ({"e": 1},)),),
        Quantization({"stem_range_0_0": (-1.0, 2.5)}, {"x": "reason"}),
        Teacher(graph.rebuild(network), ("logits", "features"), 2.0, 0.5, {"stem": "stem"}),
    )
    checkpoint.save(candidate, tmp_path / "folder")
    found = checkpoint.load(tmp_path / "folder", network)
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 1)).astype(np.float32)
    np.testing.assert_array_equal(found.model(x), network(x))
    assert found.reports == candidate.reports
    assert found.quantization == candidate.quantization
    assert [hold.kind for hold in found.holds] == ["zeros", "bits"]
    assert found.teacher.temperature == 2.0 and found.teacher.layers == {"stem": "stem"}
    assert found.teacher.methods == ("logits", "features")
    np.testing.assert_array_equal(found.teacher.model(x), network(x))


def test_without_a_file_or_with_a_broken_one_there_is_none(network, tmp_path):
    assert checkpoint.load(tmp_path, network) is None
    checkpoint.save(Candidate(network), tmp_path)
    path = tmp_path / "candidate.npz"
    path.write_bytes(path.read_bytes()[:500])
    assert checkpoint.load(tmp_path, network) is None


def test_custom_layers_and_outputs_by_name_come_back(tmp_path):
    image = k.tf_keras.Input((4,), name="x")
    heads = {"b": Scale(name="own")(image), "a": layers.Dense(2)(image) * 2.0}
    model = graph.rebuild(k.tf_keras.Model({"x": image}, heads))
    checkpoint.save(Candidate(model), tmp_path)
    found, x = checkpoint.load(tmp_path, model).model, np.ones((1, 4), np.float32)
    assert set(found({"x": x})) == {"a", "b"}
    np.testing.assert_array_equal(found({"x": x})["a"], model({"x": x})["a"])


def _fingerprint(model, task):
    return checkpoint.fingerprint(checkpoint.of_model(model), task)


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
    keys = ["", checkpoint.extend("", "prune()")]
    keys += [checkpoint.extend(keys[1], text) for text in ("prune()", "cluster()")]
    assert len(set(keys)) == 4
    assert checkpoint.extend(keys[1], "prune()") == keys[2]


def test_the_key_is_another_when_a_file_that_was_read_changes(tmp_path):
    file = tmp_path / "teacher.keras"
    found = []
    for content in (b"one", b"two"):
        file.write_bytes(content)
        found.append(checkpoint.extend("", "distill()", (str(file),)))
    assert found[0] != found[1]
    with pytest.raises(errors.BadInput, match=r"distill.*No such file"):
        checkpoint.extend("", "distill()", (str(tmp_path / "none"),))


def test_weights_find_their_layers_in_a_branching_graph(tmp_path):
    x = image = k.tf_keras.Input((4,))
    for _ in range(4):
        late = layers.Dense(4)(layers.Dense(4)(layers.Dense(4)(x)))
        x = layers.Concatenate()([layers.Dense(2)(x), late, layers.BatchNormalization()(x)])
        x = layers.Dense(4)(layers.Add()([layers.Dense(4)(x), layers.Dense(4)(late)]))
    model = graph.rebuild(k.tf_keras.Model(image, x))
    for number, weight in enumerate(model.weights):
        weight.assign(np.full(weight.shape, number, np.float32))
    checkpoint.save(Candidate(model), tmp_path)
    found = checkpoint.load(tmp_path, model).model
    for layer in model.layers:
        for one, two in zip(layer.weights, found.get_layer(layer.name).weights, strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("part", ["model", "teacher"])
def test_a_planted_candidate_that_runs_code_is_not_opened(part, network, tmp_path, caplog):
    marker = tmp_path / "marker"
    x = k.tf_keras.Input((4,))
    payload = layers.Lambda(lambda t, marker=str(marker): (open(marker, "w").close(), t)[1])
    planted = k.tf_keras.Model(x, payload(x))
    made = Candidate(planted)
    if part == "teacher":
        made = Candidate(network, teacher=Teacher(planted, ("logits",), 2.0, 0.5))
    checkpoint.save(made, tmp_path)
    marker.unlink()
    with caplog.at_level("WARNING", "absl"):
        assert checkpoint.load(tmp_path, network) is None
    assert "its work is done again: its graph: it holds Python code (Lambda)" in caplog.text
    assert not marker.exists()

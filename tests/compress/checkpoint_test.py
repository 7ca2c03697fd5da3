import dataclasses
import json

import numpy as np
import pytest

from tfedge import cache
from tfedge.compress import checkpoint, graph, holds
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate, Quantization, Report, Teacher
from tfedge.compress.training import training_state

layers = k.tf_keras.layers
KEY = "0123456789abcdef"


class Scale(layers.Layer):
    """A custom layer that is registered nowhere."""

    def build(self, shape):
        self.factor = self.add_weight(name="factor", shape=(shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.factor


@pytest.fixture
def stages(tmp_path):
    return cache.open_at(tmp_path / "cache")


def test_a_candidate_comes_back_whole(network, randomised, stages):
    candidate = Candidate(
        randomised(network),
        (holds.Zeros("stem", "Conv2D", np.ones((3, 3, 1, 4)), "2:4"), holds.Grid("stem", "Conv2D")),
        (Report("prune", "prune()", ("stem",), (("depthwise", "why"),), {"n": [1]}, ({"e": 1},)),),
        Quantization({"stem_range_0_0": (-1.0, 2.5)}, {"x": "reason"}),
        Teacher(graph.rebuild(network), ("logits", "features"), 2.0, 0.5, {"stem": "stem"}),
        exports=("int8",),
    )
    checkpoint.save(candidate, stages, KEY)
    found = checkpoint.load(stages, KEY, network)
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 1)).astype(np.float32)
    np.testing.assert_array_equal(found.model(x), network(x))
    assert found.reports == (dataclasses.replace(candidate.reports[0], taken_over=True),)
    assert found.quantization == candidate.quantization
    assert found.exports == ("int8",)
    assert [hold.kind for hold in found.holds] == ["zeros", "bits"]
    assert found.teacher.temperature == 2.0 and found.teacher.layers == {"stem": "stem"}
    assert found.teacher.methods == ("logits", "features")
    np.testing.assert_array_equal(found.teacher.model(x), network(x))


def test_without_a_file_or_with_a_broken_one_there_is_none(network, stages):
    assert checkpoint.load(stages, KEY, network) is None
    checkpoint.save(Candidate(network), stages, KEY)
    stages.write(KEY, {"candidate.npz": stages.read(KEY)["candidate.npz"][:500]})
    assert checkpoint.load(stages, KEY, network) is None


_OTHERS = {
    "an output that no layer gives": ("model", {"output_layers": [["nowhere", 0, 0]]}),
    "a layer of another shape": ("layers", {"filters": 5}),
}


@pytest.mark.parametrize(("where", "changed"), _OTHERS.values(), ids=_OTHERS)
def test_a_description_that_leads_keras_astray_is_none(where, changed, network, stages, caplog):
    checkpoint.save(Candidate(network), stages, KEY)
    index, arrays = training_state.from_bytes(stages.read(KEY)["candidate.npz"])
    described = json.loads(index["model"]["graph"])
    config = described["config"]
    (config if where == "model" else config["layers"][1]["config"]).update(changed)
    index["model"]["graph"] = json.dumps(described)
    stages.write(KEY, {"candidate.npz": training_state.to_bytes(index, arrays)})
    assert checkpoint.load(stages, KEY, network) is None
    assert len(caplog.records) == 1 and "its work is done again: " in caplog.messages[0]
    assert len(caplog.messages[0].splitlines()) == 1


def test_custom_layers_and_outputs_by_name_come_back(stages):
    image = k.tf_keras.Input((4,), name="x")
    heads = {"b": Scale(name="own")(image), "a": layers.Dense(2)(image) * 2.0}
    model = graph.rebuild(k.tf_keras.Model({"x": image}, heads))
    checkpoint.save(Candidate(model), stages, KEY)
    found, x = checkpoint.load(stages, KEY, model).model, np.ones((1, 4), np.float32)
    assert set(found({"x": x})) == {"a", "b"}
    np.testing.assert_array_equal(found({"x": x})["a"], model({"x": x})["a"])


def test_weights_find_their_layers_in_a_branching_graph(stages):
    x = image = k.tf_keras.Input((4,))
    for _ in range(4):
        late = layers.Dense(4)(layers.Dense(4)(layers.Dense(4)(x)))
        x = layers.Concatenate()([layers.Dense(2)(x), late, layers.BatchNormalization()(x)])
        x = layers.Dense(4)(layers.Add()([layers.Dense(4)(x), layers.Dense(4)(late)]))
    model = graph.rebuild(k.tf_keras.Model(image, x))
    for number, weight in enumerate(model.weights):
        weight.assign(np.full(weight.shape, number, np.float32))
    checkpoint.save(Candidate(model), stages, KEY)
    found = checkpoint.load(stages, KEY, model).model
    for layer in model.layers:
        for one, two in zip(layer.weights, found.get_layer(layer.name).weights, strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("part", ["model", "teacher"])
def test_a_planted_candidate_that_runs_code_is_not_opened(part, network, stages, tmp_path, caplog):
    marker = tmp_path / "marker"
    x = k.tf_keras.Input((4,))
    payload = layers.Lambda(lambda t, marker=str(marker): (open(marker, "w").close(), t)[1])
    planted = k.tf_keras.Model(x, payload(x))
    made = Candidate(planted)
    if part == "teacher":
        made = Candidate(network, teacher=Teacher(planted, ("logits",), 2.0, 0.5))
    checkpoint.save(made, stages, KEY)
    marker.unlink()
    with caplog.at_level("WARNING", "absl"):
        assert checkpoint.load(stages, KEY, network) is None
    assert "its work is done again: its graph: it holds Python code (Lambda)" in caplog.text
    assert not marker.exists()

import dataclasses
import json
import types

import numpy as np
import pytest

from tfedge import errors, to_tflite, versions
from tfedge.compress import costs, holds, keys, recipe
from tfedge.compress import keras as k
from tfedge.compress.passes import base, cluster, prune, quantize
from tfedge.compress.recipe import Recipe
from tfedge.compress.training import finetune, training_state
from tfedge.data.provenance import origins

TEXT = "prune(final_sparsity=0.8), cluster(number_of_clusters=8, epochs=1), quantize()"


def _weights(candidate):
    return b"".join(weight.tobytes() for weight in candidate.model.get_weights())


def test_text_is_read_and_written():
    parsed = Recipe.parse(TEXT)
    assert parsed.passes == (
        prune.Prune(final_sparsity=0.8),
        cluster.Cluster(number_of_clusters=8, epochs=1),
        quantize.Quantize(),
    )
    assert str(parsed) == TEXT
    assert Recipe.parse(" prune ,\n cluster(epochs=1)").passes == (
        prune.Prune(),
        cluster.Cluster(epochs=1),
    )


def test_no_text_is_no_pass(network, task):
    assert Recipe.parse("").passes == () and Recipe.parse("  ").passes == ()
    candidate = Recipe().apply(network, task)
    assert candidate.holds == () and candidate.reports == ()


def test_settings_of_every_type_survive_text_and_json():
    rules = {"a.*": {"block_size": (4, 1), "final_sparsity": 0.25}, 'it\'s "b"': None}
    made = Recipe((prune.Prune(sparsity_m_by_n=(2, 4), learning_rate=1e-5, rules=rules),))
    assert Recipe.parse(str(made)) == made
    assert Recipe.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_a_recipe_file_is_read(tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({**Recipe.parse(TEXT).to_json(), "export": "int8", "seed": 3}))
    assert Recipe.parse(str(path)) == Recipe.parse(TEXT)


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "3", "{}", '{"passes": 3}', '{"passes": [3]}'),
        *('{"passes": {"name": "prune"}}', '{"passes": [{"name": "prune"}]}'),
        '{"passes": [{"name": "prune", "settings": 3}]}',
    ],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path, content):
    path = tmp_path / "recipe.json"
    path.write_text(content)
    with pytest.raises(errors.BadInput):
        Recipe.parse(str(path))
    with pytest.raises(errors.BadInput, match="cannot be read"):
        Recipe.parse(str(tmp_path / "missing.json"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prun(final_sparsity=0.5)", "no such pass. Did you mean 'prune'?"),
        ("prun", "no recipe or pass has this name. Did you mean 'prune'?"),
        ("ballanced", "Did you mean 'balanced'?"),
        ("prune(sparsity=0.5)", "no such setting. Did you mean"),
        (
            "prune(final_sparsity=1.5)",
            "expected 0 <= final_sparsity < 1, got 1.5. Write prune(final_sparsity=0.5).",
        ),
        ("prune(0.5)", "expected a pass with named settings"),
        ("prune(", "cannot be read"),
        ("prune() cluster()", "cannot be read"),
        ("prune(epochs=1, epochs=2)", "names a setting twice"),
        ("prune(\0)", "cannot be read"),
        ("(" * 300 + ")" * 300, ""),
        ("prune(final_sparsity=1/2)", "expected a plain value"),
        ("prune(rules={[]: 1})", "expected a plain value"),
        ("prune(**{'epochs': 1})", "no such setting"),
        ("prune.Prune()", "expected a pass with named settings"),
        ("__import__('os').system('touch pwned')", "expected a pass with named settings"),
        ("prune(epochs=__import__('os').getpid())", "expected a plain value"),
        ("[prune()]", "expected a pass with named settings"),
        ("prune(threshold='much')", "expected more than 0"),
    ],
)
def test_text_that_is_no_recipe_is_refused_in_one_line(text, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(errors.BadInput) as caught:
        Recipe.parse(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
    assert not list(tmp_path.iterdir())


CODE = (
    {"name": "transfer", "settings": {"student": "py:evil.py:f"}},
    {"name": "distill", "settings": {"teacher": "py:evil.py:f"}},
)


@pytest.mark.parametrize("entry", CODE, ids=lambda entry: entry["name"])
def test_code_in_a_recipe_file_is_run_only_where_it_is_trusted(entry, tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({"passes": [entry]}))
    with pytest.raises(errors.BadInput, match=r"py:evil\.py:f.*--trust_recipe"):
        Recipe.parse(str(path))
    trusted = Recipe.parse(str(path), trust_code=True)
    assert trusted == Recipe.parse(str(trusted))  # text of the command line may name it


@pytest.mark.parametrize("epochs", ["1" * 400, "[" * 600 + "]" * 600])
def test_a_value_beyond_all_bounds_is_refused(epochs, tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text('{"passes": [{"name": "prune", "settings": {"epochs": ' + epochs + "}}]}")
    for text in (str(path), f"prune(epochs={epochs})"):
        with pytest.raises(errors.BadInput, match=r"64 bits|levels|cannot be read|plain value"):
            Recipe.parse(text).scaled(0.5)


def test_passes_are_found_by_their_files():
    found = recipe.available()
    assert found["prune"] is prune.Prune and "base" not in found
    assert all(issubclass(kind, base.Pass) for kind in found.values())
    empty = types.ModuleType("tfedge.compress.passes.empty")
    with pytest.raises(RuntimeError, match="must define one Pass, not 0"):
        recipe._class_in(empty)


def test_epochs_are_scaled_but_never_to_nothing():
    scaled = Recipe.parse("prune(epochs=10), cluster(epochs=1), quantize(epochs=0)").scaled(0.25)
    assert [each.epochs for each in scaled.passes] == [2, 1, 0]


def test_an_export_that_contradicts_is_refused():
    Recipe.parse("prune").check_export("float32")
    Recipe.parse(TEXT).check_export("int8")
    with pytest.raises(errors.BadInput, match=r"--export=float32: contradicts quantize\(\)"):
        Recipe.parse(TEXT).check_export("float32")


def test_a_later_pass_is_refused_before_anything_is_trained(network, task, monkeypatch):
    monkeypatch.setattr(finetune, "finetune", lambda *_: pytest.fail("trained"))
    with pytest.raises(errors.BadInput, match=r"cluster rule 'stemm'.*Layers it can name: stem"):
        Recipe.parse("prune, cluster(rules={'stemm': None})").apply(network, task)


def test_compression_never_sees_the_held_out_split(network, make_task, monkeypatch):
    seen = []
    monkeypatch.setattr(
        finetune, "finetune", lambda candidate, task, *_: seen.append(task) or 1 / 0
    )
    task = dataclasses.replace(make_task(), holdout=make_task().validation)
    with pytest.raises(ZeroDivisionError):
        Recipe.parse("prune(epochs=1)").apply(network, task)
    assert seen[0].holdout is None


def test_a_broken_promise_is_an_error_of_ours(network, task, monkeypatch):
    pruned = Recipe.parse("prune(epochs=0)").apply(network, task)

    def forgets(self, candidate, task):
        return dataclasses.replace(candidate, holds=(), reports=(self.report(),))

    monkeypatch.setattr(quantize.Quantize, "apply", forgets)
    with pytest.raises(RuntimeError, match="quantize broke what was promised: zeros of classes"):
        quantize.Quantize()(pruned, task)


def test_reports_tell_pass_settings_and_time(network, task):
    candidate = Recipe.parse("prune(epochs=1), quantize(epochs=1)").apply(network, task)
    assert [report.name for report in candidate.reports] == ["prune", "quantize"]
    assert [report.settings for report in candidate.reports] == [
        "prune(epochs=1)",
        "quantize(epochs=1)",
    ]
    assert all(report.seconds > 0 for report in candidate.reports)


def test_keras_3_models_are_taken(task):
    keras = k.keras3()
    image = keras.Input((6, 6, 1))
    x = keras.layers.Flatten()(keras.layers.Conv2D(2, 3, activation="relu")(image))
    model = keras.Model(image, keras.layers.Dense(3, activation="softmax")(x))
    candidate = Recipe.parse("prune(epochs=0)").apply(model, task)
    assert len(candidate.holds) == 2
    assert holds.broken(candidate.model, candidate.holds) == ()


@pytest.fixture
def interrupted(network, task, tmp_path, monkeypatch):
    """A run stopped as the second pass has saved its first epoch; its folder."""
    save = training_state.save

    def stop(label, state):
        save(label, state)
        if label.startswith("1-"):
            raise KeyboardInterrupt

    monkeypatch.setattr(training_state, "save", stop)
    with pytest.raises(KeyboardInterrupt):
        Recipe.parse(RESUMED).apply(network, task, tmp_path)
    monkeypatch.undo()
    return tmp_path


RESUMED = "prune(epochs=1), cluster(number_of_clusters=4, epochs=3, learning_rate=0.02)"


def test_a_stopped_run_goes_on_and_ends_the_same(network, task, interrupted, caplog):
    with caplog.at_level("INFO", logger="absl"):
        resumed = Recipe.parse(RESUMED).apply(network, task, interrupted)
    assert f"prune(epochs=1): taken over from {interrupted}" in caplog.text
    whole = Recipe.parse(RESUMED).apply(network, task)
    assert _weights(resumed) == _weights(whole)
    assert [report.name for report in resumed.reports] == ["prune", "cluster"]
    assert resumed.reports[1].history == whole.reports[1].history
    for one, two in zip(resumed.holds, whole.holds, strict=True):
        assert (one.kind, one.layer) == (two.kind, two.layer)


def test_what_another_run_left_behind_is_not_taken_over(network, make_task, interrupted, caplog):
    other_model = k.tf_keras.models.clone_model(network)
    other_seed = dataclasses.replace(make_task(), seed=5)
    cases = [(other_model, make_task(), RESUMED), (network, other_seed, RESUMED)]
    cases.append((network, make_task(), RESUMED.replace("epochs=1", "power=2, epochs=1")))
    with caplog.at_level("INFO", logger="absl"):
        for model, task, text in cases:
            Recipe.parse(text).scaled(0.0).apply(model, task, interrupted)
    assert "taken over" not in caplog.text


def test_what_latencies_are_of_tells_runs_apart(network, make_task):
    def key(text, timed_on):
        with costs.measuring(lambda model: 1.0):
            start = Recipe.parse(text).start(network, make_task())
        return dataclasses.replace(start, timed_on=timed_on).keys[-1]

    by_time = 'slim(budget="latency")'
    assert len({key(by_time, of) for of in ("", "galaxy_s24", "galaxy_s25")}) == 3
    assert key("slim", "") == key("slim", "galaxy_s25")


def test_the_key_of_a_run_is_of_all_that_determines_its_candidate(network, make_task, monkeypatch):
    def key(model=network, text="prune(epochs=1), cluster(epochs=1)", **changed):
        task = dataclasses.replace(make_task(), **changed)
        return Recipe.parse(text).start(model, task).keys[-1]

    task, other = make_task(), k.tf_keras.models.clone_model(network)
    plain = key()
    assert plain == key() == key(holdout=task.train, name="another")
    fewer, moved = task.calibration.take(np.arange(8)), task.train.take(np.arange(len(task.train)))
    moved.x.flat[-1] += 1  # the last number of the last example
    changed = [
        *(key(other), key(seed=1), key(batch_size=7), key(calibration=fewer), key(train=moved)),
        *(key(validation=fewer), key(text="prune(epochs=1), cluster(epochs=2)")),
        key(text="cluster(epochs=1), prune(epochs=1)"),
    ]
    monkeypatch.setattr(versions, "installed", lambda: {"tensorflow": "0"})
    changed.append(key())
    assert len({plain, *changed}) == 1 + len(changed)


def test_files_of_a_task_count_by_their_bytes(network, make_task, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"a")
    files = {"train": origins.Files(tmp_path, [str(path)])}
    task = dataclasses.replace(make_task(), origins=files)
    before = keys.fingerprint([b""], task)
    assert before == keys.fingerprint([b""], task)
    path.write_bytes(b"b")
    assert before != keys.fingerprint([b""], task)


def test_a_damaged_candidate_is_made_again(network, task, interrupted, caplog):
    for path in interrupted.glob("*.entry"):
        path.write_bytes(path.read_bytes()[:-50])
    with caplog.at_level("WARNING", logger="absl"):
        resumed = Recipe.parse(RESUMED).apply(network, task, interrupted)
    assert caplog.text.count("cannot be used, its work is done again: entry: its index says") == 2
    assert len(resumed.reports) == 2


def test_a_finished_run_is_taken_over_whole(network, task, tmp_path, monkeypatch):
    text = "prune(epochs=1), quantize(epochs=1)"
    first = Recipe.parse(text).apply(network, task, tmp_path)
    monkeypatch.setattr(finetune, "finetune", lambda *_: pytest.fail("trained again"))
    again = Recipe.parse(text).apply(network, task, tmp_path)
    assert _weights(again) == _weights(first)
    assert again.quantization == first.quantization
    assert {layer: codes.codes.tobytes() for layer, codes in again.codes().items()} == {
        layer: codes.codes.tobytes() for layer, codes in first.codes().items()
    }


def test_the_input_model_is_not_changed(network, task):
    before = [weight.copy() for weight in network.get_weights()]
    Recipe.parse("prune(epochs=1), cluster(epochs=1), quantize(epochs=1)").apply(network, task)
    for one, two in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_model_in_memory_is_tidied_like_one_out_of_a_file(task):
    layers, policy = k.tf_keras.layers, k.tf_keras.mixed_precision.Policy("mixed_float16")
    image = k.tf_keras.Input((6, 6, 1), name="image")
    x = layers.Conv2D(4, 3, activation="relu", dtype=policy, name="stem")(image)
    x = layers.Dense(3, "softmax", dtype="float32", name="classes")(layers.Flatten()(x))
    half = k.tf_keras.Model(image, x)
    candidate = Recipe.parse("prune(epochs=1)").apply(half, task)
    assert candidate.model.get_layer("stem").compute_dtype == "float32"
    assert half.get_layer("stem").compute_dtype == "float16"
    expected = Recipe().apply(half, task).model(task.train.x)
    np.testing.assert_allclose(half(task.train.x), expected, atol=0.01)
    assert to_tflite(half, "float32") == to_tflite(Recipe().apply(half, task), "float32")


@pytest.mark.parametrize("scale", [-1.0, float("nan"), float("inf")])
def test_a_scale_of_epochs_that_is_none_is_refused(scale):
    with pytest.raises(errors.BadInput, match="--epochs_scale"):
        Recipe.parse("prune").scaled(scale)

"""The whole journey on the embedded digits network and small models made here."""

import dataclasses
import hashlib
import html
import json
import pathlib
import types

import numpy as np
import pytest

import tfedge
from tfedge import making, workflow
from tfedge.compress import keras as k
from tfedge.data.task import ArraySplit, Task
from tfedge.device import profiles
from tfedge.export import options
from tfedge.making import preparing, reading
from tfedge.making.order import DEFAULT_RECIPE, Order
from tfedge.making.preparing import Ready
from tfedge.release import measured
from tfedge.release.publishing import bundle
from tfedge.workflow import compressing, told

MODEL = pathlib.Path(__file__).parents[1] / "models" / "checkpoints" / "digits_cnn_digits.keras"
SHORT = "prune(final_sparsity=0.3, distribution='lamp', epochs=1), quantize(epochs=1)"


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    folder = tmp_path_factory.mktemp("a folder, wïth spaces") / "release"
    made = workflow.make_release(
        MODEL,
        "digits",
        SHORT,
        "int8",
        output_dir=folder,
        margin=0.05,
        command="again",
        augment="crop(padding=1), mixup",
    )
    return made, folder


def test_a_release_is_complete_and_its_manifest_true(released):
    made, folder = released
    assert made.verdict.outcome == "PASS" and made.verdict.exit_code == 0
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *("model.tflite", "golden.npz", "recipe.json", "scorecard.json", "verdict.json"),
        *("report.html", "MODEL_CARD.md", "manifest.json"),
    }
    held_out = bundle.verify(folder)["held_out"]
    assert held_out["fingerprint"].startswith("inputs and labels: ")
    assert held_out["candidates_judged"] >= 1
    assert all(json.loads((folder / n).read_text())["schema_version"] for n in names if "json" in n)
    assert not folder.with_name("release.work").exists()


def test_a_split_drawn_here_is_said_in_card_report_and_verdict(released):
    _, folder = released
    said = "fedge drew this split; whether your training saw it is not known: see --trained"
    card, page, verdict = (
        (folder / name).read_text() for name in ("MODEL_CARD.md", "report.html", "verdict.json")
    )
    assert said in card and said in page and said in verdict


def test_training_data_that_are_held_out_are_refused_before_any_work(tmp_path):
    seen, folder = tmp_path / "seen.txt", tmp_path / "release"
    seen.write_text("\n".join(map(str, range(1797))))
    with pytest.raises(tfedge.BadInput, match="600 of 600 held-out examples"):
        workflow.make_release(MODEL, "digits", output_dir=folder, trained_on=seen)
    assert not (folder / "verdict.json").exists()


def test_the_manifest_tells_an_app_how_pictures_become_inputs():
    file = pathlib.Path(__file__).parent / "device" / "files" / "image_int8.tflite"
    task = dataclasses.replace(tfedge.load_task("digits"), preprocessing="stretched to 8x8")
    made = making.Made("a", file.read_bytes(), b"", None, {}, task, None)
    assert told.facts(made) == {
        "preprocessing": "stretched to 8x8",
        "app": {
            "name": "a",
            "task": "digits",
            "kind": "classification",
            "labels": list("0123456789"),
            "normalization": {"scale": 0.0625, "offset": 0.0},
            "inputs": {"": {"shape": (8, 8, 1), "dtype": "uint8", "least": 0, "most": 16}},
        },
    }


def test_the_scorecard_says_what_the_contract_promises(released):
    _, folder = released
    card = json.loads((folder / "scorecard.json").read_text())
    assert card["metric"]["n"] == 600 and sum(card["metric"]["paired"].values()) == 600
    assert card["file_bytes"] == (folder / "model.tflite").stat().st_size
    assert card["download_bytes"] < card["file_bytes"] < card["baseline_file_bytes"]
    assert {hold["kind"] for hold in card["holds"]} == {"zeros", "bits"}
    assert all(hold["kept"] for hold in card["holds"])
    assert card["latency_ms"]["phone_measured"] is None and not card["flex_operators"]


def test_recipe_json_alone_repeats_the_release(released, tmp_path):
    _, folder = released
    assert json.loads((folder / "recipe.json").read_text())["augment"] == "crop(padding=1), mixup"
    again = workflow.make_release(
        MODEL, "digits", str(folder / "recipe.json"), output_dir=tmp_path / "again", margin=0.05
    )
    files = [path / "model.tflite" for path in (folder, again.folder)]
    first, second = (hashlib.sha256(file.read_bytes()).hexdigest() for file in files)
    assert first == second


@pytest.mark.parametrize(
    "content",
    [
        *("[1, 2]", '{"seed": "x", "passes": []}', "{", '{"seed": true}', '{"seed": -1}'),
        *('{"seed": 4294967296}', '{"seed": 1.5}', '{"input_shape": [8, "8"]}', "[" * 3000),
        '{"class_weight": 3}',
        *('{"input_shape": [true]}', '{"input_shape": [0]}', '{"augment": ["flip"]}'),
    ],
)
def test_a_recipe_json_that_is_none_is_refused(content, tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(content)
    with pytest.raises(tfedge.BadInput, match=r"--recipe=.*recipe\.json"):
        workflow.make_release(MODEL, "digits", str(path), output_dir=tmp_path / "out")


def test_a_recipe_json_keeps_the_shape_and_the_place_of_the_data(tmp_path):
    path = tmp_path / "recipe.json"
    written = {"passes": [], "input_shape": [8, 8, 1], "source": "digits", "data_dir": "there"}
    path.write_text(json.dumps(written))
    order = reading.read(Order(MODEL, "digits", str(path))).order
    assert (order.input_shape, order.data_dir) == ([8, 8, 1], "there")


def test_a_recipe_json_keeps_the_class_weights_that_were_found_in_its_model(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(scale=2, size=(1200, 1)).astype(np.float32)
    y = (rng.random(1200) < 1 / (1 + 9 * np.exp(-x[:, 0]))).astype(int)
    parts = (ArraySplit(x[:1000], y[:1000]), ArraySplit(x[1000:], y[1000:]))
    task = Task("toy", "binary", parts[0], parts[0], parts[0].take(np.arange(100)), parts[1])
    number = k.tf_keras.Input((1,))
    model = k.tf_keras.Model(number, k.tf_keras.layers.Dense(1, "sigmoid")(number))
    model.set_weights([np.ones((1, 1)), np.array([np.log(8 / 9)])])  # odds 8 times as high
    order = Order(model, task, "prune(final_sparsity=0.1, epochs=1)", "float32")
    made = making.make(preparing.prepare(reading.read(order)))
    found = made.recipe["class_weight"]
    assert found["1"] / found["0"] == pytest.approx(8, rel=0.4)
    path = tmp_path / "recipe.json"

    def used(recipe, other=task):
        path.write_text(json.dumps({**made.recipe, **recipe}))
        again = dataclasses.replace(order, recipe=str(path), task=other)
        return preparing.prepare(reading.read(again)).given.task.class_weight

    assert used({}) == found
    assert used({"class_weight": {}}) == "none"
    assert used({"model_float32_sha256": "of another"}) is None
    assert used({"data": "other"}) is None
    assert used({}, dataclasses.replace(task, class_weight="balanced")) == "balanced"


def test_a_rejected_candidate_leaves_the_last_release_alone(released):
    _, folder = released
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    tight = dataclasses.replace(profiles.load("wearable"), max_file_bytes=1000)
    again = workflow.make_release(
        MODEL, "digits", "quantize(epochs=1)", "int8", output_dir=folder, profile=tight, margin=0.05
    )
    assert again.verdict.outcome == "FAIL" and again.verdict.exit_code == 3
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    verdict = json.loads((bundle.rejected_dir(folder) / "verdict.json").read_text())
    assert [c["name"] for c in verdict["checks"] if c["outcome"] == "FAIL"] == ["file_size"]


def test_a_rejected_model_is_judged_again_on_more_examples_and_not_trained(tmp_path, monkeypatch):
    task, folder = tfedge.load_task("digits"), tmp_path / "out"
    few = dataclasses.replace(task, holdout=task.holdout.take(np.arange(60)))
    recipe = "prune(final_sparsity=0.3, epochs=0), quantize(epochs=0)"
    first = workflow.make_release(MODEL, few, recipe, output_dir=folder, margin=0.02)
    kept = bundle.rejected_dir(folder)
    assert first.verdict.exit_code == 4 and first.folder == kept
    assert {path.name for path in kept.iterdir()} == {
        *("not_released.tflite", "recipe.json", "reports.json", "scorecard.json", "verdict.json"),
        *("report.html", "MODEL_CARD.md", "manifest.json"),
    }
    said = "is not a release: it is kept here"
    assert (
        said in (kept / "report.html").read_text() and said in (kept / "MODEL_CARD.md").read_text()
    )
    content = (kept / "not_released.tflite").read_bytes()
    written = json.loads((kept / "recipe.json").read_text())
    holds = json.loads((kept / "scorecard.json").read_text())["holds"]
    times = {"p50": 1.0, "p90": 2.0, "device": "a phone"}
    measured.record(kept, hashlib.sha256(content).hexdigest(), measured.NATIVE, times)
    monkeypatch.setattr(making, "make", None)  # what trains
    said = []
    monkeypatch.setattr(workflow.logging, "info", lambda text, *values: said.append(text % values))
    again = workflow.make_release(MODEL, task, recipe, output_dir=folder, margin=0.05)
    assert again.verdict.outcome == "PASS" and again.folder == folder
    assert f"nothing is trained: {kept / 'not_released.tflite'}, made from the same," in str(said)
    assert (folder / "model.tflite").read_bytes() == content
    assert json.loads((folder / "recipe.json").read_text()) == written
    assert json.loads((folder / "scorecard.json").read_text())["holds"] == holds != []
    card = (folder / "MODEL_CARD.md").read_text()
    assert "2. quantize(epochs=0): " in card and "--margin=0.02" in card
    rows = {check.name: check for check in again.verdict.checks}
    assert (rows["margin"].value, rows["margin"].limit) == (0.05, 0.02)
    assert "2 ms, measured on a phone" in rows["phone_latency"].reason


def test_what_determines_a_file_that_nothing_is_trained_for():
    task = tfedge.load_task("digits")

    def key(baseline=b"model", export="int8", **changed):
        parts = types.SimpleNamespace(
            task=dataclasses.replace(task, **changed), export=options.Export.parse(export)
        )
        return Ready(parts, None, baseline).key

    assert key() == key(holdout=None)
    changed = [key(b"other"), key(export='int8(input="uint8")'), key(calibration=task.validation)]
    assert len({key(), *changed}) == 4


def test_too_few_held_out_examples_are_called_so(tmp_path, caplog):
    made = workflow.make_release(
        MODEL, "digits", "", "float16", output_dir=tmp_path / "out", margin=0.0005
    )
    assert made.verdict.outcome == "INSUFFICIENT_DATA" and made.verdict.exit_code == 4
    said = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert any("600 held-out examples: a compressed model as good" in line for line in said)
    assert not (tmp_path / "out").exists()


def test_what_ships_today_decides_and_the_input_model_is_reported(released, tmp_path):
    made, folder = released
    again = workflow.make_release(
        *(MODEL, "digits", "", "float16"),
        output_dir=tmp_path / "out",
        margin=0.05,
        baseline=folder,
    )
    assert again.verdict.outcome == "PASS"
    assert again.scorecard.metric.baseline == made.scorecard.metric.value
    assert again.scorecard.baseline_file_bytes == (folder / "model.tflite").stat().st_size
    (row,) = [check for check in again.verdict.checks if check.name == "input_model"]
    assert f"input model {made.scorecard.metric.baseline:.2%}" in row.reason
    assert row.reason in html.unescape((again.folder / "report.html").read_text())
    assert "input\\_model" in (again.folder / "MODEL_CARD.md").read_text()


def test_a_float_tflite_is_quantized_and_released(released, tmp_path):
    pytest.importorskip("ai_edge_quantizer", reason="needs the extra 'peers'")
    task = tfedge.load_task("digits")
    path = tmp_path / "float.tflite"
    path.write_bytes(tfedge.to_tflite(tfedge.load_model(str(MODEL)), "float32", task))
    made = workflow.make_release(
        path, task, "", "dynamic", output_dir=tmp_path / "out", margin=0.05
    )
    assert made.verdict.outcome == "PASS"


def test_a_subclassed_model_is_exported_but_not_compressed(tmp_path):
    from tfedge.compress import keras

    layers = keras.tf_keras.layers

    class Subclassed(keras.tf_keras.Model):
        def __init__(self):
            super().__init__()
            self.answer = layers.Dense(10, activation="softmax")

        def call(self, x):
            return self.answer(layers.Flatten()(x))

    task = tfedge.load_task("digits")
    x, y = next(iter(task.train.batches(997)))
    model = Subclassed()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(task.normalization(x), y, epochs=3, verbose=0)
    made = workflow.make_release(
        model, task, "", "float16", output_dir=tmp_path / "out", margin=0.05
    )
    assert made.verdict.outcome == "PASS"
    with pytest.raises(tfedge.BadInput, match="subclassed"):
        workflow.make_release(model, task, "prune", "float16", output_dir=tmp_path / "two")


@pytest.mark.parametrize("recipe", ["quantize", DEFAULT_RECIPE])
def test_a_tflite_is_not_compressed_and_what_to_write_is_said_at_once(recipe):
    order = Order("float.tflite", "no_such_data", recipe)
    with pytest.raises(tfedge.BadInput, match="Write --recipe='' --export=int8") as refused:
        reading.read(order)
    assert "--model=float.tflite" in str(refused.value) and "quantize would need" in str(
        refused.value
    )


def test_compress_writes_a_keras3_model_with_the_same_answers(tmp_path):
    order = Order(MODEL, "digits", "prune(epochs=1), cluster(epochs=1)", "float32")
    made = compressing.compress(order, tmp_path / "out", with_keras=True)
    model = tfedge.load_model(str(tmp_path / "out" / "model.keras"))
    x = np.random.default_rng(0).uniform(0, 1, (4, 8, 8, 1)).astype(np.float32)
    np.testing.assert_allclose(model(x), made.candidate.model(x), rtol=1e-6, atol=1e-7)


def test_the_packed_form_is_in_the_release_and_in_its_manifest(tmp_path):
    folder = tmp_path / "out"
    workflow.make_release(MODEL, "digits", "", output_dir=folder, margin=0.05, packed=True)
    listed = bundle.verify(folder)["files"]
    packed = (folder / "model.tflite.packed").read_bytes()
    assert tfedge.unpack(packed) == (folder / "model.tflite").read_bytes()
    assert listed["model.tflite.packed"]["bytes"] == len(packed)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"recipe": "prun(final_sparsity=0.5)"}, "Did you mean 'prune'"),
        ({"recipe": "prune(final_sparsty=0.5)"}, "Did you mean 'final_sparsity'"),
        ({"recipe": "prune(final_sparsity=1.5)"}, "0 <= final_sparsity < 1"),
        ({"recipe": "prune(rules={'nowhere': None})"}, "matches no layer"),
        ({"recipe": "prune(begin_step=10**9)"}, "plain value"),
        ({"augment": "flop"}, "Did you mean 'flip'"),
        ({"augment": "crop(padding=8)"}, "too many for images of 8 x 8"),
        ({"recipe": "prune(begin_step=1000000)"}, "masks would never change"),
        ({"recipe": "quantize", "export": "float32"}, "contradicts"),
        ({"export": "int9"}, "int9"),
        ({"model": "missing.keras"}, "missing.keras"),
        ({"task": "fashion_mist"}, "fashion_mist"),
        ({"profile": "pocket_calculator"}, "pocket_calculator"),
        ({"recipe": "prune", "epochs_scale": float("nan")}, "--epochs_scale"),
        ({"seed": -1}, "--seed"),
        ({"margin": 2.0}, "margin"),
        ({"min_metric": {"acuracy": 0.9}}, "Did you mean 'accuracy'"),
    ],
)
def test_bad_input_is_refused_in_one_line_and_writes_nothing(changed, named, tmp_path):
    given = {"model": MODEL, "task": "digits", "recipe": "", "export": "float32", **changed}
    with pytest.raises(tfedge.BadInput, match=named.replace("(", r"\(")) as refused:
        workflow.make_release(output_dir=tmp_path / "out", **given)
    assert "\n" not in str(refused.value)
    assert {path.name for path in tmp_path.iterdir()} <= {"out.lock"}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"task": "blank"}, "the baseline itself is broken"),
        ({"baseline": "foreign.tflite"}, "foreign.tflite: not a .tflite"),
        ({"recipe": "quantize", "export": "int8(algorithm='gptq')"}, "trained the integers"),
    ],
)
def test_what_would_be_refused_in_the_end_is_refused_before_training(
    changed, named, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "foreign.tflite").write_bytes(b"not a model")
    task = dataclasses.replace(tfedge.load_task("digits"), labels=())
    if changed.pop("task", None):
        scale = dataclasses.replace(task.normalization, scale=0.0)
        task = dataclasses.replace(task, normalization=scale)
    given = {"recipe": "prune(epochs=1)", "export": "int8", **changed}
    with pytest.raises(tfedge.BadInput, match=named):
        workflow.make_release(MODEL, task, output_dir=tmp_path / "out", **given)
    assert [path.name for path in tmp_path.iterdir()] == ["foreign.tflite"]


def test_a_keras3_model_is_taken_from_memory_and_its_first_layer_believed(tmp_path):
    from tfedge.compress import keras

    layers = keras.keras3().layers
    image = layers.Input((8, 8, 1), name="image")
    x = layers.Flatten()(layers.Rescaling(1 / 255)(image))
    model = keras.keras3().Model(image, layers.Dense(10, activation="softmax")(x))
    with pytest.raises(tfedge.BadInput, match="trained on values from 0 to 255"):
        workflow.make_release(model, "digits", "", "float32", output_dir=tmp_path / "out")


def test_data_of_another_shape_is_refused(tmp_path):
    other = tfedge.load_task("digits")
    x, y = next(iter(other.train.batches(100)))
    wide = type(other.holdout)(np.repeat(x, 2, axis=2), y)
    task = dataclasses.replace(other, train=wide, calibration=wide, validation=wide, holdout=wide)
    with pytest.raises(tfedge.BadInput):
        workflow.make_release(MODEL, task, "", "float32", output_dir=tmp_path / "out")


def test_a_strangers_folder_in_the_place_of_the_work_is_left_alone(tmp_path):
    (tmp_path / "out.work").mkdir()
    (tmp_path / "out.work" / "thesis.txt").write_text("precious")
    with pytest.raises(tfedge.BadInput, match=r"out\.work: this folder is not one of ours"):
        workflow.make_release(MODEL, "digits", "", "float32", output_dir=tmp_path / "out")
    assert (tmp_path / "out.work" / "thesis.txt").read_text() == "precious"
    assert [each.name for each in tmp_path.iterdir()] == ["out.work"]

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import randomised

from tfedge.compress import keras, loading
from tfedge.errors import BadInput

k3, tf_keras = keras.keras3(), keras.tf_keras
DATA = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")


def _model(package, shape=(8, 8, 3)):
    layers = package.layers
    x = package.Input(shape, name="image")
    y = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, name="conv")(x))
    y = layers.Dense(2, name="head")(layers.GlobalAveragePooling2D()(layers.ReLU()(y)))
    return randomised.randomise(package.Model(x, y, name="tiny"))


@pytest.mark.parametrize("package", [k3, tf_keras], ids=["keras3", "tf_keras"])
@pytest.mark.parametrize("file", ["model.keras", "mödel (1) 模型.keras", "model.h5"])
def test_a_file_of_either_keras_opens_as_the_same_tf_keras_model(package, file, tmp_path):
    model = _model(package)
    model.compile("adam", "mse")
    model.save(tmp_path / file)
    loaded = loading.load_model(tmp_path / file)
    assert isinstance(loaded, tf_keras.Model)
    assert randomised.apart(model(DATA), loaded(DATA)) <= 1e-6
    assert [w.shape for w in loaded.weights] == [w.shape for w in model.weights]


def test_tensorflow_functions_between_layers_become_op_layers(tmp_path):
    x = tf_keras.Input((8, 8, 3))
    y = keras.tf.nn.relu6(tf_keras.layers.Flatten()(x))[:, 1:] * 2 + 1
    model = tf_keras.Model(x, tf_keras.layers.Dense(2)(y))
    model.save(tmp_path / "ops.keras")
    loaded = loading.load_model(str(tmp_path / "ops.keras"))
    assert [type(layer).__name__ for layer in loaded.layers].count("Op") == 4
    assert randomised.apart(model(DATA), loaded(DATA)) == 0


def test_half_precision_opens_as_float32(tmp_path):
    x = tf_keras.Input((8,))
    model = tf_keras.Model(x, tf_keras.layers.Dense(2, dtype="mixed_float16")(x))
    model.save(tmp_path / "half.keras")
    loaded = loading.load_model(tmp_path / "half.keras")
    assert loaded.layers[-1].compute_dtype == "float32"
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])


@pytest.mark.parametrize("kind", ["prune", "cluster"])
@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_pruning_and_clustering_wrappers_are_stripped(kind, suffix, tmp_path):
    tfmot = pytest.importorskip("tensorflow_model_optimization")
    if kind == "prune":
        wrapped = tfmot.sparsity.keras.prune_low_magnitude(_model(tf_keras))
        stripped = tfmot.sparsity.keras.strip_pruning(wrapped)
    else:
        linear = tfmot.clustering.keras.CentroidInitialization.LINEAR
        wrapped = tfmot.clustering.keras.cluster_weights(_model(tf_keras), 4, linear)
        stripped = tfmot.clustering.keras.strip_clustering(wrapped)
    wrapped.save(tmp_path / f"model.{suffix}")
    loaded = loading.load_model(tmp_path / f"model.{suffix}")
    assert [type(layer).__name__ for layer in loaded.layers[1:3]] == [
        "Conv2D",
        "BatchNormalization",
    ]
    assert randomised.apart(stripped(DATA), loaded(DATA)) == 0


def test_quantization_wrappers_are_stripped(tmp_path):
    tfmot = pytest.importorskip("tensorflow_model_optimization")
    model = _model(tf_keras)
    tfmot.quantization.keras.quantize_model(model).save(tmp_path / "qat.h5")
    loaded = loading.load_model(tmp_path / "qat.h5")
    assert [type(layer).__name__ for layer in loaded.layers] == [
        type(layer).__name__ for layer in model.layers
    ]
    assert randomised.apart(model(DATA), loaded(DATA)) == 0


@pytest.mark.parametrize("package", [k3, tf_keras], ids=["keras3", "tf_keras"])
def test_a_model_for_any_size_needs_a_fixed_one(package, tmp_path):
    model = _model(package, (None, None, 3))
    model.save(tmp_path / "any.keras")
    with pytest.raises(BadInput, match=r"'image'.*--input_shape"):
        loading.load_model(tmp_path / "any.keras")
    loaded = loading.load_model(tmp_path / "any.keras", input_shape=(8, 8, 3))
    assert loaded.input_shape == (None, 8, 8, 3)
    assert randomised.apart(model(DATA), loaded(DATA)) <= 1e-6
    for wrong in ((8, 8, 1), (8, 8), (0, 8, 3)):
        with pytest.raises(BadInput, match="--input_shape"):
            loading.load_model(tmp_path / "any.keras", input_shape=wrong)


def test_a_shape_the_layers_cannot_take_is_refused(tmp_path):
    x = tf_keras.Input((None, None, 3))
    y = tf_keras.layers.Conv2D(2, 9)(x)
    tf_keras.Model(x, tf_keras.layers.GlobalMaxPooling2D()(y)).save(tmp_path / "any.keras")
    with pytest.raises(BadInput, match="--input_shape"):
        loading.load_model(tmp_path / "any.keras", input_shape=(4, 4, 3))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused_by_name(value, tmp_path):
    model = _model(tf_keras)
    kernel = np.array(model.get_layer("head").kernel)
    kernel[1, 1] = value
    model.get_layer("head").kernel.assign(kernel)
    model.save(tmp_path / "model.keras")
    with pytest.raises(BadInput, match=r"head/kernel.*1 of 8 values"):
        loading.load_model(tmp_path / "model.keras")


def test_a_saved_model_and_a_tflite_file_are_for_export(tmp_path):
    keras.tf.saved_model.save(_model(tf_keras), str(tmp_path / "saved"))
    assert loading.load_model(tmp_path / "saved") == loading.SavedModel(tmp_path / "saved")
    (tmp_path / "model.tflite").write_bytes(b"\x1c\0\0\0TFL3rest")
    found = loading.load_model(tmp_path / "model.tflite")
    assert found.content == b"\x1c\0\0\0TFL3rest"


USER_FILE = """
import keras, tf_keras

def functional():
    x = keras.Input((4,))
    return keras.Model(x, keras.layers.Dense(2)(x))

def sequential():
    return tf_keras.Sequential([tf_keras.layers.Dense(2)])

def subclassed():
    class Mine(tf_keras.Model):
        def call(self, inputs):
            return inputs
    return Mine()

def number():
    return 7

def broken():
    return 1 / 0

def leaving():
    raise SystemExit(5)
"""


def test_a_model_from_the_users_code(tmp_path):
    file = tmp_path / "user_models.py"
    file.write_text(USER_FILE)
    assert isinstance(loading.load_model(f"py:{file}:functional"), tf_keras.Model)
    built = loading.load_model(f"py:{file}:sequential", input_shape=(3,))
    assert built.input_shape == (None, 3)
    assert not loading.is_functional(loading.load_model(f"py:{file}:subclassed"))
    for function, cause in (
        ("number", "gave int"),
        ("broken", "ZeroDivisionError in its line 21"),
        ("absent", "no function 'absent'"),
        ("leaving", "SystemExit in its line 24"),
    ):
        with pytest.raises(BadInput, match=cause):
            loading.load_model(f"py:{file}:{function}")


def test_a_function_that_cannot_be_there_is_refused_without_running_its_file(tmp_path):
    file = tmp_path / "unrun.py"
    file.write_text("def network():\n    pass\n\nraise SystemExit(9)")
    loading.check_names(f"py:{file}:network")
    with pytest.raises(BadInput, match=r"no function 'netwrk'\. Did you mean 'network'"):
        loading.check_names(f"py:{file}:netwrk")


LAYER_FILE = """
import keras
{imports}

@keras.saving.register_keras_serializable("{package}")
class Doubled(keras.layers.Layer):
    def call(self, inputs):
        return {computes}

{twin}
"""
TWIN = """
@tf_keras.saving.register_keras_serializable("{package}", "Doubled")
class DoubledTwin(tf_keras.layers.Layer):
    def call(self, inputs):
        return inputs * 2
"""
SAVING = """
import sys, keras, {name}
x = keras.Input((3,))
keras.Model(x, {name}.Doubled()(x)).save("doubled.keras")
"""


def _file_with_a_layer_of_its_own(folder, name, twin):
    import subprocess
    import sys

    computes = "inputs * 2" if twin else "keras.ops.deg2rad(inputs)"
    source = LAYER_FILE.format(package=name, imports="", twin="", computes=computes)
    (folder / f"{name}.py").write_text(source)
    saving = [sys.executable, "-c", SAVING.format(name=name)]
    subprocess.run(saving, cwd=folder, check=True, capture_output=True)
    twin = TWIN.format(package=name) if twin else ""
    imports = "import tf_keras" if twin else ""
    code = LAYER_FILE.format(package=name, imports=imports, twin=twin, computes=computes)
    (folder / f"{name}.py").write_text(code)
    return folder / "doubled.keras", f"py:{folder / name}.py"


def test_a_layer_of_the_users_own_needs_its_code_and_a_twin(tmp_path):
    path, code = _file_with_a_layer_of_its_own(tmp_path, "layers_with_twin", twin=True)
    with pytest.raises(BadInput, match=r"layers_with_twin.*--custom_objects"):
        loading.load_model(path)
    loaded = loading.load_model(path, custom_objects=code)
    np.testing.assert_array_equal(loaded(np.ones((1, 3))), [[2.0, 2.0, 2.0]])


def test_without_a_twin_such_a_model_is_for_export(tmp_path, monkeypatch, capfd):
    path, code = _file_with_a_layer_of_its_own(tmp_path, "layers_without", twin=False)
    export = k3.Model.export

    def chatty(*given, **named):
        os.write(2, b"chatter of C++")
        export(*given, **named)

    monkeypatch.setattr(k3.Model, "export", chatty)
    found = loading.load_model(path, custom_objects=code)
    assert isinstance(found, loading.SavedModel)
    assert "deg2rad has no counterpart" in found.reason
    assert (found.path / "saved_model.pb").is_file()
    assert "chatter" not in capfd.readouterr().err


class Thrice(k3.layers.Layer):
    def call(self, inputs):
        step = lambda count, doubled: (count + 1, k3.ops.tanh(doubled))  # noqa: E731
        return k3.ops.while_loop(lambda count, _: count < 3, step, (0, inputs))[1]


def test_what_is_exported_as_it_is_takes_one_example_also_behind_a_loop():
    inputs = {"second": k3.Input((4,), name="second"), "first": k3.Input((4, 3), name="first")}
    thrice = k3.layers.Dense(2)(k3.layers.Flatten()(Thrice()(inputs["first"])))
    model = k3.Model(inputs, k3.layers.Concatenate()([thrice, inputs["second"]]))
    function = keras.tf.saved_model.load(loading.exported(model).path).signatures["serving_default"]
    assert [output.shape for output in function.structured_outputs.values()] == [(1, 6)]
    given = {"first": np.full((1, 4, 3), 0.3, "float32"), "second": np.ones((1, 4), "float32")}
    (got,) = function(**{name: keras.tf.constant(each) for name, each in given.items()}).values()
    assert randomised.apart(model(given), got) <= 1e-6


@pytest.mark.parametrize("package", [k3, tf_keras], ids=["keras3", "tf_keras"])
def test_a_saved_model_opens_again(package, tmp_path):
    model = _model(package)
    loading.save_model(model, tmp_path / "model.keras")
    again = loading.load_model(tmp_path / "model.keras")
    assert randomised.apart(model(DATA), again(DATA)) <= 1e-6
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]


class Interrupted:
    """A model whose saving stops halfway."""

    def save(self, path):
        pathlib.Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")


def test_a_save_that_fails_leaves_the_old_file(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"the old one")
    with pytest.raises(BadInput, match="No space left"):
        loading.save_model(Interrupted(), tmp_path / "model.keras")
    assert (tmp_path / "model.keras").read_bytes() == b"the old one"
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]
    with pytest.raises(BadInput, match=r"\.keras"):
        loading.save_model(Interrupted(), tmp_path / "model.h5")


def test_a_file_of_the_users_code_finds_its_neighbour(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    (tmp_path / "their_layers.py").write_text("UNITS = 3\n")
    file = tmp_path / "their_model.py"
    file.write_text(
        "import tf_keras\n"
        "def build():\n"
        "    import their_layers\n"
        "    x = tf_keras.Input((2,))\n"
        "    return tf_keras.Model(x, tf_keras.layers.Dense(their_layers.UNITS)(x))\n"
    )
    assert loading.load_model(f"py:{file}:build").output_shape == (None, 3)


@pytest.mark.parametrize("asked", [(0,), (-1,)])
def test_a_size_below_one_is_no_shape(asked):
    x = tf_keras.Input((None, 2))
    model = tf_keras.Model(x, tf_keras.layers.Conv1D(1, 1)(x))
    assert loading._fits((None, 2), (5, 2)) and not loading._fits((None, 2), (*asked, 2))
    assert model.input_shape == (None, None, 2)


def test_the_users_code_does_not_start_tensorflow_with_its_greetings(tmp_path):
    """In a process of its own, as TensorFlow greets once."""
    (tmp_path / "own.py").write_text("import keras\n")
    code = (
        "from tfedge.compress import loading\n"
        "try: loading.load_model('absent.keras', 'py:own.py')\n"
        "except loading.BadInput as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "absent.keras" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("package", [k3, tf_keras], ids=["keras3", "tf_keras"])
def test_a_batch_of_one_size_becomes_any_but_where_layers_keep_a_state(package, tmp_path):
    """A file has a batch of 1, and trainings have theirs."""
    x = package.Input(batch_shape=(8, 4, 3))
    for stateful, batch in ((False, None), (True, 8)):
        y = package.layers.LSTM(2, stateful=stateful)(x)
        package.Model(x, y).save(tmp_path / "model.keras")
        opened = loading.load_model(tmp_path / "model.keras")
        assert tuple(opened.inputs[0].shape) == (batch, 4, 3)
        assert tuple(opened.outputs[0].shape) == (batch, 2)

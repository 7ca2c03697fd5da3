import json
import os
import sys
import zipfile

import h5py
import numpy as np
import pytest

from tfedge.compress import keras, loading
from tfedge.compress.loading import config_safety
from tfedge.errors import BadInput

k3, tf_keras = keras.keras3(), keras.tf_keras


def _dense(package):
    x = package.Input((4,))
    return package.Model(x, package.layers.Dense(3, activation="relu", name="head")(x))


def _with_config(source, target, change):
    """A copy of a .keras file with a changed description."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                config = json.loads(content)
                change(config)
                content = json.dumps(config).encode()
            new.writestr(name, content)
    return target


@pytest.fixture(params=["keras3", "tf_keras"])
def good(request, tmp_path):
    """A harmless .keras file of either Keras."""
    path = tmp_path / "good.keras"
    _dense(k3 if request.param == "keras3" else tf_keras).save(path)
    return path


def _last_layer(config):
    return config["config"]["layers"][-1]


@pytest.mark.parametrize("suffix", ["h5", "keras"])
@pytest.mark.parametrize("package", [k3, tf_keras], ids=["keras3", "tf_keras"])
def test_python_code_in_a_lambda_layer_is_not_run(package, suffix, tmp_path):
    marker, path = tmp_path / "marker", tmp_path / f"model.{suffix}"
    x = package.Input((4,))
    payload = package.layers.Lambda(
        lambda t, marker=str(marker): (open(marker, "w").close(), t)[1], output_shape=(4,)
    )
    package.Model(x, payload(x)).save(path)
    marker.unlink(missing_ok=True)
    with pytest.raises(BadInput, match="Python code"):
        loading.load_model(path)
    assert not marker.exists()


def test_the_payload_would_have_run(tmp_path):
    """What the tests above guard against: tf_keras runs it whatever safe_mode says."""
    marker = tmp_path / "marker"
    x = tf_keras.Input((4,))
    layer = tf_keras.layers.Lambda(lambda t, marker=str(marker): (open(marker, "w").close(), t)[1])
    tf_keras.Model(x, layer(x)).save(tmp_path / "model.h5")
    marker.unlink()
    tf_keras.models.load_model(tmp_path / "model.h5", safe_mode=True)
    assert marker.exists()


@pytest.mark.parametrize("class_name", ["Dense", "Payload"])
def test_a_module_the_file_names_is_not_imported(good, class_name, tmp_path, monkeypatch):
    marker = tmp_path / "marker"
    (tmp_path / "named_by_a_model.py").write_text(f"open({str(marker)!r}, 'w')\nPayload = 1")
    monkeypatch.syspath_prepend(tmp_path)

    def change(config):
        _last_layer(config).update(module="named_by_a_model", class_name=class_name)

    path = _with_config(good, tmp_path / "changed.keras", change)
    with pytest.raises(BadInput, match="named_by_a_model"):
        loading.load_model(path)
    assert not marker.exists()
    assert "named_by_a_model" not in sys.modules


FUNCTIONS = [
    {"module": "os", "class_name": "function", "config": "getcwd", "registered_name": "getcwd"},
    {"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "x"},
    {"module": "keras.utils", "class_name": "function", "config": "get_file"},
    {"class_name": "__lambda__", "config": {"value": "4wAAAA=="}},
    {"module": "keras.activations", "class_name": "function", "config": "deserialize"},
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: str(f["config"]))
def test_functions_other_than_activations_are_refused(good, function, tmp_path):
    def change(config):
        _last_layer(config)["config"]["activation"] = function

    path = _with_config(good, tmp_path / "changed.keras", change)
    with pytest.raises(BadInput, match="nothing of the file was run"):
        loading.load_model(path)


@pytest.mark.parametrize(
    ("layer", "cause"),
    [
        ({"class_name": "TFSMLayer", "config": {"filepath": "/tmp/x"}}, "outside the file"),
        ({"class_name": "TextVectorization", "config": {"vocabulary": "/etc/passwd"}}, "vocab"),
        ({"class_name": "TensorFlowOpLayer", "config": {"node_def": ""}}, "TensorFlow nodes"),
        ({"class_name": "TFOpLambda", "config": {"function": "io.write_file"}}, "io.write_file"),
        ({"class_name": "TFOpLambda", "config": {"function": "py_function"}}, "py_function"),
        ({"class_name": "TFOpLambda", "config": {"function": "raw_ops.WriteFile"}}, "raw_ops"),
        ({"class_name": "package>Lambda", "config": {}}, "Python code"),
        ({"class_name": "Unheard", "config": {}, "registered_name": "own>Unheard"}, "own>Unheard"),
        ({"class_name": ["Dense"], "config": {}}, "not the name of a class"),
    ],
    ids=lambda value: str(value["class_name"]) if isinstance(value, dict) else "",
)
def test_layers_that_are_more_than_layers_are_refused(layer, cause):
    with pytest.raises(BadInput, match=cause):
        config_safety.check({"class_name": "Sequential", "config": {"layers": [layer]}}, "file")


def test_initializers_of_tensorflow_itself_are_known():
    config = {"class_name": "Constant", "module": "tensorflow.python.ops.init_ops_v2"}
    config_safety.check(config, "file")
    with pytest.raises(BadInput, match="module"):
        config_safety.check({**config, "module": "tensorflow.python.ops.script_ops"}, "file")


def test_a_trusted_name_does_not_vouch_for_another_module():
    entry = {"class_name": "Mine", "module": "os", "registered_name": "other", "config": "Mine"}
    with pytest.raises(BadInput, match="'os'"):
        config_safety.check(entry, "file", trusted=lambda name: name == "Mine")


def test_code_in_the_training_settings_is_not_read(good, tmp_path):
    def change(config):
        config["compile_config"] = {"loss": FUNCTIONS[0], "optimizer": {"class_name": "Lambda"}}

    path = _with_config(good, tmp_path / "changed.keras", change)
    assert loading.load_model(path).output_shape == (None, 3)


def _pointing_elsewhere(file, tmp_path):
    outside = tmp_path / "outside.h5"
    with h5py.File(outside, "w") as other:
        other["secret"] = np.ones(3)
    raw = tmp_path / "raw.bin"
    raw.write_bytes(b"\1" * 400)
    virtual = h5py.VirtualLayout((3,), "f4")
    virtual[:] = h5py.VirtualSource(str(outside), "secret", (3,))
    yield "external link", lambda: file.__setitem__("x", h5py.ExternalLink(str(outside), "/"))
    yield "soft link", lambda: file.__setitem__("x", h5py.SoftLink("/model_weights"))
    yield (
        "external storage",
        lambda: file.create_dataset("x", (100,), "f4", external=[(str(raw), 0, 400)]),
    )
    yield "virtual", lambda: file.create_virtual_dataset("x", virtual)
    yield "complex", lambda: file.create_dataset("x", data=np.zeros(3, "c8"))
    yield "never written", lambda: file.create_dataset("x", (1 << 40,), "f4")
    yield (
        "packed",
        lambda: file.create_dataset("x", data=np.zeros(1 << 26, "u1"), compression="gzip"),
    )


@pytest.mark.parametrize(
    "kind",
    [
        "external link",
        "soft link",
        "external storage",
        "virtual",
        "complex",
        "never written",
        "packed",
    ],
)
@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_hdf5_that_reads_other_files_or_unpacks_without_end_is_refused(kind, suffix, tmp_path):
    path = tmp_path / f"model.{suffix}"
    _dense(tf_keras).save(path)
    weights = path
    if suffix == "keras":
        weights = tmp_path / "model.weights.h5"
        zipfile.ZipFile(path).extract(weights.name, tmp_path)
    with h5py.File(weights, "a") as file:
        dict(_pointing_elsewhere(file, tmp_path))[kind]()
    if suffix == "keras":
        with zipfile.ZipFile(path) as old:
            others = {n: old.read(n) for n in old.namelist() if n != weights.name}
        with zipfile.ZipFile(path, "w") as new:
            new.write(weights, weights.name)
            for name, content in others.items():
                new.writestr(name, content)
    with pytest.raises(BadInput, match=r"elsewhere|another file|would unpack|it holds complex64"):
        loading.load_model(path)


def _not_utf8(file):
    h5py.h5g.create(file.id, b"\xff\xfe")


def _time(file):
    space = h5py.h5s.create(h5py.h5s.SCALAR)
    h5py.h5d.create(file.id, b"when", h5py.h5t.UNIX_D32LE, space)


def _time_attribute(file, name=b"model_config"):
    space = h5py.h5s.create(h5py.h5s.SCALAR)
    if name.decode() in file.attrs:
        del file.attrs[name.decode()]
    h5py.h5a.create(file.id, name, h5py.h5t.UNIX_D32LE, space)


@pytest.mark.parametrize("damage", [_not_utf8, _time, _time_attribute])
def test_hdf5_that_its_library_cannot_tell_of_is_refused(damage, tmp_path):
    path = tmp_path / "model.h5"
    _dense(tf_keras).save(path)
    with h5py.File(path, "a") as file:
        damage(file)
    with pytest.raises(BadInput, match=r"model\.h5: truncated or damaged"):
        loading.load_model(path)


def test_a_description_nested_without_end_is_refused(good, tmp_path):
    def nest(config):
        for _ in range(700):
            config["build_config"] = {"deeper": config.get("build_config")}

    path = _with_config(good, tmp_path / "deep.keras", nest)
    with pytest.raises(BadInput, match="levels deep"):
        loading.load_model(path)


@pytest.mark.parametrize("name", ["../evil.py", "/etc/evil", "assets/vocabulary.txt", "evil.py"])
def test_a_zip_with_more_than_a_model_is_refused(good, name, tmp_path):
    with zipfile.ZipFile(good, "a") as archive:
        archive.writestr(name, "x")
    with pytest.raises(BadInput, match="also holds"):
        loading.load_model(good)
    assert not (tmp_path.parent / "evil.py").exists()


def test_a_zip_that_unpacks_without_end_is_refused(good, tmp_path):
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name) if name != "config.json" else b" " * (100 << 20))
    with pytest.raises(BadInput, match="would unpack"):
        loading.load_model(path)


@pytest.mark.parametrize("kept", [0, 3, 0.3, 0.9, -1])
@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_truncated_file_is_told_as_that(kept, suffix, tmp_path):
    path = tmp_path / f"model.{suffix}"
    _dense(tf_keras).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if 0 < kept < 1 else kept])
    with pytest.raises(BadInput, match=r"truncated|empty|not a"):
        loading.load_model(path)


def test_a_damaged_weight_is_noticed(good):
    content = bytearray(good.read_bytes())
    at = content.index(b"\x89HDF") + 2500
    content[at] ^= 1
    good.write_bytes(content)
    with pytest.raises(BadInput, match="damaged"):
        loading.load_model(good)


def test_a_pipe_is_not_waited_for(tmp_path):
    for name in ("model.keras", "model.h5", "model.tflite"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(BadInput, match="no plain file"):
            loading.load_model(tmp_path / name)


def test_foreign_files_are_told_as_that(tmp_path):
    for name, content, cause in (
        ("a.keras", b"\x89HDF\r\n\x1a\n" * 9, "not a .keras file"),
        ("b.h5", b"PK\x03\x04 nothing", "not an HDF5 file"),
        ("c.tflite", b"nothing here", "not a .tflite file"),
        ("d.onnx", b"nothing here", "not a model known here"),
        ("absent.keras", None, "no such file"),
    ):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(BadInput, match=cause):
            loading.load_model(tmp_path / name)
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadInput, match=r"saved_model\.pb"):
        loading.load_model(tmp_path / "folder")
    _dense(tf_keras).save_weights(tmp_path / "only.weights.h5")
    with pytest.raises(BadInput, match="weights and no model"):
        loading.load_model(tmp_path / "only.weights.h5")

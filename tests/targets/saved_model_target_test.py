import numpy as np
import pytest

import tfedge
from tfedge import errors, targets
from tfedge.compress import keras as k
from tfedge.compress import loading
from tfedge.data.task import ArraySplit, Normalization, Task


@pytest.fixture(scope="module")
def model():
    """Bytes / 255 of 6 columns -> 3 classes."""
    k.tf_keras.utils.set_random_seed(2)
    columns = k.tf_keras.layers.Input((6,), name="columns")
    head = k.tf_keras.layers.Dense(3, activation="softmax", name="kinds")
    head_of = head(columns)
    head.set_weights([4 * each for each in head.get_weights()])
    return k.tf_keras.Model(columns, head_of)


@pytest.fixture(scope="module")
def task():
    x = np.random.default_rng(3).integers(0, 256, (60, 6), dtype=np.uint8)
    split = ArraySplit(x, np.arange(60) % 3)
    return Task(
        "bytes", "classification", split, split, split, split, normalization=Normalization(1 / 255)
    )


@pytest.fixture
def keras_file(model, tmp_path):
    from tfedge.compress import bridge

    loading.save_model(bridge.to_keras3(model), tmp_path / "m.keras")
    return (tmp_path / "m.keras").read_bytes()


@pytest.mark.parametrize(
    "export",
    [
        "float32",
        "float32(raw_input=True)",
        'int8(input="uint8", raw_input=True)',
        'int8(input="int8", raw_input=True)',
        'int8(input="int8", output="int8")',
    ],
)
def test_it_takes_what_the_file_takes_and_gives_real_values(
    export, model, task, keras_file, publish, tmp_path
):
    release = publish(tfedge.to_tflite(model, export, task), task, model_keras=keras_file)
    found = targets.convert(release, "saved_model", tmp_path / "out")
    (row,) = found.compared.rows
    assert row.output == "kinds" and row.same == 1
    assert row.largest_difference < (1e-6 if export.startswith("float") else 0.03)
    served = k.tf.saved_model.load(str(tmp_path / "out" / "saved_model"))
    signature = served.signatures["serving_default"]
    (spec,) = signature.structured_input_signature[1].values()
    assert spec.name == "columns" and spec.shape[0] is None
    assert list(signature.structured_outputs) == ["kinds"]


def test_a_release_without_keras_says_how_to_get_it(model, task, publish, tmp_path):
    release = publish(tfedge.to_tflite(model, "float32", task), task)
    with pytest.raises(errors.BadInput, match=r"holds no model.keras.*--keras"):
        targets.convert(release, "saved_model", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_keras_model_of_something_else_is_refused(model, task, publish, tmp_path):
    other = k.keras3().Sequential([k.keras3().Input((6,), name="rows"), k.keras3().layers.Dense(3)])
    loading.save_model(other, tmp_path / "other.keras")
    release = publish(tfedge.to_tflite(model, "float32", task), task)
    with pytest.raises(errors.BadInput, match="the Keras model has rows, the release columns"):
        targets.convert(
            release, "saved_model", tmp_path / "out", keras=str(tmp_path / "other.keras")
        )

import numpy as np
import pytest
import tensorflow as tf

from tfedge.compress import keras as k
from tfedge.errors import BadInput
from tfedge.export.converter import saved_model


class _Subclassed(k.tf_keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = k.tf_keras.layers.Dense(2)

    def call(self, x):
        return {"one": self.dense(x["b"]), "two": x["a"]}


def _shapes(folder):
    function = tf.saved_model.load(str(folder)).signatures[saved_model.SIGNATURE_KEY]
    return [spec.shape.as_list() for spec in function.structured_input_signature[1].values()]


def test_the_batch_is_one_and_names_are_the_models(model, tmp_path):
    written = saved_model.write(model, tmp_path)
    assert written == saved_model.Signature(
        ("image",), ("probabilities",), ("float32",), has_loop=False, has_softmax=True
    )
    assert _shapes(tmp_path) == [[1, 6, 6, 1]]


def test_names_that_no_function_could_have(tmp_path):
    layers = k.tf_keras.layers
    inputs = [layers.Input((2,), name="a b"), layers.Input((3,), name="1/x")]
    outputs = [layers.Dense(1, name="1/out")(inputs[0]), layers.Dense(1, name="2")(inputs[1])]
    written = saved_model.write(k.tf_keras.Model(inputs, outputs), tmp_path)
    assert (written.inputs, written.outputs) == (("a b", "1/x"), ("1/out", "2"))


def test_subclassed_model_once_called(tmp_path):
    model = _Subclassed()
    with pytest.raises(BadInput, match="never called"):
        saved_model.write(model, tmp_path)
    model({"a": tf.zeros((5, 4)), "b": tf.zeros((5, 3))})
    written = saved_model.write(model, tmp_path)
    assert (written.inputs, written.outputs) == (("a", "b"), ("one", "two"))


def test_open_height_and_width_are_refused(tmp_path):
    image = k.tf_keras.layers.Input((None, None, 3), name="image")
    model = k.tf_keras.Model(image, k.tf_keras.layers.Conv2D(2, 3)(image))
    with pytest.raises(BadInput, match=r"input 'image'.*\(None, None, None, 3\).*--input_shape"):
        saved_model.write(model, tmp_path)


def test_a_saved_model_folder_is_written_again(model, tmp_path):
    model.export(str(tmp_path / "given"))
    written = saved_model.write_folder(tmp_path / "given", tmp_path / "fixed")
    assert (len(written.inputs), written.outputs) == (1, ("output_0",))
    assert _shapes(tmp_path / "fixed") == [[1, 6, 6, 1]]


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(BadInput, match="not a whole SavedModel"):
        saved_model.write_folder(tmp_path, tmp_path / "fixed")


def test_loops_are_seen(tmp_path):
    sequence = k.tf_keras.layers.Input((4, 2))
    model = k.tf_keras.Model(sequence, k.tf_keras.layers.SimpleRNN(2)(sequence))
    assert saved_model.write(model, tmp_path).has_loop


def test_a_lookup_table_is_written_with_what_holds_it(tmp_path):
    layers = k.tf_keras.layers
    words = layers.Input((3,), dtype="int64")
    numbered = layers.IntegerLookup(vocabulary=[3, 5, 9])(words)
    model = k.tf_keras.Model(words, layers.Embedding(5, 4)(numbered))
    saved_model.write(model, tmp_path / "model")
    function = tf.saved_model.load(str(tmp_path / "model")).signatures[saved_model.SIGNATURE_KEY]
    found = function(input_000=tf.constant([[9, 5, 1]], tf.int64))["output_000"]
    np.testing.assert_array_equal(found, model(np.array([[9, 5, 1]])))


def test_a_saved_model_with_nan_in_it_is_refused_by_the_weight(model, tmp_path):
    """TensorFlow's calibrator ends the process over one."""
    broken = k.tf_keras.models.clone_model(model)
    weights = [np.array(weight) for weight in model.get_weights()]
    weights[0].flat[0] = np.nan
    broken.set_weights(weights)
    broken.export(str(tmp_path / "given"))
    with pytest.raises(BadInput, match=r"given, weight '.*': 1 of \d+ values are NaN"):
        saved_model.write_folder(tmp_path / "given", tmp_path / "fixed")

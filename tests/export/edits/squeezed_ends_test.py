"""SavedModels and float files whose last function makes next to nothing of much."""

import numpy as np
import pytest
import tensorflow as tf

from tfedge import Task, to_tflite
from tfedge.compress import loading
from tfedge.data.task import ArraySplit
from tfedge.device.file import tflite

KERNEL = np.random.default_rng(0).normal(size=(5, 1)).astype(np.float32)
X = np.random.default_rng(1).normal(size=(128, 5)).astype(np.float32)
ENDS = {"LOGISTIC": tf.sigmoid, "EXP": tf.exp}


class _Rare(tf.Module):
    def __init__(self, end):
        super().__init__()
        self.kernel, self.end = tf.Variable(KERNEL), end

    @tf.function(input_signature=[tf.TensorSpec((None, 5), tf.float32, "x")])
    def __call__(self, x):
        return {"p": self.end(tf.matmul(x, self.kernel) * 2.0 - 4.0)}


@pytest.mark.parametrize("kind", list(ENDS))
def test_a_saved_models_last_function_is_in_float_where_its_output_is(kind, tmp_path):
    rare = _Rare(ENDS[kind])
    tf.saved_model.save(rare, str(tmp_path / "rare"), signatures=rare.__call__)
    wanted = rare(X)["p"].numpy()
    split = ArraySplit(X, wanted)
    task = Task("rare", "regression", split, split, split, split)
    model = loading.load_model(tmp_path / "rare")
    content = to_tflite(model, "int8", task)
    assert [each.kind for each in tflite.read(content).operators][-2:] == ["DEQUANTIZE", kind]
    run = tflite.interpreter(content, 1).get_signature_runner()
    found = np.concatenate([run(x=row[None])["p"] for row in X])
    small = wanted < 0.01
    assert 0.1 < small.mean() < 1
    assert np.median(abs(found - wanted)[small] / wanted[small]) < 0.1
    whole = tflite.read(to_tflite(model, 'int8(output="int8")', task))
    assert whole.operators[-1].kind == kind and whole.outputs[0].dtype == "INT8"

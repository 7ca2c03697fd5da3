import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

from tfedge.compress import keras, loading
from tfedge.compress.loading import saved_model_safety
from tfedge.errors import BadInput

layers = keras.tf_keras.layers


class _Tabled(tf.Module):
    """A lookup table, a loop, a branch, and a function within a function."""

    def __init__(self, initializer):
        super().__init__()
        self.table = tf.lookup.StaticHashTable(initializer, 0)

    @tf.function
    def inner(self, x):
        return tf.signal.rfft(tf.cast(self.table.lookup(x), tf.float32))

    @tf.function(input_signature=[tf.TensorSpec((1, 4), tf.int64)])
    def __call__(self, x):
        y = tf.abs(self.inner(x))
        y = tf.while_loop(lambda i, _: i < 3, lambda i, z: (i + 1, z * 2.0), (0, y))[1]
        return {"y": tf.cond(tf.reduce_sum(y) > 0.0, lambda: y, lambda: -y)}


def _constants(initializer=tf.lookup.KeyValueTensorInitializer):
    return initializer(np.arange(3), np.arange(3))


def _save(module, folder):
    tf.saved_model.save(module, str(folder), module.__call__.get_concrete_function())
    return folder


def _graph(folder, changes=lambda graph: None, content=None):
    """A SavedModel with a main graph, a function, and the object graph that TensorFlow 2 writes."""
    model = saved_model_pb2.SavedModel()
    graph = model.meta_graphs.add()
    graph.object_graph_def.nodes.add()
    graph.graph_def.node.add(name="x", op="Placeholder")
    function = graph.graph_def.library.function.add()
    function.signature.name = "called"
    function.node_def.add(name="y", op="Relu")
    changes(graph)
    folder.mkdir(exist_ok=True)
    content = model.SerializeToString() if content is None else content
    (folder / saved_model_safety.NAME).write_bytes(content)
    return content


def _refusal(folder):
    with pytest.raises(BadInput) as caught:
        loading.load_model(folder)
    return str(caught.value)


def test_what_keras_and_tensorflow_write_is_let_through(tmp_path):
    words = layers.Input((6,), dtype="int32")
    steps = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(
        layers.Embedding(5, 4)(words)
    )
    recurrent = keras.tf_keras.Model(words, layers.GRU(2)(layers.LayerNormalization()(steps)))
    recurrent.export(str(tmp_path / "recurrent"))
    k3 = keras.keras3()
    image = k3.Input((8, 8, 3))
    y = k3.layers.RandomFlip()(k3.layers.Resizing(6, 6)(k3.layers.Rescaling(0.1)(image)))
    y = k3.layers.SeparableConv2D(4, 3, activation="gelu")(y)
    y = k3.layers.Conv2DTranspose(2, 3)(k3.layers.BatchNormalization()(y))
    k3.Model(image, k3.layers.Softmax()(y)).export(str(tmp_path / "image"), verbose=False)
    _save(_Tabled(_constants()), tmp_path / "tabled")
    for name in ("recurrent", "image", "tabled"):
        assert isinstance(loading.load_model(tmp_path / name), loading.SavedModel)


def test_a_table_that_writes_a_file_while_it_is_opened_is_refused(tmp_path):
    class Writing(tf.lookup.KeyValueTensorInitializer):
        def initialize(self, table):
            with tf.control_dependencies([tf.io.write_file(str(tmp_path / "marker"), "run")]):
                return super().initialize(table)

    folder = _save(_Tabled(_constants(Writing)), tmp_path / "hostile")
    (tmp_path / "marker").unlink()
    assert "'WriteFile'" in _refusal(folder)
    assert not (tmp_path / "marker").exists()
    tf.saved_model.load(str(folder))  # what the refusal guards against
    assert (tmp_path / "marker").exists()


def test_a_folder_that_was_not_loaded_is_looked_through_as_well(tmp_path):
    _graph(tmp_path, lambda graph: graph.graph_def.node.add(name="z", op="ReadFile"))
    with pytest.raises(BadInput, match="'ReadFile'"):
        loading.SavedModel(tmp_path)


@pytest.mark.parametrize("place", ["main", "function", "another function"])
@pytest.mark.parametrize("operator", ["MatchingFiles", "EagerPyFunc", "NobodyKnows", "reLU", ""])
def test_an_operator_that_is_not_known_is_refused_by_name(operator, place, tmp_path):
    def add(graph):
        library = graph.graph_def.library
        nodes = {
            "main": graph.graph_def.node,
            "function": library.function[0].node_def,
            "another function": library.function.add().node_def,
        }
        nodes[place].add(name="z", op=operator or "\x1b[31m")

    _graph(tmp_path, add)
    said = _refusal(tmp_path)
    assert (repr(operator) if operator else r"'\x1b[31m'") in said and "\x1b" not in said


def _saver(graph):
    function = graph.graph_def.library.function.add()
    function.signature.name = "the_saver"
    function.node_def.add(name="save", op="SaveV2")


def _called_by_function(graph):
    _saver(graph)
    node = graph.graph_def.library.function[0].node_def.add(name="z", op="StatefulPartitionedCall")
    node.attr["f"].func.name = "the_saver"


def _called_by_branch(graph):
    _saver(graph)
    node = graph.graph_def.library.function[0].node_def.add(name="z", op="Case")
    node.attr["branches"].list.func.add(name="the_saver")


def _called_by_object(graph):
    _saver(graph)
    graph.object_graph_def.concrete_functions["the_saver"].SetInParent()


def test_functions_that_save_a_model_are_let_through_where_nothing_calls_them(tmp_path):
    _graph(tmp_path, _saver)
    assert isinstance(loading.load_model(tmp_path), loading.SavedModel)


@pytest.mark.parametrize("changes", [_called_by_function, _called_by_branch, _called_by_object])
def test_functions_that_save_a_model_must_not_be_called(changes, tmp_path):
    _graph(tmp_path, changes)
    assert "checkpoints while it runs" in _refusal(tmp_path)


def test_a_checkpoint_operator_in_the_main_graph_is_refused(tmp_path):
    _graph(tmp_path, lambda graph: graph.graph_def.node.add(name="z", op="SaveV2"))
    assert "'SaveV2'" in _refusal(tmp_path)


def test_a_graph_of_tensorflow_1_runs_whole_and_is_refused(tmp_path):
    _graph(tmp_path, lambda graph: graph.ClearField("object_graph_def"))
    assert "TensorFlow 1" in _refusal(tmp_path)
    content = _graph(tmp_path)
    _graph(tmp_path, content=content + content)
    assert "several graphs" in _refusal(tmp_path)


@pytest.mark.parametrize("sizes", [(1 << 40,), (7000, 100, 100), (-1,)])
def test_a_constant_of_one_value_that_fills_the_memory_is_refused(sizes, tmp_path):
    def add(graph):
        tensor = graph.graph_def.node.add(name="z", op="Const").attr["value"].tensor
        for size in sizes:
            tensor.tensor_shape.dim.add(size=size)

    _graph(tmp_path, add)
    assert "constant values" in _refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\xff" * 20, b"\x12\x7fx", b"\x0b", b"\x12\xff\xff"])
def test_a_file_that_is_none_is_told_as_that(content, tmp_path):
    _graph(tmp_path, content=content)
    assert saved_model_safety.NAME in _refusal(tmp_path)


def test_a_truncated_file_is_told_as_that(tmp_path):
    content = _graph(tmp_path)
    for length in range(len(content)):
        _graph(tmp_path, content=content[:length])
        assert saved_model_safety.NAME in _refusal(tmp_path)


def test_the_list_names_operators_there_are_and_none_that_does_more_than_compute():
    known = saved_model_safety._known()
    assert not [name for name in known if op_def_registry.get(name) is None]
    touching = {
        *("ReadFile", "WriteFile", "MatchingFiles", "ImmutableConst", "PrintV2", "Print", "PyFunc"),
        *("EagerPyFunc", "PyFuncStateless", "InitializeTableFromTextFileV2", "DebugIdentityV2"),
        *("InitializeTableFromTextFile", "FixedUnigramCandidateSampler", "Abort", "RemoteCall"),
        *("LoadDataset", "TextLineDataset", "TFRecordReaderV2", "WholeFileReaderV2", "SaveV2"),
        *("RestoreV2", "MergeV2Checkpoints", "Send", "_Send", "FileSystemSetConfiguration"),
        *("WriteScalarSummary", "CreateSummaryFileWriter", "XlaCallModule", "TPUExecute"),
    }
    assert not touching & known

import copy

import numpy as np
import pytest
import running

from tfedge.compress import keras as k
from tfedge.export import routes
from tfedge.export.edits import lineage
from tfedge.export.tree import flatbuffer, operators


def _named(data):
    model = flatbuffer.unpack(data)
    return [
        (operator.graph.tensors[operator.kernel].name.decode(), operator.kind)
        for operator in operators.weighted(model)
    ]


@pytest.mark.parametrize("route", routes.names())
def test_every_kernel_bears_its_layers_name(converted, route):
    kinds = ("CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D", "FULLY_CONNECTED")
    assert _named(converted[route]) == list(zip(running.LAYERS, kinds, strict=True))


def test_folded_normalisation_is_a_factor_per_channel():
    wanted = np.array([[1.0, 2.0], [3.0, -1.0]])
    found = wanted * np.array([[0.5], [-2.0]])
    assert lineage.factors(found, wanted).tolist() == [0.5, -2.0]
    near = lineage.KerasKernel("near", wanted)
    far = lineage.KerasKernel("far", wanted[:, ::-1])
    assert lineage._nearest(found, [far, near]) is near


def test_two_kernels_equally_near_are_not_guessed_between():
    found = np.array([[1.0, 1.0]])
    rivals = [lineage.KerasKernel(n, found + e) for n, e in (("a", 0.01), ("b", -0.01))]
    assert lineage._nearest(found, rivals) is None


def test_equal_kernels_each_get_a_name(converted):
    known = [lineage.KerasKernel(name, np.ones((3, 16))) for name in ("first", "second")]
    model = flatbuffer.unpack(converted["float32"])
    head = next(o for o in operators.weighted(model) if o.kind == "FULLY_CONNECTED")
    tensor = head.graph.tensors[head.kernel]
    operators.set_values(model, tensor, np.ones((3, 16), np.float32))
    assert lineage.name_kernels(model, known) == {"first"}


def test_two_equal_kernels_in_a_file_are_two_layers(converted):
    known = [lineage.KerasKernel(name, np.ones((3, 16))) for name in ("first", "second")]
    model = flatbuffer.unpack(converted["float32"])
    head = next(o for o in operators.weighted(model) if o.kind == "FULLY_CONNECTED")
    graph = head.graph
    operators.set_values(model, graph.tensors[head.kernel], np.ones((3, 16), np.float32))
    twin, again = copy.copy(graph.tensors[head.kernel]), copy.copy(head.operator)
    graph.tensors.append(twin)
    again.inputs = head.operator.inputs.copy()
    again.inputs[1] = len(graph.tensors) - 1
    graph.operators.append(again)
    assert lineage.name_kernels(model, known) == {"first", "second"}
    data = flatbuffer.pack(model)
    assert [name for name, kind in _named(data) if kind == "FULLY_CONNECTED"] == ["first", "second"]


def test_wrapped_nested_and_separable_kernels_are_known():
    layers = k.tf_keras.layers
    inner = k.tf_keras.Sequential([layers.Dense(2, name="inner", input_shape=(4,))])
    image = layers.Input((5, 6, 6, 2))
    x = layers.TimeDistributed(layers.SeparableConv2D(4, 3, name="both"))(image)
    x = layers.SeparableConv1D(3, 2, name="time")(layers.Reshape((80, 4))(x))
    x = layers.Reshape((4,))(layers.Conv1DTranspose(4, 2, name="grow")(x)[:, :1])
    known = lineage.keras_kernels(k.tf_keras.Model(image, inner(x)))
    assert [(kernel.layer, kernel.rows.shape) for kernel in known] == [
        ("both", (2, 9)),
        ("both", (4, 2)),
        ("time", (4, 2)),
        ("time", (3, 4)),
        ("grow", (4, 6)),
        ("inner", (2, 4)),
    ]

import pytest
from ai_edge_litert import schema_py_generated as schema

from tfedge.device.file import operands


def test_every_kind_is_an_operator_of_the_schema():
    assert operands.BY_KIND.keys() <= vars(schema.BuiltinOperator).keys()
    assert set(operands.UNPACKING) <= vars(schema.BuiltinOperator).keys()


@pytest.mark.parametrize("kind", operands.BY_KIND)
def test_nothing_stands_where_something_else_does(kind):
    places = operands.BY_KIND[kind]
    assert operands.weights(kind) == places.weights
    assert min(places.weights) >= 0 and places.bias not in places.weights
    if len(places.weights) == 1:
        assert places.activation not in {*places.weights, places.bias}


def test_the_places_of_a_transposed_convolution():
    places = operands.BY_KIND["TRANSPOSE_CONV"]  # (output shape, kernel, activation, bias)
    assert (places.activation, places.weights, places.bias) == (2, {1: 0}, 3)


def test_an_operator_without_weights():
    assert operands.weights("ADD") == {}

import pytest

from tfedge.compress import keras
from tfedge.compress.graph import model_ends


@pytest.mark.parametrize("library", [keras.keras3(), keras.tf_keras], ids=["3", "2"])
def test_ends_have_the_names_that_targets_have(library):
    layers = library.layers
    one, two = layers.Input((4,), name="one"), layers.Input((None, 3), name="two")
    kind = layers.Dense(2, name="kind")(one)
    places = layers.Dense(5, name="places")(two)
    listed = library.Model([one, two], [places, kind])
    assert model_ends.input_names(listed) == ["one", "two"]
    shapes = {"places": (None, None, 5), "kind": (None, 2)}
    assert list(model_ends.output_shapes(listed).items()) == list(shapes.items())
    named = library.Model([one, two], {"where": places, "what": kind})
    assert model_ends.output_shapes(named) == {"where": (None, None, 5), "what": (None, 2)}

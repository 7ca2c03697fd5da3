import narrow_networks
import numpy as np
import pytest
import randomised

from tfedge.compress import bridge, keras

HAS_PREPROCESSING = ("MobileNetV3", "EfficientNet", "ConvNeXt")


@pytest.mark.parametrize("name", narrow_networks.NAMES)
def test_a_network_of_keras_applications_is_the_same_model_both_ways(name):
    model, size = narrow_networks.build(name), narrow_networks.side(name)
    randomised.randomise(model)
    low, high = (0, 255) if name.startswith(HAS_PREPROCESSING) else (-1, 1)
    images = np.random.default_rng(0).uniform(low, high, (2, size, size, 3)).astype("float32")

    twin = bridge.to_tf_keras(model)
    back = bridge.to_keras3(twin)

    expected = np.asarray(model(images, training=False))
    assert np.std(expected) > 1e-3
    assert randomised.apart(expected, twin(images, training=False)) == 0
    assert randomised.apart(expected, back(images, training=False)) == 0
    assert {layer.name for layer in model.layers} <= {layer.name for layer in twin.layers}
    keras.keras3().utils.clear_session()
    keras.tf_keras.backend.clear_session()

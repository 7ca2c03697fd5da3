import numpy as np
import pytest
import randomised

from tfedge.compress import bridge, keras

SIZES = {
    "MobileNet": 32,
    "MobileNetV2": 32,
    "MobileNetV3Small": 32,
    "MobileNetV3Large": 32,
    "EfficientNetB0": 32,
    "EfficientNetV2B0": 32,
    "NASNetMobile": 32,
    "DenseNet121": 32,
    "ResNet50": 32,
    "Xception": 75,
    "InceptionV3": 75,
    "ConvNeXtTiny": 32,
}
HAS_PREPROCESSING = ("MobileNetV3", "EfficientNet", "ConvNeXt")


@pytest.mark.parametrize("name", SIZES)
def test_a_network_of_keras_applications_is_the_same_model_both_ways(name):
    size = SIZES[name]
    build = getattr(keras.keras3().applications, name)
    model = build(weights=None, input_shape=(size, size, 3), classes=5, classifier_activation=None)
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

"""digits_cnn: the embedded default, a small network for 8x8 images of digits.

8,970 parameters at 8x8x1 and 10 classes; at least 97.5 % on scikit-learn's digits. A plain
convolution, two depthwise-separable blocks and a dense layer: one of every kernel the
techniques have to deal with.
"""

import keras
from keras import layers

# An epoch of digits has 7 steps: with 0.99 the statistics would lag behind the weights to the end.
_MOMENTUM = 0.9


def build(input_shape: tuple[int, ...] = (8, 8, 1), classes: int = 10) -> keras.Model:
    """Builds the untrained network.

    Args:
        input_shape: (height, width, channels), without the batch.
        classes: number of classes.

    Returns:
        A functional model from (batch, *input_shape) to (batch, classes) probabilities.
    """
    image = keras.Input(input_shape, name="image")
    x = layers.Conv2D(32, 3, padding="same", use_bias=False, name="stem")(image)
    x = layers.BatchNormalization(momentum=_MOMENTUM, name="stem_bn")(x)
    x = layers.ReLU(name="stem_relu")(x)
    x = _separable(x, 64, strides=1, name="block1")
    x = _separable(x, 64, strides=2, name="block2")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    probabilities = layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return keras.Model(image, probabilities, name="digits_cnn")


def _separable(x, filters: int, strides: int, name: str):
    x = layers.DepthwiseConv2D(
        3, strides=strides, padding="same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = layers.BatchNormalization(momentum=_MOMENTUM, name=f"{name}_depthwise_bn")(x)
    x = layers.ReLU(name=f"{name}_depthwise_relu")(x)
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_pointwise")(x)
    x = layers.BatchNormalization(momentum=_MOMENTUM, name=f"{name}_pointwise_bn")(x)
    return layers.ReLU(name=f"{name}_pointwise_relu")(x)

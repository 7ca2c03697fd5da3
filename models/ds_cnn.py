"""ds_cnn: depthwise-separable convolutions, the keyword-spotting network of MLPerf Tiny.

22,218 parameters at 28x28x1 and 10 classes; about 91.1 % on Fashion-MNIST. Four blocks of 64
channels behind a convolution of stride 2 (3x3 for images where MLPerf Tiny has 10x4 for
spectrograms); no bias where BatchNormalization follows.
Zhang et al. 2017, https://arxiv.org/abs/1711.07128;
Banbury et al. 2021, https://arxiv.org/abs/2106.07597.
"""

import keras
from keras import layers

BLOCKS = 4
CHANNELS = 64


def build(input_shape: tuple[int, ...] = (28, 28, 1), classes: int = 10) -> keras.Model:
    """Builds the untrained network.

    Args:
        input_shape: (height, width, channels), without the batch.
        classes: number of classes.

    Returns:
        A functional model from (batch, *input_shape) to (batch, classes) probabilities.
    """
    image = keras.Input(input_shape, name="image")
    x = layers.Conv2D(CHANNELS, 3, strides=2, padding="same", use_bias=False, name="stem")(image)
    x = layers.BatchNormalization(name="stem_bn")(x)
    x = layers.ReLU(name="stem_relu")(x)
    x = layers.Dropout(0.2, name="stem_dropout")(x)
    for number in range(1, BLOCKS + 1):
        x = _separable(x, f"block{number}")
    x = layers.Dropout(0.4, name="dropout")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    probabilities = layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return keras.Model(image, probabilities, name="ds_cnn")


def _separable(x, name: str):
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"{name}_depthwise")(x)
    x = layers.BatchNormalization(name=f"{name}_depthwise_bn")(x)
    x = layers.ReLU(name=f"{name}_depthwise_relu")(x)
    x = layers.Conv2D(CHANNELS, 1, use_bias=False, name=f"{name}_pointwise")(x)
    x = layers.BatchNormalization(name=f"{name}_pointwise_bn")(x)
    return layers.ReLU(name=f"{name}_pointwise_relu")(x)

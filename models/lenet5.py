"""lenet5: the convolutional LeNet in its 20-50-500 form.

431,080 parameters at 28x28x1 and 10 classes; about 91.9 % on Fashion-MNIST. The network of
Deep Compression (Han et al. 2016, https://arxiv.org/abs/1510.00149), as Caffe ships it.
"""

import keras
from keras import layers


def build(input_shape: tuple[int, ...] = (28, 28, 1), classes: int = 10) -> keras.Model:
    """Builds the untrained network.

    Args:
        input_shape: (height, width, channels), without the batch; at least 16 by 16.
        classes: number of classes.

    Returns:
        A functional model from (batch, *input_shape) to (batch, classes) probabilities.
    """
    image = keras.Input(input_shape, name="image")
    x = layers.Conv2D(20, 5, activation="relu", name="conv1")(image)
    x = layers.MaxPooling2D(2, name="pool1")(x)
    x = layers.Conv2D(50, 5, activation="relu", name="conv2")(x)
    x = layers.MaxPooling2D(2, name="pool2")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(500, activation="relu", name="dense1")(x)
    probabilities = layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return keras.Model(image, probabilities, name="lenet5")

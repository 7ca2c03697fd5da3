"""lenet_300_100: the fully connected LeNet, 784-300-100-10.

266,610 parameters at 28x28x1 and 10 classes; about 89.5 % on Fashion-MNIST. The network of
Deep Compression (Han et al. 2016, https://arxiv.org/abs/1510.00149), after LeCun et al. 1998.
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
    x = layers.Flatten(name="flatten")(image)
    x = layers.Dense(300, activation="relu", name="dense1")(x)
    x = layers.Dense(100, activation="relu", name="dense2")(x)
    probabilities = layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return keras.Model(image, probabilities, name="lenet_300_100")

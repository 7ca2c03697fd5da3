"""mobilenet_v2: the network of keras.applications, untrained and without a download.

2,257,984 parameters at 224x224x3, alpha 1 and no top; 2,270,794 with 10 classes. Expected
accuracy: 71.8 % on ImageNet as published (1,000 classes, 3.5 million parameters); the package
keeps no checkpoint of it. Sandler et al. 2018, https://arxiv.org/abs/1801.04381.
"""

import keras


def build(
    input_shape: tuple[int, ...] = (224, 224, 3), classes: int = 10, alpha: float = 1.0
) -> keras.Model:
    """Builds the untrained network.

    Args:
        input_shape: (height, width, channels), without the batch; at least 32 by 32.
        classes: number of classes.
        alpha: width; the channels of every layer times this.

    Returns:
        A functional model from (batch, *input_shape) to (batch, classes) probabilities; it
        expects images scaled to -1..1.
    """
    return keras.applications.MobileNetV2(
        input_shape=input_shape, alpha=alpha, weights=None, classes=classes, name="mobilenet_v2"
    )

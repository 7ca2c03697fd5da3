"""vit_tiny: a vision transformer of three blocks over patches of 7 x 7 pixels.

109,450 parameters at 28x28x1 and 10 classes. Each patch becomes a token of 64 channels, with a
bias of its own place; blocks normalize first; four heads of 16 channels.
Dosovitskiy et al. 2021, https://arxiv.org/abs/2010.11929.
"""

import keras
from keras import layers

BLOCKS = 3
CHANNELS = 64
HEADS = 4
PATCH = 7


def build(input_shape: tuple[int, ...] = (28, 28, 1), classes: int = 10) -> keras.Model:
    """Builds the untrained network.

    Args:
        input_shape: (height, width, channels), without the batch; multiples of a patch.
        classes: number of classes.

    Returns:
        A functional model from (batch, *input_shape) to (batch, classes) probabilities.
    """
    image = keras.Input(input_shape, name="image")
    x = layers.Conv2D(CHANNELS, PATCH, strides=PATCH, use_bias=False, name="patches")(image)
    count = x.shape[1] * x.shape[2]
    x = layers.Reshape((count, CHANNELS), name="tokens")(x)
    places = layers.EinsumDense(
        "abc,cd->abd", (count, CHANNELS), bias_axes="bd", name="places"
    )  # a bias by place: where a token was
    x = places(x)
    for number in range(1, BLOCKS + 1):
        x = _block(x, f"block{number}")
    x = layers.LayerNormalization(epsilon=1e-6, name="norm")(x)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    x = layers.Dropout(0.1, name="dropout")(x)
    probabilities = layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return keras.Model(image, probabilities, name="vit_tiny")


def _block(x, name: str):
    normed = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_attention_norm")(x)
    attention = layers.MultiHeadAttention(
        HEADS, CHANNELS // HEADS, dropout=0.1, name=f"{name}_attention"
    )
    x = layers.Add(name=f"{name}_attention_add")([x, attention(normed, normed)])
    normed = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_feed_norm")(x)
    wide = layers.Dense(2 * CHANNELS, activation="gelu", name=f"{name}_feed_wide")(normed)
    narrow = layers.Dense(CHANNELS, name=f"{name}_feed_narrow")(wide)
    narrow = layers.Dropout(0.1, name=f"{name}_feed_dropout")(narrow)
    return layers.Add(name=f"{name}_feed_add")([x, narrow])

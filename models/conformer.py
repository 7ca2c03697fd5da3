"""conformer: attention and convolution over the steps of a sound, for data such as `tones`.

38,838 parameters at 32 steps of 16 bands and 6 classes.
Gulati et al. 2020, https://arxiv.org/abs/2005.08100.
"""

import keras
from keras import layers

BLOCKS = 1
CHANNELS = 48
HEADS = 4
KERNEL = 7


def build(input_shape: tuple[int, ...] = (32, 16), classes: int = 6) -> keras.Model:
    """Builds the untrained network.

    Args:
        input_shape: (steps, bands), without the batch.
        classes: number of classes.

    Returns:
        A functional model from (batch, steps, bands) to (batch, classes) probabilities.
    """
    sound = keras.Input(input_shape, name="sound")
    x = layers.Conv1D(CHANNELS, 3, strides=2, padding="same", activation="relu", name="stem")(sound)
    for number in range(1, BLOCKS + 1):
        x = _block(x, f"block{number}")
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    x = layers.Dropout(0.1, name="dropout")(x)
    return keras.Model(
        sound, layers.Dense(classes, activation="softmax", name="order")(x), name="conformer"
    )


def _block(x, name: str):
    """Half a feed-forward part, attention, convolution, the other half."""
    x = _feed(x, f"{name}_first")
    normed = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_attention_norm")(x)
    attention = layers.MultiHeadAttention(HEADS, CHANNELS // HEADS, name=f"{name}_attention")
    x = layers.Add(name=f"{name}_attention_add")([x, attention(normed, normed)])
    x = layers.Add(name=f"{name}_convolved_add")([x, _convolved(x, name)])
    x = _feed(x, f"{name}_last")
    return layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm")(x)


def _feed(x, name: str):
    normed = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm")(x)
    wide = layers.Dense(2 * CHANNELS, activation="silu", name=f"{name}_wide")(normed)
    narrow = layers.Dense(CHANNELS, name=f"{name}_narrow")(wide)
    half = layers.Rescaling(0.5, name=f"{name}_half")(narrow)
    return layers.Add(name=f"{name}_add")([x, half])


def _convolved(x, name: str):
    normed = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_convolution_norm")(x)
    value = layers.Dense(CHANNELS, name=f"{name}_value")(normed)
    gate = layers.Dense(CHANNELS, activation="sigmoid", name=f"{name}_gate")(normed)
    gated = layers.Multiply(name=f"{name}_gated")([value, gate])
    near = layers.DepthwiseConv1D(KERNEL, padding="same", use_bias=False, name=f"{name}_near")(
        gated
    )
    near = layers.BatchNormalization(name=f"{name}_near_norm")(near)
    near = layers.Activation("silu", name=f"{name}_near_silu")(near)
    return layers.Dense(CHANNELS, name=f"{name}_mixed")(near)

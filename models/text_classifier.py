"""text_classifier: one transformer block over words, for data such as `reviews`.

291,842 parameters at 32 words and 2 classes, seven eighths of them the table of 4,000 words.
Words of number 0 are padding, which attention and the mean do not see.
Vaswani et al. 2017, https://arxiv.org/abs/1706.03762.
"""

import keras
from keras import layers, ops

CHANNELS = 64
HEADS = 4


def build(
    input_shape: tuple[int, ...] = (32,), classes: int = 2, vocabulary: int = 4000
) -> keras.Model:
    """Builds the untrained network.

    Args:
        input_shape: (words,), without the batch.
        classes: number of classes.
        vocabulary: rows of the table: word numbers are below it.

    Returns:
        A functional model from (batch, words) integers to (batch, classes) probabilities.
    """
    (count,) = input_shape
    words = keras.Input((count,), dtype="int32", name="words")
    x = layers.Embedding(vocabulary, CHANNELS, mask_zero=True, name="table")(words)
    there = ops.cast(ops.not_equal(words, 0), "int32")
    places = ops.cumsum(there, axis=1) * there  # from 1; both tables mask what is 0
    places = layers.Embedding(count + 1, CHANNELS, mask_zero=True, name="places")(places)
    x = layers.Add(name="placed")([x, places])
    x = layers.Dropout(0.3, name="placed_dropout")(x)
    normed = layers.LayerNormalization(epsilon=1e-6, name="attention_norm")(x)
    attention = layers.MultiHeadAttention(HEADS, CHANNELS // HEADS, dropout=0.1, name="attention")
    x = layers.Add(name="attention_add")([x, attention(normed, normed)])
    normed = layers.LayerNormalization(epsilon=1e-6, name="feed_norm")(x)
    wide = layers.Dense(2 * CHANNELS, activation="gelu", name="feed_wide")(normed)
    narrow = layers.Dense(CHANNELS, name="feed_narrow")(wide)
    x = layers.Add(name="feed_add")([x, narrow])
    x = layers.LayerNormalization(epsilon=1e-6, name="norm")(x)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    x = layers.Dropout(0.1, name="dropout")(x)
    probabilities = layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return keras.Model(words, probabilities, name="text_classifier")

"""gpt_tiny: a causal transformer of two blocks that writes, for data such as `sorting`.

105,245 parameters at 22 steps and 29 tokens. It puts out scores before a softmax: the next token
of a greedy writer is that of the highest.
Radford et al. 2019, "Language Models are Unsupervised Multitask Learners".
"""

import keras
from keras import layers, ops

BLOCKS = 2
CHANNELS = 64
HEADS = 4


def build(input_shape: tuple[int, ...] = (22,), classes: int = 29) -> keras.Model:
    """Builds the untrained network.

    Args:
        input_shape: (steps,), without the batch.
        classes: how many tokens there are.

    Returns:
        A functional model from (batch, steps) integers to (batch, steps, classes) scores of the
        token that comes next.
    """
    (count,) = input_shape
    tokens = keras.Input((count,), dtype="int32", name="tokens")
    places = ops.cumsum(ops.ones_like(tokens), axis=1) - 1
    x = layers.Add(name="placed")(
        [
            layers.Embedding(classes, CHANNELS, name="table")(tokens),
            layers.Embedding(count, CHANNELS, name="places")(places),
        ]
    )
    for number in range(1, BLOCKS + 1):
        x = _block(x, f"block{number}")
    x = layers.LayerNormalization(epsilon=1e-6, name="norm")(x)
    return keras.Model(tokens, layers.Dense(classes, name="scores")(x), name="gpt_tiny")


def _block(x, name: str):
    normed = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_attention_norm")(x)
    attention = layers.MultiHeadAttention(HEADS, CHANNELS // HEADS, name=f"{name}_attention")
    seen = attention(normed, normed, use_causal_mask=True)
    x = layers.Add(name=f"{name}_attention_add")([x, seen])
    normed = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_feed_norm")(x)
    wide = layers.Dense(4 * CHANNELS, activation="gelu", name=f"{name}_feed_wide")(normed)
    narrow = layers.Dense(CHANNELS, name=f"{name}_feed_narrow")(wide)
    return layers.Add(name=f"{name}_feed_add")([x, narrow])

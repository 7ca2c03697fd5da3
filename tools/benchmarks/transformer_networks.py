"""Networks with attention as people write them, small and untrained.

By layers of Keras, by operations, by layers of one's own, by keras-hub.
"""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from keras import layers as L
from keras import ops
from tfedge_models import conformer, gpt_tiny, text_classifier, vit_tiny

STEPS, CHANNELS, HEADS, WORDS = 16, 64, 4, 500
_own = keras.saving.register_keras_serializable("tfedge_benchmark")


def _split(x: Any, name: str) -> Any:
    """(batch, heads, steps, channels)."""
    apart = L.Reshape((-1, HEADS, CHANNELS // HEADS), name=f"{name}_heads")(x)
    return ops.transpose(apart, (0, 2, 1, 3))


def _attended(q: Any, k: Any, v: Any) -> Any:
    scores = ops.softmax(ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) / (CHANNELS // HEADS) ** 0.5)
    return ops.reshape(ops.transpose(ops.matmul(scores, v), (0, 2, 1, 3)), (-1, STEPS, CHANNELS))


def _by_dense(x: Any, name: str) -> Any:
    q, k, v = (_split(L.Dense(CHANNELS, name=f"{name}_{p}")(x), f"{name}_{p}") for p in "qkv")
    return L.Dense(CHANNELS, name=f"{name}_o")(_attended(q, k, v))


def _by_einsum(x: Any, name: str) -> Any:
    shape = (STEPS, HEADS, CHANNELS // HEADS)
    q, k, v = (
        L.EinsumDense("bsd,dhk->bshk", shape, bias_axes="hk", name=f"{name}_{p}")(x) for p in "qkv"
    )
    scores = ops.softmax(ops.einsum("bqhk,bshk->bhqs", q, k) / (CHANNELS // HEADS) ** 0.5)
    mixed = ops.einsum("bhqs,bshk->bqhk", scores, v)
    out = L.EinsumDense("bqhk,hkd->bqd", (STEPS, CHANNELS), bias_axes="d", name=f"{name}_o")
    return out(mixed)


def _block(x: Any, name: str, attention: Callable[[Any, str], Any]) -> Any:
    x = x + attention(L.LayerNormalization(epsilon=1e-6, name=f"{name}_norm")(x), name)
    wide = L.Dense(2 * CHANNELS, activation="gelu", name=f"{name}_wide")(
        L.LayerNormalization(epsilon=1e-6)(x)
    )
    return x + L.Dense(CHANNELS, name=f"{name}_narrow")(wide)


def _vit(attention: Callable[[Any, str], Any]) -> keras.Model:
    image = keras.Input((28, 28, 1), name="image")
    x = L.Reshape((STEPS, CHANNELS))(L.Conv2D(CHANNELS, 7, strides=7)(image))
    for number in range(3):
        x = _block(x, f"block{number}", attention)
    return keras.Model(image, L.Dense(10)(L.GlobalAveragePooling1D()(x)))


def _masked_text() -> keras.Model:
    tokens = keras.Input((STEPS,), dtype="int32", name="tokens")
    mask = keras.Input((STEPS,), dtype="int32", name="mask")
    x = L.Embedding(WORDS, CHANNELS)(tokens)
    seen = ops.expand_dims(mask, 1) > 0

    def attention(x: Any, name: str) -> Any:
        return L.MultiHeadAttention(HEADS, CHANNELS // HEADS)(x, x, attention_mask=seen)

    for number in range(2):
        x = _block(x, f"block{number}", attention)
    return keras.Model({"tokens": tokens, "mask": mask}, L.Dense(2)(x[:, 0]))


def _step_with_caches() -> keras.Model:
    """One token behind those whose keys and values are given."""
    token = keras.Input((1,), dtype="int32", name="token")
    shape = (HEADS, STEPS - 1, CHANNELS // HEADS)
    caches = {name: keras.Input(shape, name=name) for name in ("keys", "values")}
    x = L.Embedding(WORDS, CHANNELS)(token)
    q, k, v = (_split(L.Dense(CHANNELS, name=p)(x), p) for p in "qkv")
    k = ops.concatenate([caches["keys"], k], axis=2)
    v = ops.concatenate([caches["values"], v], axis=2)
    scores = ops.softmax(ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))))
    mixed = ops.reshape(ops.transpose(ops.matmul(scores, v), (0, 2, 1, 3)), (-1, 1, CHANNELS))
    x = x + L.Dense(CHANNELS)(mixed)
    x = x + L.Dense(CHANNELS)(L.Dense(4 * CHANNELS, activation="gelu")(x))
    outputs = {"scores": L.Dense(WORDS)(x), "new_keys": k, "new_values": v}
    return keras.Model({"token": token, **caches}, outputs)


@_own
class Rms(L.Layer):
    """x over its root mean square."""

    def build(self, shape):
        """The scale."""
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="gamma")

    def call(self, x):
        """(..., channels)."""
        return x * ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + 1e-6) * self.scale


@_own
class LlamaAttention(L.Layer):
    """Causal, its keys and values shared by two heads, with rotary embeddings."""

    def build(self, shape):
        """The four kernels."""
        for name, width in (("wq", 64), ("wk", 32), ("wv", 32), ("wo", 64)):
            setattr(self, name, self.add_weight(shape=(CHANNELS, width), name=name))

    def _heads(self, x, kernel):
        b, n, _ = ops.shape(x)
        return ops.reshape(ops.matmul(x, kernel), (b, n, -1, CHANNELS // HEADS))

    def _rotated(self, x):
        half = x.shape[-1] // 2
        speed = 10000.0 ** (-ops.arange(half, dtype="float32") / half)
        angles = ops.arange(x.shape[1], dtype="float32")[:, None] * speed[None]
        angles = ops.concatenate([angles, angles], axis=-1)[None, :, None, :]
        turned = ops.concatenate([-x[..., half:], x[..., :half]], axis=-1)
        return x * ops.cos(angles) + turned * ops.sin(angles)

    def call(self, x):
        """(batch, steps, channels) -> the same."""
        b, n, _ = ops.shape(x)
        q, k = (self._rotated(self._heads(x, kernel)) for kernel in (self.wq, self.wk))
        v = self._heads(x, self.wv)
        k, v = ops.repeat(k, 2, axis=2), ops.repeat(v, 2, axis=2)
        scores = ops.einsum("bqhd,bkhd->bhqk", q, k) / (CHANNELS // HEADS) ** 0.5
        seen = ops.arange(n)[:, None] >= ops.arange(n)[None]
        scores = ops.softmax(ops.where(seen, scores, -1e9), axis=-1)
        mixed = ops.reshape(ops.einsum("bhqk,bkhd->bqhd", scores, v), (b, n, CHANNELS))
        return ops.matmul(mixed, self.wo)


@_own
class LlamaBlock(L.Layer):
    """Attention, and a feed-forward with a gate."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.attention_norm, self.attention = Rms(name="attention_norm"), LlamaAttention(name="a")
        self.feed_norm = Rms(name="feed_norm")
        self.gate = L.Dense(128, activation="silu", use_bias=False, name="gate")
        self.up = L.Dense(128, use_bias=False, name="up")
        self.down = L.Dense(CHANNELS, use_bias=False, name="down")

    def call(self, x):
        """(batch, steps, channels) -> the same."""
        x = x + self.attention(self.attention_norm(x))
        y = self.feed_norm(x)
        return x + self.down(self.gate(y) * self.up(y))


def _llama() -> keras.Model:
    tokens = keras.Input((STEPS,), dtype="int32", name="tokens")
    table = L.ReversibleEmbedding(WORDS, CHANNELS, name="table")
    x = table(tokens)
    for number in range(2):
        x = LlamaBlock(name=f"block{number}")(x)
    return keras.Model(tokens, table(Rms(name="norm")(x), reverse=True))


def _whisper_like() -> keras.Model:
    sound = keras.Input((2 * STEPS, 40), name="sound")
    x = L.Conv1D(CHANNELS, 3, padding="same", activation="gelu")(sound)
    x = L.Conv1D(CHANNELS, 3, strides=2, padding="same", activation="gelu")(x)
    angles = np.arange(STEPS)[:, None] / 100 ** (np.arange(CHANNELS // 2) / (CHANNELS // 2))
    x = x + np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)[None]
    for number in range(2):
        x = _block(x, f"block{number}", _by_layer)
    return keras.Model(sound, L.Dense(10)(L.GlobalAveragePooling1D()(x)))


def _by_layer(x: Any, name: str) -> Any:
    return L.MultiHeadAttention(HEADS, CHANNELS // HEADS, name=f"{name}_attention")(x, x)


def _mobilevit_like() -> keras.Model:
    image = keras.Input((8, 8, 3), name="image")
    x = L.Conv2D(CHANNELS, 3, padding="same", activation="silu")(image)
    patches = L.Permute((1, 3, 2, 4, 5))(L.Reshape((4, 2, 4, 2, CHANNELS))(x))
    apart = L.Permute((2, 1, 3))(L.Reshape((16, 4, CHANNELS))(patches))
    normed = L.LayerNormalization(epsilon=1e-6)(apart)
    attention = L.MultiHeadAttention(HEADS, CHANNELS // HEADS, attention_axes=2)
    seen = L.Reshape((4, 4, 2, 2, CHANNELS))(
        L.Permute((2, 1, 3))(apart + attention(normed, normed))
    )
    back = L.Reshape((8, 8, CHANNELS))(L.Permute((1, 3, 2, 4, 5))(seen))
    x = L.Conv2D(CHANNELS, 3, strides=2, padding="same")(L.Concatenate()([x, back]))
    return keras.Model(image, L.Dense(10)(L.GlobalAveragePooling2D()(x)))


def _hub(name: str, **settings: Any) -> Callable[[], keras.Model]:
    def build() -> keras.Model:
        import keras_hub

        sizes = {"num_layers": 2, "hidden_dim": CHANNELS, **settings}
        return getattr(keras_hub.models, name)(**sizes)

    return build


_TEXT = {"vocabulary_size": WORDS, "intermediate_dim": 2 * CHANNELS}
_PLACED = {**_TEXT, "num_heads": HEADS, "max_sequence_length": STEPS}
_GROUPED = {**_TEXT, "num_query_heads": HEADS, "num_key_value_heads": 2}
_IMAGE = {"image_shape": (32, 32, 3), "patch_size": 8, "num_heads": HEADS, "mlp_dim": 128}

NETWORKS: Mapping[str, Callable[[], keras.Model]] = {
    "ViT, attention layers": vit_tiny.build,
    "ViT, EinsumDense": lambda: _vit(_by_einsum),
    "ViT, Dense": lambda: _vit(_by_dense),
    "text encoder": text_classifier.build,
    "text encoder, masked": _masked_text,
    "GPT, causal": gpt_tiny.build,
    "GPT, one step with caches": _step_with_caches,
    "Llama form, own layers": _llama,
    "Conformer": conformer.build,
    "Whisper-like encoder": _whisper_like,
    "MobileViT-like": _mobilevit_like,
    "keras-hub BERT": _hub("BertBackbone", **_PLACED),
    "keras-hub GPT-2": _hub("GPT2Backbone", **_PLACED),
    "keras-hub ViT": _hub("ViTBackbone", **_IMAGE),
    "keras-hub Llama": _hub("LlamaBackbone", **_GROUPED),
}

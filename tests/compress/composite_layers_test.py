"""Composite layers of the user's own: what their calls are made of gets twins."""

import numpy as np
import pytest
import randomised

import tfedge
from tfedge.compress import bridge, folding, keras
from tfedge.compress.layers import kernels, multiply_adds
from tfedge.data.task import ArraySplit, Task
from tfedge.device.file import tflite
from tfedge.errors import BadInput

k3 = keras.keras3()
L, ops = k3.layers, k3.ops
register = k3.saving.register_keras_serializable("composite_test")
N, D, HEADS = 6, 8, 2


@register
class Rms(L.Layer):
    """x over its root mean square."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="scale")

    def call(self, x):
        return x * ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + 1e-6) * self.scale


@register
class Attention(L.Layer):
    """Grouped attention with rotary embeddings, its kernels kept as plain weights."""

    def build(self, shape):
        self.wq = self.add_weight(shape=(D, D), name="wq")
        self.wk = self.add_weight(shape=(D, D // HEADS), name="wk")
        self.wv = self.add_weight(shape=(D, 1, D // HEADS), name="wv")
        self.wo = self.add_weight(shape=(D, D), name="wo")
        self.bo = self.add_weight(shape=(D,), name="bo")

    def _rotated(self, x):
        half = x.shape[-1] // 2
        angles = ops.arange(x.shape[1], dtype="float32")[:, None] * 0.5 ** ops.arange(
            half, dtype="float32"
        )
        angles = ops.concatenate([angles, angles], -1)[None, :, None]
        turned = ops.concatenate([-x[..., half:], x[..., :half]], -1)
        return x * ops.cos(angles) + turned * ops.sin(angles)

    def call(self, x):
        b, n, _ = ops.shape(x)
        q = ops.reshape(ops.matmul(x, self.wq), (b, n, HEADS, D // HEADS))
        k = ops.reshape(ops.matmul(x, self.wk), (b, n, 1, D // HEADS))
        q, k = self._rotated(q), ops.repeat(self._rotated(k), HEADS, 2)
        v = ops.repeat(ops.einsum("bnd,dhe->bnhe", x, self.wv), HEADS, 2)
        scores = ops.einsum("bnhe,bmhe->bhnm", q, k) / (D // HEADS) ** 0.5
        seen = ops.arange(n)[:, None] >= ops.arange(n)[None]
        scores = ops.softmax(ops.where(seen, scores, -1e9), axis=-1)
        mixed = ops.reshape(ops.einsum("bhnm,bmhe->bnhe", scores, v), (b, n, D))
        return ops.matmul(mixed, self.wo) + self.bo


@register
class Block(L.Layer):
    """A layer of layers of one's own."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first, self.second = Rms(name="first"), Rms(name="second")
        self.attention = Attention(name="attention")
        self.gate, self.up = L.Dense(12, activation="silu", name="gate"), L.Dense(12, name="up")
        self.down = L.Dense(D, name="down")

    def call(self, x):
        x = x + self.attention(self.first(x))
        y = self.second(x)
        return x + self.down(self.gate(y) * self.up(y))


@register
class Embedded(L.Layer):
    """Tokens and places, with a class token in front."""

    def build(self, shape):
        self.tokens = self.add_weight(shape=(10, D), name="tokens")
        self.places = self.add_weight(shape=(16, D), name="places")
        self.start = self.add_weight(shape=(1, 1, D), name="start")

    def call(self, numbers):
        b, n = ops.shape(numbers)
        x = ops.take(self.tokens, numbers, axis=0) + self.places[:n]
        return ops.concatenate([ops.broadcast_to(self.start, (b, 1, D)), x], axis=1)


def _twin(model, data, bound=0.0):
    randomised.randomise(model)
    twin = bridge.to_tf_keras(model)
    expected = model(data, training=False)
    assert randomised.apart(expected, twin(data, training=False)) <= bound
    flat = folding.flatten(twin)
    assert randomised.apart(expected, flat(data, training=False)) <= 1e-5
    back = bridge.to_keras3(flat)
    assert randomised.apart(expected, back(data, training=False)) <= 1e-5
    return flat


def _noise(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_a_llama_block_is_kernels_and_known_layers():
    x = L.Input((N, D))
    model = k3.Model(x, Block(name="block")(x))
    flat = _twin(model, _noise(3, N, D))
    found = {kernel.layer: kernel.shape for kernel in kernels.find(flat)}
    assert found == {
        "block.attention.wq": (D, D),
        "block.attention.wk": (D, D // HEADS),
        "block.attention.wv": (D, D // HEADS),
        "block.attention.wo": (D, D),
        "block.gate": (D, 12),
        "block.up": (D, 12),
        "block.down": (12, D),
    }
    assert flat.get_layer("block.attention.wo").use_bias
    assert not kernels.unknown(flat)
    kinds = [type(layer).__name__ for layer in flat.layers]
    assert kinds.count("RMSNormalization") == 2
    counts = multiply_adds.of(flat)
    products = N * D * (2 * D + 2 * D // HEADS) + 3 * N * D * 12
    assert sum(counts.values()) == products + 2 * HEADS * N * N * (D // HEADS)


def test_tables_places_and_class_tokens_are_weights():
    numbers = L.Input((N,), dtype="int32")
    model = k3.Model(numbers, Embedded(name="embedded")(numbers))
    flat = _twin(model, np.arange(3 * N).reshape(3, N) % 10)
    assert [kernel.layer for kernel in kernels.find(flat)] == ["embedded.tokens"]
    shapes = {layer.name: layer.weights[0].shape for layer in flat.layers if layer.weights}
    assert shapes["embedded.places"] == (N, D) and shapes["embedded.start"] == (1, D)


def test_a_class_token_is_exported_in_integers():
    x = L.Input((N, D))
    token = Started(name="started")(L.Dense(D)(x))
    model = k3.Model(x, L.Dense(2)(L.Dense(D, activation="relu")(token)))
    flat = _twin(model, _noise(2, N, D))
    split = ArraySplit(_noise(8, N, D), np.zeros(8, int))
    task = Task("own", "classification", split, split, split, split, batch_size=4)
    file = tflite.read(tfedge.to_tflite(flat, "int8", task))
    kinds = {each.kind: file.tensors[each.outputs[0]].dtype for each in file.operators}
    assert kinds["PAD"] == kinds["ADD"] == "INT8"


@register
class Started(L.Layer):
    """A token behind all others."""

    def build(self, shape):
        self.token = self.add_weight(shape=(1, 1, shape[-1]), name="token")

    def call(self, x):
        return ops.concatenate([x, ops.tile(self.token, (ops.shape(x)[0], 1, 1))], axis=1)


@register
class Padded(L.Layer):
    """Reads the mask that travels beside what it is called on, and hands it on."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.norm = L.Softmax(axis=1)

    def call(self, x, mask=None):
        return self.norm(x, mask=mask[:, :, None])


def test_masks_that_travel_are_read_and_handed_on():
    numbers = L.Input((N,), dtype="int32")
    x = Padded()(L.Embedding(10, 4, mask_zero=True)(numbers))
    model = k3.Model(numbers, L.GlobalAveragePooling1D()(x))
    data = np.array([[1, 2, 3, 0, 0, 0], [4, 5, 6, 7, 8, 9]])
    _twin(model, data, 1e-6)


@register
def doubled(x):
    """An activation."""
    return ops.tanh(x) * 2


@register
class Tower(L.Layer):
    """Called twice, with a functional model within."""

    def build(self, shape):
        x = L.Input(shape[1:])
        self.inner = k3.Model(x, L.Dense(4, activation=doubled, name="dense")(x), name="inner")
        self.w = self.add_weight(shape=(4, 4), name="w")

    def call(self, x):
        return ops.matmul(self.inner(x), self.w)


def test_a_layer_called_twice_has_its_weights_once():
    a, b = L.Input((4,)), L.Input((4,))
    tower = Tower(name="tower")
    flat = _twin(k3.Model([a, b], tower(a) - tower(b)), [_noise(2, 4), _noise(2, 4) + 1])
    assert sorted(kernel.layer for kernel in kernels.find(flat)) == [
        "tower.inner.dense",
        "tower.w",
    ]


def test_it_may_stand_in_a_sequential_model():
    model = k3.Sequential([L.Input((N, D)), Rms(), L.Dense(2, activation=doubled)])
    assert len(kernels.find(_twin(model, _noise(2, N, D)))) == 1


@register
class Numbered(L.Layer):
    """Asks for the number of examples."""

    def call(self, x):
        return x * float(x.shape[0] or 0)


def test_a_call_that_asks_how_many_examples_there_are_is_found_out():
    x = L.Input((3,))
    model = k3.Model(x, Numbered(name="numbered")(x))
    with pytest.raises(bridge.MissingTwin, match="'numbered' computes something else"):
        bridge.to_tf_keras(model)


def test_sizes_that_are_not_fixed_are_asked_for():
    x = L.Input((None, D))
    model = k3.Model(x, Rms(name="rms")(x))
    with pytest.raises(BadInput, match=r"'rms' \(Rms\): it reads .*not fixed.*--input_shape"):
        bridge.to_tf_keras(model)
    twin = bridge.to_tf_keras(model, input_shapes={x._keras_history.operation.name: (N, D)})
    assert twin.input_shape == (None, N, D)


@register
class Turned(L.Layer):
    """The halves of channels change places, one of them turned around, as in rotary embeddings."""

    def call(self, x):
        return ops.concatenate([-x[..., D // 2 :], x[..., : D // 2]], axis=-1)


def test_rotary_embeddings_are_trained_for_integers():
    x = L.Input((N, D))
    model = k3.Model(x, L.Dense(2)(L.Flatten()(Turned()(L.Dense(D, name="first")(x)))))
    kernel, bias = model.get_layer("first").get_weights()
    kernel[:, D // 2 :] *= 0.1  # another range than that of the other half
    model.get_layer("first").set_weights([kernel, bias])
    split = ArraySplit(_noise(16, N, D), np.arange(16) % 2)
    task = Task("turned", "classification", split, split, split, batch_size=8)
    candidate = tfedge.Recipe.parse("quantize(epochs=0)").apply(model, task)
    file = tflite.read(tfedge.to_tflite(candidate, "int8", task))
    kinds = [operator.kind for operator in file.operators]
    assert "NEG" not in kinds and "CONCATENATION" in kinds

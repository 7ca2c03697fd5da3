"""Makes the small .tflite files of this folder: `python tests/device/files/make.py`.

They are kept so that the device side is tested without TensorFlow. The weights are drawn
from a seed and rounded to a coarse grid of 1/4. Kernels carry their Keras layer's name, as in
files that tfedge exports.
"""

import os
import pathlib
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf
import tf_keras
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

import tfedge

HERE = pathlib.Path(__file__).parent
layers = tf_keras.layers


def image_network() -> tf_keras.Model:
    """8x8x1 -> 4 classes."""
    model = tf_keras.Sequential(
        [
            layers.Input((8, 8, 1), name="image"),
            layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="conv"),
            layers.DepthwiseConv2D(3, padding="same", activation="relu", name="depthwise"),
            layers.Flatten(),
            layers.Dense(4, activation="softmax", name="dense"),
        ]
    )
    _set_kernels(model)
    return model


def sequence_network() -> tf_keras.Model:
    """Two inputs, two outputs: 5 steps of 3 through an LSTM, and 2 numbers beside them."""
    steps, extra = layers.Input((5, 3), name="steps"), layers.Input((2,), name="extra")
    state = layers.LSTM(4, name="lstm")(steps)
    joined = layers.Concatenate()([state, extra])
    score = layers.Dense(1, name="score")(joined)
    group = layers.Dense(3, activation="softmax", name="group")(joined)
    model = tf_keras.Model([steps, extra], {"score": score, "group": group})
    _set_kernels(model)
    return model


def loop_network() -> tf_keras.Model:
    """Six steps of 3 through a GRU, which becomes a loop."""
    model = tf_keras.Sequential([layers.Input((6, 3), name="steps"), layers.GRU(4, name="gru")])
    _set_kernels(model)
    return model


def block_sparse_network() -> tf_keras.Model:
    """A dense kernel whose zeros come in blocks of four along the input."""
    model = tf_keras.Sequential(
        [layers.Input((16,), name="values"), layers.Dense(4, use_bias=False, name="dense")]
    )
    kernel = np.zeros((16, 4), np.float32)
    kernel[0:4, 0], kernel[8:12, 2] = 1.5, -0.5
    model.layers[-1].set_weights([kernel])
    return model


def counted_network() -> tf_keras.Model:
    """8x8x3 -> 4: every kind of kernel whose energy QKeras' qtools counts."""
    model = tf_keras.Sequential(
        [
            layers.Input((8, 8, 3), name="image"),
            layers.Conv2D(8, 3, strides=2, padding="same", name="conv"),
            layers.DepthwiseConv2D(3, padding="same", name="depthwise"),
            layers.Conv2D(16, 1, name="pointwise"),
            layers.Flatten(),
            layers.Dense(4, name="dense"),
        ]
    )
    _set_kernels(model)
    return model


def hungry_network() -> tf_keras.Model:
    """A few hundred bytes of weights, and an activation of 8192 x 8192 x 8 floats, 2 GB."""
    return tf_keras.Sequential(
        [
            layers.Input((8, 8, 1), name="image"),
            layers.UpSampling2D(1024),
            layers.Conv2D(8, 1, name="conv"),
            layers.GlobalAveragePooling2D(),
        ]
    )


def writer_network(is_padded: bool = False, is_grouped: bool = False) -> keras.Model:
    """6 of 11 tokens -> scores of the token that comes next, by two blocks of attention.

    Args:
        is_padded: whether the token 0 stands for none, and nothing attends to it.
        is_grouped: whether two heads share keys and values.
    """
    keras.utils.set_random_seed(0)
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    places = keras.ops.cumsum(keras.ops.ones_like(tokens), axis=1) - 1
    x = keras.layers.Embedding(11, 8, mask_zero=is_padded)(tokens)
    if not is_padded:  # an addition forgets its operands' masks
        x = keras.layers.Add()([x, keras.layers.Embedding(6, 8)(places)])
    for _ in range(2):
        if is_grouped:
            attention = keras.layers.GroupQueryAttention(4, 2, 1)
        else:
            attention = keras.layers.MultiHeadAttention(2, 4)
        seen = attention(x, x, use_causal_mask=True)
        x = keras.layers.Add()([x, seen])
        x = keras.layers.LayerNormalization()(x)
    model = keras.Model(tokens, keras.layers.Dense(11, name="scores")(x))
    random = np.random.default_rng(0)
    model.set_weights([np.round(random.normal(size=w.shape) * 8) / 8 for w in model.get_weights()])
    return model


def _set_kernels(model: tf_keras.Model) -> None:
    random = np.random.default_rng(0)
    for layer in model.layers:
        drawn = [random.normal(size=w.shape) for w in layer.get_weights()]
        layer.set_weights([np.round(w * 4) / 4 * (np.abs(w) > 0.5) for w in drawn])


def convert(model: tf_keras.Model, samples=None, sparse=False, half=False, io=tf.int8) -> bytes:
    """With a batch of one in the signature, inputs by the model's own names."""
    specs = [
        tf.TensorSpec([1, *i.shape[1:]], i.dtype, name=i.name.split(":")[0]) for i in model.inputs
    ]

    @tf.function(input_signature=specs)
    def serve(*inputs):
        outputs = model(list(inputs) if len(inputs) > 1 else inputs[0], training=False)
        return outputs if isinstance(outputs, dict) else {"output": outputs}

    module = tf.Module()
    module.model = model
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures={"serving_default": serve})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.exclude_conversion_metadata = True
        if sparse:
            converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
        if half:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        if samples is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([row[None]] for row in samples)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = io
        return converter.convert()


def named(tflite: bytes, raw_scale: float | None = None) -> bytes:
    """The kernels named for their layers; with a scale, the byte input takes raw data."""
    model = flatbuffer_utils.convert_bytearray_to_object(tflite)
    layer_names = (b"conv", b"depthwise", b"dense", b"score", b"group")
    for tensor in model.subgraphs[0].tensors:
        if len(tensor.shape) > 1 and model.buffers[tensor.buffer].data is not None:
            for name in layer_names:
                if b"/" + name + b"/" in tensor.name:
                    tensor.name = name
    if raw_scale:
        model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].quantization.scale = [raw_scale]
        entry, buffer = schema.MetadataT(), schema.BufferT()
        entry.name, entry.buffer = b"tfedge.input", len(model.buffers)
        buffer.data = list(b'{"raw": true}')
        model.buffers.append(buffer)
        model.metadata.append(entry)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


if __name__ == "__main__":
    image = image_network()
    samples = np.random.default_rng(1).integers(0, 17, (64, 8, 8, 1)).astype(np.float32) / 16
    files = {
        "image_float": named(convert(image)),
        "image_float16": named(convert(image, half=True)),
        "image_int8": named(convert(image, samples)),
        "image_uint8_raw": named(convert(image, samples, io=tf.uint8), raw_scale=1 / 16),
        "sequence_float": named(convert(sequence_network())),
        "sequence_float16": named(convert(sequence_network(), half=True)),
        "loop_float": named(convert(loop_network())),
        "counted_float": named(convert(counted_network())),
        "counted_int8": named(convert(counted_network(), samples.repeat(3, axis=-1))),
        "hungry_float": named(convert(hungry_network())),
        "steps_float": tfedge.to_tflite(writer_network(), "float32"),
        "padded_steps_float": tfedge.to_tflite(writer_network(is_padded=True), "float32"),
        "grouped_steps_float": tfedge.to_tflite(writer_network(is_grouped=True), "float32"),
        "cached_float": tfedge.to_tflite(writer_network(), "float32(cache=6, prefill=3)"),
        "block_sparse": named(convert(block_sparse_network(), sparse=True)),
    }
    for name, content in files.items():
        (HERE / f"{name}.tflite").write_bytes(content)

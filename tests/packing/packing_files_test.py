"""Packing of whole files: every byte comes back, in few bytes, and damage is refused."""

import hashlib
import lzma
import pathlib
import subprocess
import sys
import time
import tracemalloc
import zlib

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from kernel_files import FILES, clustered, tflite

import tfedge
from tfedge import errors
from tfedge.packing import container, finding, primer


def _entropy_bytes(content):
    counts = np.unique(np.frombuffer(content, np.uint8), return_counts=True)[1]
    return (counts * np.log2(counts.sum() / counts)).sum() / 8


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_real_files_come_back_and_never_grow(file):
    content = file.read_bytes()
    packed = tfedge.pack(content)
    assert tfedge.unpack(packed) == content
    assert tfedge.pack(content) == packed
    assert len(packed) <= len(zlib.compress(content, 9)) + 40


@pytest.mark.parametrize("content", [b"", b"x", b"TFL3" * 9, bytes(range(256)) * 3], ids=len)
def test_anything_is_packed_with_a_few_bytes_more(content):
    packed = tfedge.pack(content)
    assert tfedge.unpack(packed) == content
    assert len(packed) <= len(content) + 44


def test_noise_grows_by_a_few_bytes_only():
    noise = np.random.default_rng(0).integers(0, 256, 1 << 17, dtype=np.uint8)
    for content in (noise.tobytes(), tflite(noise.view(np.int8).reshape(256, -1))):
        packed = tfedge.pack(content)
        assert tfedge.unpack(packed) == content
        assert len(packed) <= len(content) + 44


@pytest.mark.parametrize(
    "kernel",
    [
        np.random.default_rng(1).normal(0, 0.05, (60, 50)).astype(np.float32),
        np.random.default_rng(1).normal(0, 0.05, (60, 50)).astype(np.float16),
        np.random.default_rng(1).choice([0, 0, 0, 0.5, -0.25], (60, 50)).astype(np.float32),
        np.where(np.random.default_rng(1).random((60, 50)) < 0.8, 0, 1.7).astype(np.float32)
        * np.random.default_rng(2).normal(0, 1, (60, 50)).astype(np.float32),
        np.array([[np.nan, -0.0, np.inf, 1e-42]] * 40, np.float32),
        np.random.default_rng(1).integers(-900, 900, (30, 5)).astype(np.int32),
        np.zeros((40, 40), np.int8),
    ],
    ids=["float", "half", "few_floats", "pruned_float", "odd_floats", "biases", "zeros"],
)
def test_every_type_of_weights_comes_back(kernel):
    content = tflite(kernel)
    packed = tfedge.pack(content)
    assert tfedge.unpack(packed) == content
    assert len(packed) < len(zlib.compress(content, 9)) + 40


def test_int4_kernels_are_coded_by_nibble():
    kernel = np.random.default_rng(3).integers(0, 256, (64, 64), dtype=np.uint8) & 0x33
    content = tflite(kernel, dtype="int4")
    packed = tfedge.pack(content)
    assert tfedge.unpack(packed) == content
    assert len(packed) < 8192 * 2 / 8 + 300  # four of sixteen values: two bits each


def test_a_pruned_and_clustered_kernel_beats_its_entropy_and_deflate():
    content = tflite(clustered(np.random.default_rng(4), (300, 400), 0.1))
    packed = tfedge.pack(content)
    assert tfedge.unpack(packed) == content
    assert len(packed) < _entropy_bytes(content[-120_000:])
    assert len(packed) < 0.8 * len(zlib.compress(content, 9))


def test_a_dense_kernel_is_within_a_hundredth_of_its_entropy():
    kernel = np.random.default_rng(5).normal(0, 30, (250, 250)).clip(-127, 127).astype(np.int8)
    assert len(tfedge.pack(tflite(kernel))) < 1.01 * _entropy_bytes(kernel.tobytes())


def test_ternary_weights_take_less_than_their_entropy_and_a_hundredth():
    kernel = np.random.default_rng(6).integers(-1, 2, (300, 300)).astype(np.int8)
    assert len(tfedge.pack(tflite(kernel))) * 8 / kernel.size < 1.61


def test_a_megabyte_is_decoded_in_well_under_a_second():
    packed = tfedge.pack(tflite(clustered(np.random.default_rng(7), (1000, 1000), 0.2)))
    started = time.process_time()
    tfedge.unpack(packed)
    assert time.process_time() - started < 1


def test_truncated_files_are_refused():
    packed = tfedge.pack(tflite(clustered(np.random.default_rng(8), (40, 60), 0.5)))
    for length in [*range(0, 120, 3), *range(120, len(packed), 41), len(packed) - 1]:
        with pytest.raises(errors.BadInput):
            tfedge.unpack(packed[:length])


def test_damaged_files_are_refused_or_still_right():
    content = tflite(clustered(np.random.default_rng(9), (40, 60), 0.5))
    packed, rng = tfedge.pack(content), np.random.default_rng(10)
    refused = 0
    for _ in range(100):
        damaged = bytearray(packed)
        damaged[rng.integers(len(packed) if refused % 2 else 120)] ^= 1 << rng.integers(8)
        try:
            assert tfedge.unpack(bytes(damaged)) == content
        except errors.BadInput:
            refused += 1
    assert refused > 95


@pytest.mark.parametrize(
    "packed",
    [
        container.MAGIC + bytes([0]) + bytes(32) + container.varint(1 << 40) + bytes(60),
        container.MAGIC + bytes([0]) + bytes(32) + container.varint(1 << 30) + bytes(60),
        container.MAGIC + bytes([1]) + bytes(32) + container.varint(60_000) + b"\xff" * 60,
        container.MAGIC + bytes([1]) + bytes(32) + container.varint(60_000) + bytes(60),
        container.MAGIC
        + bytes([1])
        + bytes(32)
        + container.varint(60_000)
        + b"".join(map(container.varint, (1, 1, 1 << 33, 0, 1)))
        + bytes(60),
        container.MAGIC + bytes([9]) + bytes(32) + container.varint(5) + bytes(60),
        container.MAGIC + b"\0" * 3,
        b"PK\3\4",
    ],
)
def test_lies_about_sizes_are_refused_without_allocating(packed):
    tracemalloc.start()
    with pytest.raises(errors.BadInput):
        tfedge.unpack(packed)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_the_caller_limits_the_size():
    with pytest.raises(errors.BadInput, match="more than the 999 allowed"):
        tfedge.unpack(tfedge.pack(bytes(1000)), largest_bytes=999)


def test_a_bomb_of_zeros_still_unpacks():
    content = tflite(np.zeros((2000, 1000), np.int8))
    packed = tfedge.pack(content)
    assert len(packed) > len(content) / container.LARGEST_EXPANSION - 1
    assert tfedge.unpack(packed) == content


def test_the_hash_is_in_the_header():
    content = FILES[0].read_bytes()
    assert tfedge.pack(content)[5:37] == hashlib.sha256(content).digest()


def test_the_decoder_needs_numpy_only():
    code = (
        "import sys; before = set(sys.modules); from tfedge.packing import decoding; "
        "names = {n.split('.')[0] for n in set(sys.modules) - before}; "
        "sys.exit(' '.join(names - set(sys.stdlib_module_names) - {'numpy', 'tfedge'}) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_scales_of_biases_that_are_products_are_not_stored():
    rng = np.random.default_rng(8)
    scales = rng.uniform(1e-3, 1e-2, 400).astype(np.float32)
    products = np.float32(0.037) * scales
    sizes = []
    for of_bias in (products, rng.permutation(products)):
        content = _dense_layer(np.float32([0.037]), scales, of_bias)
        values, found = finding.find(content)
        assert len(found) == (of_bias is products) and len(values) == 2 - len(found)
        packed = tfedge.pack(content)
        assert tfedge.unpack(packed) == content
        sizes.append(len(packed))
    assert sizes[0] < sizes[1] - 1000


def _dense_layer(*scales):
    """An operator whose input, kernel and bias have these scales."""
    tensors = [
        schema.TensorT(shape=[4], type=9, quantization=schema.QuantizationParametersT(scale=each))
        for each in scales
    ]
    operator = schema.OperatorT(inputs=np.arange(3, dtype=np.int32), outputs=[])
    model = schema.ModelT(
        version=3,
        buffers=[schema.BufferT()],
        operatorCodes=[schema.OperatorCodeT(builtinCode=schema.BuiltinOperator.FULLY_CONNECTED)],
        subgraphs=[schema.SubGraphT(tensors=tensors, operators=[operator])],
    )
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_what_an_older_version_packed_still_opens():
    packed = pathlib.Path(__file__).parent / "files" / "image_int8_by_0_1.packed"
    content = next(file for file in FILES if file.stem == "image_int8").read_bytes()
    assert tfedge.unpack(packed.read_bytes()) == content
    assert len(tfedge.pack(content)) < 0.9 * len(packed.read_bytes())


def test_a_damaged_start_or_end_of_a_primed_piece_is_refused():
    content = bytes(range(64)) * 40
    shared, rest = primer.shorten(content)
    assert primer.restore(shared, rest, len(content)) == content
    for wrong in ((shared - 1, rest, 2560), (shared, rest[:-1], 2560), (shared, rest, 2559)):
        with pytest.raises((ValueError, lzma.LZMAError)):
            primer.restore(*wrong)


@pytest.mark.parametrize("count", [256, 257])
def test_as_many_distinct_numbers_as_a_code_can_name(count):
    rng = np.random.default_rng(11)
    book = rng.normal(0, 1, count).astype(np.float32)
    kernel = np.concatenate([book, rng.choice(book, 4096 - count)]).reshape(64, 64)
    content = tflite(kernel)
    packed = tfedge.pack(content)
    assert tfedge.unpack(packed) == content
    named = 4 * 256 + 4096  # the numbers once, and a byte for each that refers to them
    assert (len(packed) < named + 300) is (count == 256)

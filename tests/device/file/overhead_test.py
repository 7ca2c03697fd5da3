from tfedge.device.file import overhead, tflite


def test_parts_add_up_to_the_file(stored):
    for name in ("image_int8", "image_float", "sequence_float", "block_sparse"):
        file = tflite.read(stored(name))
        parts = overhead.by_kind(file)
        assert sum(parts.values()) == file.file_bytes
        assert all(size >= 0 for size in parts.values()), parts


def test_parts_of_an_int8_file(stored):
    file = tflite.read(stored("image_int8"))
    parts = overhead.by_kind(file)
    assert parts["weights"] == 4 * 9 + 4 * 9 + 64 * 4
    assert parts["biases"] == 4 * (4 + 4 + 4)
    assert parts["names"] == sum(len(t.name) + 1 for t in file.tensors if t.name)
    quantized = [t for t in file.tensors if len(t.scales)]
    assert parts["scales"] == sum(4 + 4 * len(t.scales) for t in quantized)
    assert parts["zero_points"] == sum(4 + 8 * len(t.scales) for t in quantized)


def test_biases_of_a_float16_file(stored):
    assert overhead.by_kind(tflite.read(stored("image_float16")))["biases"] == 2 * (4 + 4 + 4)

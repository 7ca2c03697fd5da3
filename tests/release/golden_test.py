"""golden.npz: what it holds, how far another runtime may be from it, and what is no such file."""

import io
import json
import pathlib
import zipfile

import numpy as np
import pytest

from tfedge import errors
from tfedge.data.task import ArraySplit, Normalization, Task
from tfedge.device import inference, sandbox
from tfedge.device.file import tflite
from tfedge.release import golden
from tfedge.release.golden import synthetic, tolerances, vectors

FILES = pathlib.Path(__file__).parents[1] / "device" / "files"


def file_of(name):
    return tflite.read((FILES / f"{name}.tflite").read_bytes())


def task_of(x, **more):
    split = ArraySplit(x, np.zeros(len(x), int))
    return Task("t", "classification", split, split, split, split, **more)


@pytest.fixture(scope="module")
def images():
    draw = np.random.default_rng(7)
    return task_of(
        draw.integers(0, 17, (40, 8, 8, 1)).astype(np.uint8), normalization=Normalization(1 / 16)
    )


@pytest.fixture(scope="module")
def made(images):
    return golden.make(file_of("image_int8"), images)


def test_inputs_are_what_the_tensor_takes_and_outputs_what_it_holds(images, made):
    file = file_of("image_int8")
    ((name, tensor),) = file.named_inputs.items()
    x = images.holdout.x[:32] / np.float32(16)
    codes = np.clip(np.rint(x / tensor.scales[0] + tensor.zero_points[0]), -128, 127)
    assert made.inputs[name].dtype == np.int8 and made.source == "held_out"
    np.testing.assert_array_equal(made.inputs[name], codes)
    run = inference.run(
        file, images.holdout, images.normalization, sandbox.Limits(2**32, 1), timed_seconds=0
    )
    ((name, real),) = run.outputs.items()
    tensor = file.named_outputs[name]
    assert made.outputs[name].dtype == np.int8
    back = (made.outputs[name] - tensor.zero_points[0]) * tensor.scales[0]
    np.testing.assert_allclose(back, real[:32], rtol=1e-6)


def test_the_file_is_read_back_as_it_was_and_is_the_same_bytes_again(made):
    content = made.to_bytes()
    found = vectors.read(content)
    assert content == made.to_bytes() and found.examples == 32
    assert found.model_sha256 == made.model_sha256 and len(found.model_sha256) == 64
    assert (found.source, found.tolerances) == (made.source, made.tolerances)
    for kind in ("inputs", "outputs"):
        ours, theirs = getattr(made, kind), getattr(found, kind)
        assert list(ours) == list(theirs)
        for name, array in ours.items():
            assert theirs[name].dtype == array.dtype
            np.testing.assert_array_equal(theirs[name], array)


def test_numpy_alone_opens_it(made):
    with np.load(io.BytesIO(made.to_bytes())) as file:
        about = json.loads(file["about"].tobytes())
        assert file[about["inputs"][0]["array"]].shape == (32, 8, 8, 1)
        assert file[about["outputs"][0]["array"]].shape == (32, 4)
    assert (about["schema_version"], about["source"], about["examples"]) == (1, "held_out", 32)
    assert about["outputs"][0].keys() == {"name", "array", "tolerance"}


def test_private_examples_stay_where_they_are(images):
    found = golden.make(file_of("image_float"), images, is_private=True)
    (x,) = found.inputs.values()
    assert found.source == "synthetic" and x.shape == (32, 8, 8, 1) and x.dtype == np.float32
    assert 0 <= x.min() and x.max() <= 1
    held_out = images.holdout.x / np.float32(16)
    assert not any((each == held_out).all(axis=(1, 2, 3)).any() for each in x)


def test_drawn_inputs_lie_between_the_extremes_of_each():
    x = {
        "ids": np.array([[3, 5], [4, 9]], np.int32),
        "sound": np.array([[-2.0], [7.5]], np.float32),
    }
    found = synthetic.split(ArraySplit(x, np.zeros(2)), 200).x
    assert found["ids"].dtype == np.int32 and set(np.unique(found["ids"])) == set(range(3, 10))
    assert found["ids"].shape == (200, 2) and found["sound"].shape == (200, 1)
    assert found["sound"].dtype == np.float32
    assert -2 <= found["sound"].min() < -1.8 and 7.3 < found["sound"].max() <= 7.5
    again = synthetic.split(ArraySplit(x, np.zeros(2)), 200).x
    np.testing.assert_array_equal(again["ids"], found["ids"])


def test_few_of_large_examples(images, monkeypatch):
    monkeypatch.setattr(golden, "_MOST_BYTES", 5 * 64 + 63)
    assert golden.make(file_of("image_int8"), images).examples == 5


def test_a_file_that_remembers_is_reset_between_examples():
    file = file_of("sequence_float")
    draw = np.random.default_rng(1)
    x = {
        name: np.repeat(draw.random((1, *tensor.shape[1:]), np.float32), 3, axis=0)
        for name, tensor in file.named_inputs.items()
    }
    found = golden.of(file, ArraySplit(x, np.zeros(3)), Normalization(), "synthetic")
    for answers in found.outputs.values():
        np.testing.assert_array_equal(answers, np.repeat(answers[:1], 3, axis=0))


def test_a_float_file_may_differ_in_its_last_bits_an_integer_one_not_at_all():
    assert list(tolerances.of(file_of("image_float")).values()) == [1e-4]


class Tensors:
    """A file of tensors (dtype, scale) and operators (kind, inputs, outputs); the last is out."""

    def __init__(self, tensors, operators):
        self.tensors = [
            type("T", (), {"index": i, "dtype": t, "scales": [s] if s else []})()
            for i, (t, s) in enumerate(tensors)
        ]
        made = [
            type("O", (), {"index": i, "kind": k, "inputs": a, "outputs": b})()
            for i, (k, a, b) in enumerate(operators)
        ]
        self.producers = {output: each for each in made for output in each.outputs}
        self.named_outputs = {"out": self.tensors[-1]}


INT, REAL = ("INT8", 0.5), ("FLOAT32", 0)


@pytest.mark.parametrize(
    ("tensors", "operators", "expected"),
    [
        ([INT, INT], [("CONV_2D", (0,), (1,))], 0.0),
        ([INT, INT, REAL], [("CONV_2D", (0,), (1,)), ("DEQUANTIZE", (1,), (2,))], 0.0),
        ([INT, INT, INT], [("CONV_2D", (0,), (1,)), ("SOFTMAX", (1,), (2,))], 1.0),
        ([INT, INT, REAL], [("SOFTMAX", (0,), (1,)), ("DEQUANTIZE", (1,), (2,))], 0.5),
        ([INT, INT, INT], [("MEAN", (0,), (1,)), ("FULLY_CONNECTED", (1,), (2,))], 4.0),
        ([INT, INT, INT], [("MEAN", (0,), (1,)), ("SOFTMAX", (1,), (2,))], 4.0),
        ([REAL, REAL, INT], [("CONV_2D", (0,), (1,)), ("QUANTIZE", (1,), (2,))], 4.0),
        ([REAL, INT, INT], [("QUANTIZE", (0,), (1,)), ("CONV_2D", (1,), (2,))], 0.0),
        ([REAL, REAL], [("SOFTMAX", (0,), (1,))], 1e-4),
        ([INT, INT], [("RESHAPE", (0, -1), (1,))], 0.0),
    ],
)
def test_tolerances(tensors, operators, expected):
    assert tolerances.of(Tensors(tensors, operators)) == {"out": expected}


def test_the_file_of_another_version_is_refused(made):
    content = made.to_bytes().replace(b'"schema_version": 1', b'"schema_version": 2')
    arrays = dict(np.load(io.BytesIO(made.to_bytes())))
    told = arrays["about"].tobytes().replace(b'"schema_version": 1', b'"schema_version": 2')
    content = vectors._zipped({**arrays, "about": np.frombuffer(told, np.uint8)})
    with pytest.raises(errors.BadInput, match="it is of version 2, 1 is known"):
        vectors.read(content)


@pytest.mark.parametrize(
    ("good", "wrong"),
    [
        ('"schema_version": 1', '"schema_version": true'),
        ('"tolerance": ', '"tolerance": true, "other": '),
        ('"tolerance": ', '"tolerance": Infinity, "other": '),
        ('"tolerance": ', '"tolerance": -1.0, "other": '),
        ('"examples": 32', '"examples": 32.0'),
    ],
)
def test_what_only_passes_for_a_number_is_refused(made, good, wrong):
    arrays = dict(np.load(io.BytesIO(made.to_bytes())))
    told = arrays["about"].tobytes().replace(good.encode(), wrong.encode())
    assert told != arrays["about"].tobytes()
    with pytest.raises(errors.BadInput, match="number from"):
        vectors.read(vectors._zipped({**arrays, "about": np.frombuffer(told, np.uint8)}))


def test_damage_is_refused_in_a_line(made):
    content = made.to_bytes()
    for broken in (b"", b"PK", content[:-30], content[:200] + content[260:]):
        with pytest.raises(errors.BadInput, match=r"golden\.npz"):
            vectors.read(broken)


def test_arrays_of_other_lengths_are_refused(made):
    arrays = dict(np.load(io.BytesIO(made.to_bytes())))
    with pytest.raises(errors.BadInput, match="not of one length"):
        vectors.read(vectors._zipped({**arrays, "output_0": arrays["output_0"][:3]}))


def test_a_declared_size_is_not_believed(made, monkeypatch):
    monkeypatch.setattr(vectors, "_MOST_BYTES", 1000)
    with pytest.raises(errors.BadInput, match=r"input_0\.npy would take 2,176 bytes"):
        vectors.read(made.to_bytes())


def test_pickles_are_not_opened(made):
    arrays = dict(np.load(io.BytesIO(made.to_bytes())))
    written = io.BytesIO()
    np.save(written, np.array([{}], object), allow_pickle=True)
    archive = io.BytesIO(vectors._zipped({n: a for n, a in arrays.items() if n != "input_0"}))
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("input_0.npy", written.getvalue())
    with pytest.raises(errors.BadInput, match="allow_pickle=False"):
        vectors.read(archive.getvalue())


def test_a_file_that_does_not_run_is_said(images):
    with pytest.raises(errors.BadInput, match="takes examples of shape"):
        golden.make(file_of("image_int8"), task_of(np.zeros((3, 7, 7, 1), np.uint8)))


def test_of_caches_it_is_one_step_in_the_middle_of_sequences():
    file, tokens = file_of("cached_float"), np.arange(18, dtype=np.int32).reshape(3, 6) % 11
    made = golden.make(file, task_of(tokens))
    np.testing.assert_array_equal(made.inputs["tokens"][:, 0], tokens[:, 3])
    np.testing.assert_array_equal(made.inputs["input_pos"], [3, 3, 3])
    written = np.abs(made.inputs["kv_cache_v_1"]).sum(axis=(0, 1, 3)) > 0
    np.testing.assert_array_equal(written, [True] * 3 + [False] * 3)
    whole = inference.run(
        file_of("steps_float"),
        ArraySplit(tokens, np.zeros(3)),
        Normalization(),
        sandbox.Limits(2**32, 1),
        timed_seconds=0,
    )
    expected = whole.outputs["scores"][:, 3]
    np.testing.assert_allclose(made.outputs["logits"][:, 0], expected, rtol=1e-4, atol=1e-5)
    assert vectors.read(made.to_bytes()).examples == 3

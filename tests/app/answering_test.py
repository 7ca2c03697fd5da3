"""What a file answers here, with the names and the normalization of its release."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from tfedge_tools import run as program
from tfedge_tools.benchmarks.apps.kept import LABELS

from tfedge import errors
from tfedge.app import answering
from tfedge.data.reading import resizing
from tfedge.device import inference, sandbox
from tfedge.device.file import tflite


def real(case, x):
    """As the evaluation runs it."""
    split = case.task.holdout.take(np.arange(len(x)))
    file = tflite.read(case.content)
    bounds = sandbox.Limits(2**32, 1)
    run = inference.run(file, split, case.task.normalization, bounds, timed_seconds=0)
    return run.outputs


@pytest.mark.parametrize("name", ["float", "int8", "uint8_raw"])
def test_several_examples_get_the_answers_of_the_evaluation(name, cases, released, tmp_path):
    x = cases[name].task.holdout.x[:3]
    np.save(tmp_path / "x.npy", x)
    found = answering.answer(released(name), [str(tmp_path / "x.npy")])
    expected = real(cases[name], x)["output"]
    assert [each.where for each in found] == [f"{tmp_path}/x.npy[{row}]" for row in range(3)]
    for each, scores in zip(found, expected, strict=True):
        np.testing.assert_array_equal(each.outputs["output"], scores)
        order = np.argsort(-scores, kind="stable")
        assert [label for label, _ in each.classes] == [LABELS[index] for index in order]
        assert [score for _, score in each.classes] == scores[order].tolist()


def test_inputs_by_name_and_a_state_that_is_reset(cases, released, tmp_path):
    x = {name: array[:2] for name, array in cases["two_ends"].task.holdout.x.items()}
    np.savez(tmp_path / "x.npz", **x)
    path = str(tmp_path / "x.npz")
    found = answering.answer(released("two_ends"), [path, path])
    expected = real(cases["two_ends"], x["steps"])
    assert len(found) == 4 and found[0].classes == ()
    for row, each in enumerate(found):
        for name, values in expected.items():
            np.testing.assert_array_equal(each.outputs[name], values[row % 2])


def test_rows_of_numbers_are_examples_below_a_heading_or_not(cases, released, tmp_path):
    x = cases["uint8_raw"].task.holdout.x[:3]
    expected = real(cases["uint8_raw"], x)["output"]
    rows = [",".join(map(str, row)) for row in x.reshape(3, -1).tolist()]
    heading = ",".join(f"p{place}" for place in range(64))
    for name, lines in (("x.csv", rows), ("y.csv", [heading, *rows])):
        (tmp_path / name).write_text("\n".join(lines), encoding="utf-8-sig")
        found = answering.answer(released("uint8_raw"), [str(tmp_path / name)])
        np.testing.assert_array_equal([each.outputs["output"] for each in found], expected)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "short.csv",
            "1,2,3",
            r"a row has 3 numbers, the model takes 64. Write those of 8 x 8 x 1",
        ),
        ("words.csv", "a,b\nc,d", "no rows of numbers"),
        ("empty.csv", "", "no rows of numbers"),
        ("two.csv", "1,2", r"one input, the model takes \w+, \w+. Give a .npz"),
    ],
)
def test_other_rows_are_refused(name, text, said, released, tmp_path):
    (tmp_path / name).write_text(text)
    model = released("two_ends" if name == "two.csv" else "float")
    with pytest.raises(errors.BadInput, match=said):
        answering.answer(model, [str(tmp_path / name)])


def test_the_only_input_takes_an_array_of_any_name_or_the_held_out_one(cases, released, tmp_path):
    x = cases["float"].task.holdout.x[:2]
    path = str(tmp_path / "x.npz")
    expected = real(cases["float"], x)["output"]
    for arrays in ({"picture": x}, {"x_test": x, "y_test": np.zeros(2), "x_train": x[:0]}):
        np.savez(path, **arrays)
        found = answering.answer(released("float"), [path])
        np.testing.assert_array_equal([each.outputs["output"] for each in found], expected)
    np.savez(path, a=x, b=x)
    with pytest.raises(errors.BadInput, match=r"holds a, b, the model takes \w+. Name the arrays"):
        answering.answer(released("float"), [path])


def test_a_file_that_is_not_there_is_said(released, tmp_path):
    with pytest.raises(errors.BadInput, match="no such file"):
        answering.answer(released("float"), [str(tmp_path / "x.png")])


def test_a_picture_is_brought_to_size_as_in_training(cases, released, tmp_path):
    colours = np.random.default_rng(1).integers(0, 256, (19, 13, 3)).astype(np.uint8)
    Image.fromarray(colours).save(tmp_path / "x.png")
    (found,) = answering.answer(released("float"), [str(tmp_path / "x.png")])
    grey = np.asarray(Image.fromarray(colours).convert("L"))[..., np.newaxis]
    pixels = np.rint(resizing.resize(grey, (8, 8)) * (16 / 255)).astype(np.uint8)
    np.save(tmp_path / "x.npy", pixels)
    (same,) = answering.answer(released("float"), [str(tmp_path / "x.npy")])
    np.testing.assert_array_equal(found.outputs["output"], same.outputs["output"])
    alone = shutil.copy(released("float") / "model.tflite", tmp_path / "alone.tflite")
    with pytest.raises(errors.BadInput, match="nothing says how this model takes pictures"):
        answering.answer(alone, [str(tmp_path / "x.png")])


def test_a_manifest_of_another_file_tells_nothing(cases, released, tmp_path):
    shutil.copy(released("float") / "manifest.json", tmp_path / "manifest.json")
    (tmp_path / "model.tflite").write_bytes(cases["int8"].content)
    x = cases["int8"].task.holdout.x[0].astype(np.float32) / 16
    np.save(tmp_path / "x.npy", x)
    (found,) = answering.answer(tmp_path / "model.tflite", [str(tmp_path / "x.npy")])
    assert found.classes == ()
    np.testing.assert_array_equal(found.outputs["output"], real(cases["int8"], [x])["output"][0])


def test_the_command_prints_a_line_each(cases, released, tmp_path, monkeypatch, capsys):
    np.save(tmp_path / "x.npy", cases["float"].task.holdout.x[0])
    scores = real(cases["float"], [0])["output"][0]
    best = int(np.argmax(scores))

    def printed(*more):
        words = ["run", str(released("float")), str(tmp_path / "x.npy"), *more]
        monkeypatch.setattr("sys.argv", words)
        program._FLAGS["input"].unparse()  # of the call before
        with pytest.raises(SystemExit) as end:
            program.run()
        return end.value.code, capsys.readouterr()

    code, out = printed("--top=1")
    assert code == 0
    assert out.out == f"{tmp_path}/x.npy: {LABELS[best]} ({scores[best]:.3g})\n"
    told = json.loads(printed("--json")[1].out)
    assert told["classes"][0] == {"label": LABELS[best], "score": float(scores[best])}
    np.testing.assert_array_equal(np.float32(told["outputs"]["output"]), scores)
    (tmp_path / "x.npy").write_bytes(b"no array")
    code, out = printed()
    assert code == 1 and len(out.err.splitlines()) == 1 and "numpy.save" in out.err

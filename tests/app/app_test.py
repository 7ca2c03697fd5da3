"""What is refused before anything is written, what is replaced, and what names become in code."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest
from tfedge_tools.benchmarks.apps.kept import publish

import tfedge
from tfedge import app, errors
from tfedge.app import literals, platforms, reading
from tfedge.app.asked import Asked
from tfedge.data.task import Normalization
from tfedge.device import compatibility
from tfedge.release import app_facts
from tfedge.release.golden import vectors

WEB = platforms.find("web")
EARLY = pathlib.Path(__file__).parents[1] / "packing" / "files" / "image_int8_by_0_1.packed"


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def refused(*arguments, **more):
    with pytest.raises(errors.BadInput) as caught:
        app.write(*arguments, **more)
    return str(caught.value)


@pytest.mark.parametrize("platform", platforms.names())
def test_every_file_is_listed_and_the_same_again(platform, released, tmp_path):
    folder = app.write(released("uint8_raw"), platform, tmp_path / "a" / "there")
    first = files_of(folder)
    listing = json.loads(first["tfedge-files.json"])
    assert set(listing["files"]) == set(first) - {"tfedge-files.json"}
    assert (listing["schema_version"], listing["platform"]) == (1, platform)
    assert released("uint8_raw").joinpath("model.tflite").read_bytes() in first.values()
    assert files_of(app.write(released("uint8_raw"), platform, folder)) == first
    assert [path.name for path in folder.parent.iterdir()] == ["there"]
    shown = first["README.md"].decode()
    assert len(shown.splitlines()) < 75 and listing["model_sha256"] in shown


@pytest.mark.parametrize("platform", platforms.names())
def test_a_runtime_that_the_file_needs_is_told(platform, released, tmp_path, monkeypatch):
    for needed, told in (("2.13.0", True), (None, False)):
        monkeypatch.setattr(compatibility, "needed_runtime", lambda _, needed=needed: needed)
        folder = app.write(released("uint8_raw"), platform, tmp_path / str(needed))
        shown = (folder / "README.md").read_text()
        assert "\n\n**How do I call it?**" in shown
        words = " ".join(shown.split())
        assert ("The file needs TensorFlow Lite 2.13.0 or a later runtime" in words) == told
        assert ("file needs" in words) == told


def test_a_file_that_no_pod_reads_is_refused(released, tmp_path, monkeypatch):
    monkeypatch.setattr(compatibility, "needed_runtime", lambda _: "2.17.1")
    said = refused(released("uint8_raw"), "ios", tmp_path / "there")
    assert "needs runtime 2.17.1, and TensorFlowLiteSwift ends at 2.17.0" in said
    monkeypatch.setattr(compatibility, "needed_runtime", lambda _: "2.17.0")
    app.write(released("uint8_raw"), "ios", tmp_path / "there")


def test_a_change_is_never_overwritten(released, tmp_path):
    folder = app.write(released("uint8_raw"), "web", tmp_path / "there")
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "x.js").write_text("")
    app.write(released("float"), "web", folder)  # not by that which npm brought
    with (folder / "model.js").open("a") as file:
        file.write("// mine\n")
    before = files_of(folder)
    assert "model.js was changed or added since" in refused(released("float"), "web", folder)
    assert files_of(folder) == before
    app.write(released("float"), "web", tmp_path / "other")
    (tmp_path / "other" / "mine.txt").write_text("mine")
    assert "mine.txt was changed" in refused(released("float"), "web", tmp_path / "other")
    (tmp_path / "third").mkdir()
    (tmp_path / "third" / "thesis.txt").write_text("mine")
    assert "did not write: thesis.txt" in refused(released("float"), "web", tmp_path / "third")
    assert "it is a file" in refused(released("float"), "web", tmp_path / "third" / "thesis.txt")


def test_what_is_no_release_is_refused(cases, released, tmp_path):
    there = tmp_path / "there"
    assert "Give a release folder" in refused(tmp_path, "web", there)
    broken = tmp_path / "broken"
    publish(cases["float"], broken)
    content = bytearray((broken / "model.tflite").read_bytes())
    content[-1] ^= 1
    (broken / "model.tflite").write_bytes(content)
    assert "model.tflite was changed" in refused(broken, "web", there)
    publish(cases["float"], tmp_path / "failed", outcome="FAIL")
    assert "its verdict is FAIL" in refused(tmp_path / "failed", "web", there)
    publish(cases["float"], tmp_path / "rejected", released=False)
    assert "it was not released" in refused(tmp_path / "rejected", "web", there)
    assert "Did you mean 'web'?" in refused(released("float"), "wep", there)
    assert not there.exists()


def test_a_type_that_a_platform_cannot_take_is_named_with_what_to_export(released, tmp_path):
    said = refused(released("int8"), "web", tmp_path / "there")
    assert "input 'image' is int8" in said and 'int8(input="uint8", output="uint8")' in said
    assert not (tmp_path / "there").exists()


def test_one_that_remembers_is_refused_where_nothing_resets_it(released, tmp_path):
    said = refused(released("two_ends"), "web", tmp_path / "there")
    assert "remembers the example before" in said and "LiteRT.js loads none" in said


def test_names_are_asked_for_where_there_are_none(cases, released, tmp_path):
    nameless = tmp_path / "nameless"
    case = cases["float"]
    made = dataclasses.replace(case, task=dataclasses.replace(case.task, labels=("one", "two")))
    publish(made, nameless)
    said = refused(nameless, "web", tmp_path / "there")
    assert "2 class names for 4 classes" in said and "--labels=FILE" in said
    given = tmp_path / "names.txt"
    given.write_text("north\neast\n\nsouth\nwest\n")
    model = reading.read(nameless, Asked(labels=str(given)), WEB)
    assert model.labels == ("north", "east", "south", "west")
    given.write_bytes(b"\xff\xfe")
    assert "no text" in refused(nameless, "web", tmp_path / "x", Asked(labels=str(given)))
    said = refused(released("regression"), "web", tmp_path / "x", Asked(labels=str(given)))
    assert "tells no single class" in said


def test_examples_are_nobodys_unless_asked_for(cases, released):
    drawn = reading.read(released("float"), Asked(), WEB)
    assert (drawn.vectors.source, drawn.vectors.examples) == ("synthetic", 8)
    theirs = reading.read(released("float"), Asked(examples="released"), WEB)
    assert (theirs.vectors.source, theirs.vectors.examples) == ("held_out", 32)
    held_out = vectors.read(released("float").joinpath("golden.npz").read_bytes())
    first = np.frombuffer(theirs.golden[: 4 * 64], "<f4")
    np.testing.assert_array_equal(first, held_out.inputs["image"][0].ravel())
    answer = np.frombuffer(theirs.golden[4 * 64 : 4 * 68], "<f4")
    np.testing.assert_array_equal(answer, held_out.outputs["output"][0].ravel())
    assert len(theirs.golden) == 32 * theirs.example_bytes == 32 * 4 * 68
    with pytest.raises(errors.BadInput, match="synthetic or released"):
        Asked(examples="held_out")


@pytest.mark.parametrize(
    ("field", "value"), [("class_name", "my net"), ("class_name", "net"), ("package", "com")]
)
def test_names_that_no_language_takes_are_refused(field, value):
    with pytest.raises(errors.BadInput, match=f"--{field}={value}"):
        Asked(**{field: value})


def test_what_a_manifest_tells_is_read_back(cases):
    told = app_facts.of("net", cases["two_ends"].task)
    assert app_facts.read({"app": json.loads(json.dumps(told.to_json()))}, "x") == told
    assert set(told.inputs) == {"steps", "extra"}
    steps = cases["two_ends"].task.calibration.x["steps"]
    assert (told.inputs["steps"].least, told.inputs["steps"].most) == (steps.min(), steps.max())
    per_channel = dataclasses.replace(told, normalization=Normalization((0.5, 2.0), (1.0, -1.0)))
    assert app_facts.read({"app": per_channel.to_json()}, "x") == per_channel
    for wrong, words in (({}, "has no 'app'"), ({"app": {"name": "x"}}, "damaged")):
        with pytest.raises(errors.BadInput, match=words):
            app_facts.read(wrong, "x")


def test_ends_of_a_model_are_told_as_an_app_sees_them(released):
    model = reading.read(released("uint8_raw"), Asked(version="1.2"), WEB)
    (image,), (output,) = model.inputs, model.outputs
    assert (image.given, image.count, image.first_code, image.factors) == ("bytes", 64, 0, ())
    assert (output.given, output.dtype, output.bytes) == ("real", "uint8", 4)
    assert image.seen == ", 0 to 16 in the data" and model.picture.most == 16
    assert model.is_probability and model.version == "1.2" and model.class_name == "TinyNet"
    floats = reading.read(released("float"), Asked(class_name="Net"), WEB)
    assert (floats.inputs[0].given, floats.inputs[0].factors) == ("real", (1 / 16,))
    assert floats.class_name == "Net" and not floats.keeps_state
    resetting = dataclasses.replace(WEB, can_reset=True)
    both = reading.read(released("two_ends"), Asked(), resetting)
    assert [each.id for each in both.inputs] == ["extra", "steps"] and both.picture is None
    assert both.keeps_state and both.labels == ()


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("image", "image"),
        ("serving_default_image:0", "servingDefaultImage0"),
        ("0", "tensor0"),
        ("class", "classTensor"),
        ("日本", "tensor"),
        ("steps", "steps2"),
    ],
)
def test_names_of_tensors_become_names_in_code(name, made):
    assert literals.identifier(name, {"steps"}) == made


def test_names_from_files_stay_text_in_code():
    assert literals.text('a"$b\\\n') == '"a\\"\\u0024b\\\\\\n"'
    assert literals.text("é") == '"\\u00e9"'
    assert literals.swift_text('\\(x) "é"') == '"\\\\(x) \\"é\\""'
    assert literals.comment("a */ b /* c\nd") == "a * / b / * c d"
    assert [literals.number(each) for each in (0.1, 16, 1e-9)] == [
        "0.100000001",
        "16.0",
        "9.99999972e-10",
    ]
    assert literals.markdown("a|b<i>") == "a\\|b\\<i\\>"


def test_a_packed_model_is_shipped_where_the_release_has_it(cases, released, tmp_path):
    packed = Asked(packed=True)
    folder = app.write(released("float"), "web", tmp_path / "there", packed)
    names = {"model.tflite.packed", "tfedge_primer.lzma", "unpack.js", "unpack_worker.js"}
    assert names < set(files_of(folder)) and "model.tflite" not in files_of(folder)
    assert not names & set(files_of(app.write(released("float"), "web", folder)))  # replaced whole
    case = cases["float"]
    other = publish(case, tmp_path / "other", packed=tfedge.pack(b"other"))
    assert "holds another file" in refused(other, "web", tmp_path / "x", packed)
    early = publish(cases["int8"], tmp_path / "early", packed=EARLY.read_bytes())
    assert "by an earlier tfedge" in refused(early, "android", tmp_path / "x", packed)
    without = publish(case, tmp_path / "without", packed=b"")
    said = refused(without, "web", tmp_path / "x", packed)
    assert "it has no model.tflite.packed" in said and "--packed" in said
    assert not (tmp_path / "x").exists()

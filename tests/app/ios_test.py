"""The Swift: its grammar where tree-sitter-swift is, and what is filled in; not compiled."""

import dataclasses

import pytest
from tfedge_tools.benchmarks.apps import wrong_uses
from tfedge_tools.benchmarks.apps.subject import Subject

from tfedge import app, errors
from tfedge.app import platforms, reading
from tfedge.app.asked import Asked
from tfedge.data.reading import resizing

CASES = ("uint8_raw", "float", "two_ends", "regression")
IOS = platforms.find("ios")


def _wrong_places(code):
    """Lines that are no Swift."""
    swift = pytest.importorskip("tree_sitter_swift", reason="tree-sitter-swift is not here")
    import tree_sitter

    parser = tree_sitter.Parser(tree_sitter.Language(swift.language()))
    waiting, found = [parser.parse(code.encode()).root_node], []
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            found.append(node.start_point[0] + 1)
        waiting += node.children
    return found


@pytest.mark.parametrize("name", ["uint8_raw", "two_ends"])
def test_what_unpacks_is_swift(name, released):
    made = IOS.files(reading.read(released(name), Asked(packed=True), IOS))
    for path in ("TinyNet.swift", "TinyNetUnpacking.swift"):
        assert _wrong_places(made[path].decode()) == []
    assert {"tiny_net.tflite.packed", "tfedge_primer.lzma"} < set(made)
    assert "TinyNetUnpacking.unpack(" in made["TinyNet.swift"].decode()


def test_wrong_uses_are_refused_in_the_same_words(cases, released):
    subjects = {
        name: Subject(name, released(name), cases[name].task, 1)
        for name in ("uint8_raw", "float", "two_ends")
    }
    said = wrong_uses.in_swift(subjects)
    assert len(said) > 12 and all(said.values()), said


def _code(model):
    return IOS.files(model)["TinyNet.swift"].decode()


@pytest.mark.parametrize("name", CASES)
def test_it_is_swift(name, released):
    code = _code(reading.read(released(name), Asked(), IOS))
    assert _wrong_places(code) == []
    assert _wrong_places(code.replace("guard found ==", "guard found == ==")) != []


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("fit", resizing.FITS)
def test_it_is_swift_whatever_becomes_of_pictures(interpolation, fit, released):
    model = reading.read(released("float"), Asked(), IOS)
    other = dataclasses.replace(model.picture, interpolation=interpolation, fit=fit, channels=3)
    assert _wrong_places(_code(dataclasses.replace(model, picture=other))) == []


def test_int8_ends_are_refused_since_the_pod_knows_none(released, tmp_path):
    with pytest.raises(errors.BadInput, match="input 'image' is int8, not for TensorFlowLiteSwift"):
        app.write(released("int8"), "ios", tmp_path / "there")


def test_tensors_are_fed_by_the_interpreters_numbers(released):
    model = reading.read(released("two_ends"), Asked(), IOS)
    code = _code(model)
    for place, port in enumerate(model.inputs):
        assert f"copy(inputs[{place}], toInputAt: {port.index})" in code
    outputs = ", ".join(f"try interpreter.output(at: {port.index}).data" for port in model.outputs)
    assert f"[{outputs}]" in code
    assert "interpreter = try TinyNet.opened(file, options, delegates)\n    try" in code
    assert "opened(file, options, delegates)\n    try" not in _code(
        reading.read(released("float"), Asked(), IOS)
    )


def test_normalization_and_codes_are_those_of_the_release(released):
    floats = _code(reading.read(released("float"), Asked(), IOS))
    assert "let factors: [Float] = [0.0625]" in floats and "zeroPoint" not in floats
    raw = reading.read(released("uint8_raw"), Asked(), IOS)
    assert "return Data(values)" in _code(raw) and "factors" not in _code(raw)
    scale = f"{raw.outputs[0].scale:.9g}"
    assert f"Float(Int32($0) - (0)) * {scale}" in _code(raw)
    assert 'labels: [String] = ["a", "b \\"quoted\\"", "c $x", "d\\\\"]' in _code(raw)

import json
import os
import pathlib
import struct

import pytest

from tfedge import errors, foreign

REMEDY = "Copy it again."


def _parsed(text):
    return foreign.parse_json(text.encode(), "file.json", REMEDY)


@pytest.mark.parametrize(
    "raised",
    [
        *(RecursionError("deep"), OverflowError("int too large"), KeyError(4000), MemoryError()),
        *(struct.error("short"), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), EOFError()),
        *(TypeError("no dtype"), FileNotFoundError(2, "No such file"), NotImplementedError()),
    ],
    ids=lambda raised: type(raised).__name__,
)
def test_what_parsers_raise_is_a_refusal_in_one_line(raised):
    with pytest.raises(errors.BadInput) as caught, foreign.reading("a.h5", REMEDY, "truncated"):
        raise raised
    assert str(caught.value).startswith("a.h5: truncated: ")
    assert str(caught.value).endswith(REMEDY) and "\n" not in str(caught.value)


def test_an_error_of_ours_stays_one():
    with pytest.raises(NameError), foreign.reading("a.h5", REMEDY):
        raise NameError("misspelt")
    with pytest.raises(errors.BadInput, match=r"^layer: bad\. Good\.$"), foreign.reading("a", "b"):
        raise errors.BadInput("layer", "bad", "Good.")


def test_control_characters_of_a_message_do_not_reach_the_terminal():
    with pytest.raises(errors.BadInput) as caught, foreign.reading("a", REMEDY):
        raise ValueError("red \x1b[31m\nsecond line")
    assert str(caught.value) == rf"a: damaged: red \x1b[31m. {REMEDY}"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("[" * 3000 + "]" * 3000, "not JSON: RecursionError"),
        ("[" * 102 + "]" * 102, "more than 100 levels"),
        ('{"a":' * 102 + "1" + "}" * 102, "more than 100 levels"),
        ('{"a": ' + "1" * 400 + "}", "beyond 64 bits"),
        ('{"a": -9223372036854775808}', "beyond 64 bits"),
        ("1" * 5000, "not JSON"),
        (r'{"name": "\ud800"}', r"'\\ud800' in it is no Unicode"),
        (r'{"\udfff": 1}', "no Unicode"),
        ("[" + "0," * 600_000 + "0]", "larger than any"),
        (" " * (1 + (16 << 20)), "larger than any"),
        ("{", "not JSON"),
        ("", "not JSON"),
    ],
)
def test_json_that_nobody_means_is_refused(text, cause):
    with pytest.raises(errors.BadInput, match=cause) as caught:
        _parsed(text)
    assert len(str(caught.value)) < 400


def test_json_that_is_meant_is_read():
    deep = "[" * 100 + "]" * 100
    assert json.dumps(_parsed(deep)) == deep
    assert _parsed('{"a": [9223372036854775807, 1e3, "\\ud83d\\ude00"]}') == {
        "a": [2**63 - 1, 1000.0, "\U0001f600"]
    }


def test_a_file_is_read_no_further_than_it_may_go(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"\xff\xff")
    with pytest.raises(errors.BadInput, match=r"a\.json: not JSON"):
        foreign.read_json(path, REMEDY)
    with pytest.raises(errors.BadInput, match=r"none\.json: cannot be read: No such file"):
        foreign.read_json(tmp_path / "none.json", REMEDY)
    with pytest.raises(errors.BadInput, match="no plain file"):
        foreign.read_json(pathlib.Path("/dev/zero"), REMEDY)
    with pytest.raises(errors.BadInput, match=r"of 16,777,217 bytes is larger than any"):
        foreign.read_json(_hollow(tmp_path / "b.json"), REMEDY)


def _hollow(path, start=b"", size=300 << 20):
    path.write_bytes(start)
    os.truncate(path, size)
    return path


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (_hollow, "says 314,572,800 bytes, and 0 of them are there"),
        (lambda path: _hollow(path, b"TFL3" * 1024), r"and [\d,]{4,7} of them are there"),
        (lambda path: _hollow(path, b"TFL3" * (4 << 20), 1 + (1 << 31)), "2,147,483,649 bytes"),
        (os.mkfifo, "no plain file"),
        (os.mkdir, "no plain file"),
        (lambda path: os.symlink("/dev/zero", path), "no plain file"),
        (lambda path: os.symlink(path, path), "cannot be read"),
        (lambda path: None, "No such file"),
    ],
)
def test_a_file_without_end_or_content_is_not_read(make, cause, tmp_path):
    make(tmp_path / "a.tflite")
    with pytest.raises(errors.BadInput, match=rf"a\.tflite: .*{cause}"):
        foreign.read_bytes(tmp_path / "a.tflite", REMEDY)


def test_a_file_with_small_holes_is_read(tmp_path):
    path = _hollow(tmp_path / "a.tflite", b"x" * (1 << 16), 1 << 21)
    assert foreign.read_bytes(path, REMEDY) == b"x" * (1 << 16) + bytes((1 << 21) - (1 << 16))
    assert foreign.read_bytes(_hollow(tmp_path / "b", size=1 << 20), REMEDY) == bytes(1 << 20)
    assert foreign.read_bytes(_hollow(tmp_path / "c", size=0), REMEDY) == b""


def test_code_in_data_is_refused_however_deep_it_is():
    for value in ({"a": [{"b": "py:evil.py:f"}]}, {"py:evil.py:f": 1}, ("py:evil.py:f",)):
        with pytest.raises(errors.BadInput, match=r"py:evil\.py:f.*--trust_recipe"):
            foreign.check_no_code(value, "recipe.json")
    foreign.check_no_code({"a": ["happy:", 1, None, "numpy:x"]}, "recipe.json")


@pytest.mark.parametrize("value", [True, False, 1.0, "1", None, [1], -1])
def test_only_a_whole_number_is_one(value):
    assert foreign.whole(7, 7) == 7
    with pytest.raises(ValueError, match="is no whole number from 0"):
        foreign.whole(value)


@pytest.mark.parametrize("value", [True, float("nan"), float("inf"), "1", None, -0.5])
def test_only_a_finite_number_is_one(value):
    assert (foreign.finite(1), foreign.finite(-0.5)) == (1.0, -0.5)
    with pytest.raises(ValueError, match="is no finite number from 0"):
        foreign.finite(value, 0)

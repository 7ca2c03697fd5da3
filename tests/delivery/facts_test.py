import dataclasses
import json

import pytest

from tfedge import errors
from tfedge.delivery import facts, names, trust

HASH = "0123456789abcdef" * 4
SEALED = facts.Sealed(
    version=3,
    model=facts.File(31_168, HASH),
    chunks=facts.Chunks(4096, (HASH, HASH[::-1])),
    keys={"app": bytes(range(60))},
    golden="ds_cnn/3.golden.npz",
    deltas={2: "ds_cnn/3.from-2.sealed"},
)
DELTA = facts.Delta(3, 2, facts.File(31_168, HASH), facts.Chunks(4096, (HASH,)))


def custom_of(told):
    return json.loads(json.dumps(told.to_custom()))


def test_fields_are_read_back():
    assert facts.sealed(custom_of(SEALED), 5000, "x") == SEALED
    assert facts.delta(custom_of(DELTA), 4096, "x") == DELTA


@pytest.mark.parametrize("length", [4096, 8193])
def test_chunks_have_to_be_those_of_the_length(length):
    with pytest.raises(errors.BadInput, match="not those of a file of its length"):
        facts.sealed(custom_of(SEALED), length, "x")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 0),
        (("version",), True),
        (("schema_version",), 2),
        (("model", "sha256"), HASH.upper()),
        (("model", "length"), -1),
        (("chunks", "bytes"), 4095),
        (("chunks", "sha256"), [HASH, "../x"]),
        (("keys", "app"), "AAAA"),
        (("deltas",), {"x": "y"}),
        (("keys",), None),
    ],
)
def test_what_was_not_written_so_is_refused(path, value):
    custom = custom_of(SEALED)
    place = custom[facts.KEY]
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    with pytest.raises(errors.BadInput, match="no model's"):
        facts.sealed(custom, 5000, "x")


def test_a_target_without_fields_is_refused():
    with pytest.raises(errors.BadInput):
        facts.delta(None, 4096, "x")


@pytest.mark.parametrize("name", ["../x", "", "a/b", "a.b", "-a", "a" * 65, "é"])
def test_names_that_could_be_paths_are_refused(name):
    with pytest.raises(errors.BadInput):
        names.check_model(name, "--model")
    with pytest.raises(errors.BadInput):
        names.check_channel(name, "--channel")


def test_trust_is_read_back():
    told = trust.Trust(b'{"signed": {}, "signatures": []}', "app", bytes(range(32)))
    assert trust.read(told.to_bytes(), "x") == told
    assert "key" not in repr(told)
    short = dataclasses.replace(told, key=b"short")
    with pytest.raises(errors.BadInput, match="32 bytes"):
        trust.read(short.to_bytes(), "x")

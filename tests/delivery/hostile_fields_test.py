"""Whatever a thief of the targets key signs as a field: refused in one way, or of no harm."""

import copy
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from model_signature_test import PEM, signature
from provenance_test import release

from tfedge import errors
from tfedge.delivery import channel, facts, model_signature, provenance, segments, trust

NESTED = "[" * 99 + "]" * 99
VALUES = (
    *("1" + "0" * 400, "9" * 6000, "9223372036854775808", "-1", "0", "1.5", "1e999", "NaN"),
    *("-Infinity", "true", "null", '""', '"\\ud800"', '"../../etc/passwd"', '"\\u0663"', "[]"),
    *("{}", "[[1]]", '{"a": 1}', NESTED, "[" * 90_000 + "]" * 90_000, '"' + "x" * 70_000 + '"'),
    *('{"1": "x"}', '{"-1": "x"}', '{"' + "9" * 5000 + '": "x"}', '{"app": 5}', '{"app": "AAAA"}'),
)
CHUNKS = facts.Chunks(segments.LEAST_CHUNK, ("ab" * 32,))
SEALED = facts.Sealed(
    2, facts.File(5, "cd" * 32), CHUNKS, {"app": bytes(60)}, "m/2.golden.npz", {1: "m/2.from-1"}
)
DELTA = facts.Delta(2, 1, facts.File(5, "cd" * 32), CHUNKS)
CHANNEL = channel.Channel("m", "stable", (channel.Entry(1), channel.Entry(2, 500, min_app="2.4")))


def places(value, at=()):
    yield at
    if isinstance(value, dict):
        for name in value:
            yield from places(value[name], (*at, name))
    elif isinstance(value, list):
        for number in range(min(1, len(value))):
            yield from places(value[number], (*at, number))


def spoiled(good):
    """A JSON text with each of its values replaced by each of VALUES."""
    for at in places(good):
        for value in VALUES:
            told = {"": copy.deepcopy(good)}
            inside = told
            for name in ("", *at)[:-1]:
                inside = inside[name]
            inside[("", *at)[-1]] = "@"
            yield json.dumps(told[""]).replace('"@"', value, 1)


def custom(read):
    return lambda text: read(json.loads(text), segments.LEAST_CHUNK, "x")


def of_signature(text):
    return model_signature.read(text.encode(), "x", [PEM])


KINDS = {
    "sealed": (SEALED.to_custom(), custom(facts.sealed)),
    "delta": (DELTA.to_custom(), custom(facts.delta)),
    "channel": (
        json.loads(CHANNEL.to_bytes()),
        lambda text: channel.read(text.encode(), "x").choose("i", "2.4", "", 1),
    ),
    "provenance": (
        json.loads(provenance.of(release(b"x"), "x")),
        lambda text: provenance.read(text.encode(), "x"),
    ),
    "signature": (json.loads(signature({"a": "ab" * 32})), of_signature),
    "trust": (
        {"schema_version": 1, "audience": "app", "key": "A" * 43 + "=", "root": {}},
        lambda text: trust.read(text.encode(), "x"),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_strange_value_is_refused_in_one_line_or_of_no_harm(kind):
    good, read = KINDS[kind]
    read(json.dumps(good))
    refused = 0
    for text in spoiled(good):
        try:
            read(text)
        except errors.BadInput as error:
            refused += 1
            assert len(str(error).splitlines()) == 1
        except (ValueError, RecursionError):  # of json.loads, which a client's TUF turns away
            assert kind in ("sealed", "delta")
    assert refused > 80


def test_a_key_of_another_curve_is_none(tmp_path):
    other = model_signature.public_pem(ec.generate_private_key(ec.SECP384R1()))
    (tmp_path / "signing-x.pem").write_bytes(other)
    with pytest.raises(errors.BadInput, match="none of ECDSA P-256"):
        model_signature.read_public(tmp_path / "signing-x.pem")

"""The JavaScript's canonical JSON is python-tuf's, or there is none; hostile and random texts."""

import base64
import json
import random

import browser_clients
import pytest
from securesystemslib import exceptions
from securesystemslib.formats import encode_canonical

pytestmark = pytest.mark.skipif(browser_clients.NODE is None, reason="Node.js is not here")

SAME = [
    "{}",
    "[]",
    "null",
    "-0",
    '""',
    '"\\u0000\\u001f\\u007f\\u2028"',
    '"a\\\\b\\"c\\/d"',
    '"\\ud83d\\ude00 \\ufffd \\uffff"',
    '{"__proto__": {"a": 1}, "constructor": 2, "toString": [3]}',
    '{"a": 1, "a": 2}',
    '{"__proto__": 1, "__proto__": 2}',
    '{"\\uffff": 1, "\\ud83d\\ude00": 2, "\\u00e9": 3, "e\\u0301": 4, "": 5}',
    '{"10": 1, "9": 2, "1": {"b": 1, "a": [true, false, null]}}',
    "9007199254740991",
    "-9007199254740991",
    ' \t\r\n{ "a" :\n1 } ',
    "[" * 99 + "]" * 99,
]
NONE = [
    "1.0",
    "1e2",
    "-1E400",
    "1e400",
    "0.1",
    '{"a": [1.5]}',
    '"\\ud800"',
    '{"\\udc00\\ud800": 1}',
    "NaN",
    "\ufeff{}",
    "{,}",
    "01",
    '"a\nb"',
    "[1] 2",
    "\x00",
    "[" * 100_000 + "]" * 100_000,
]
STRICTER = [  # of whole numbers that are not exact in JavaScript, and of what nobody writes
    "9007199254740992",
    "-123456789012345678901234567890",
    "[" * 101 + "]" * 101,
]


def in_python(text):
    try:
        return encode_canonical(json.loads(text.encode().decode("utf-8"))).encode()
    except (ValueError, exceptions.FormatError, RecursionError):
        return None


@pytest.fixture(scope="module", name="canonical")
def made_canonical(tmp_path_factory):
    """canonical(texts) -> the bytes that the JavaScript signs, None where it refuses."""
    node = browser_clients.Node(tmp_path_factory.mktemp("node"))

    def of(texts):
        told = [base64.b64encode(each.encode()).decode() for each in texts]
        found = node.ask("canonical", texts=told)
        return [None if each is None else each.encode() for each in found]

    yield of
    node.close()


def test_what_has_a_canonical_form_has_the_same(canonical):
    assert canonical(SAME) == list(map(in_python, SAME)) and None not in canonical(SAME)


def test_what_has_none_has_none_here(canonical):
    for text, found in zip(NONE, canonical(NONE), strict=True):
        assert (found, in_python(text)) == (None, None), text[:40]


def test_what_is_not_exact_here_is_refused(canonical):
    assert canonical(STRICTER) == [None] * len(STRICTER)


def test_random_values_have_the_same_form(canonical):
    draw = random.Random(5)
    texts = [json.dumps(drawn(draw, 5), ensure_ascii=draw.random() < 0.5) for _ in range(300)]
    assert canonical(texts) == list(map(in_python, texts))


def drawn(draw, depth):
    kind = draw.randrange(7 if depth else 5)
    if kind == 0:
        return draw.choice([None, True, False])
    if kind == 1:
        return draw.randint(-(2**53) + 1, 2**53 - 1)
    if kind < 5:
        return text_of(draw)
    if kind == 5:
        return [drawn(draw, depth - 1) for _ in range(draw.randrange(4))]
    return {text_of(draw): drawn(draw, depth - 1) for _ in range(draw.randrange(5))}


def text_of(draw):
    alphabet = 'ab"\\/\x00\n\x7f\u00e9\u2028\ue000\uffff\U0001f600\U0010ffff1.5e'
    return "".join(draw.choice(alphabet) for _ in range(draw.randrange(6)))

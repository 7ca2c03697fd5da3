"""What is signed is read in Kotlin as in Python, to the byte that a signature is over."""

import base64
import json
import random

import pytest
from securesystemslib import formats
from tfedge_tools.benchmarks.apps import kotlin

pytestmark = pytest.mark.skipif(not kotlin.is_here(), reason="KOTLIN_COMPILER names no compiler")
LETTERS = 'aZ"\\/\n\t\x01é\u2028\uffee\U0001f600 '


def values(draw, depth=0):
    """Whatever JSON may hold that is signed."""
    kind = draw.randrange(7 if depth < 3 else 5)
    if kind < 2:
        return draw.choice([None, True, False, 0, -1, 2**40, draw.randrange(10**9)])
    if kind < 5:
        return "".join(draw.choice(LETTERS) for _ in range(draw.randrange(5)))
    few = range(draw.randrange(4))
    if kind == 5:
        return [values(draw, depth + 1) for _ in few]
    return {f"{draw.choice(LETTERS)}{i}": values(draw, depth + 1) for i in few}


def test_what_is_signed_is_read_as_python_reads_it(java):
    draw = random.Random(7)
    for _ in range(200):
        value = values(draw)
        content = json.dumps(value, ensure_ascii=draw.random() < 0.5, indent=draw.choice([None, 1]))
        found = java.ask("canonical", bytes=base64.b64encode(content.encode()).decode())
        assert found == formats.encode_canonical(value)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"{'a':1}", b"{a:1}", b'{"a":1,}', b"[1,]", b"[1 2]", b"01", b"1.", b".5", b"+1",
        b"nul", b"NaN", b'"a', b'"\n"', b'"\\x"', b'"\\u12"', b'"\\ud800"', b'"\xff"', b"[" * 99,
        b"1 1", b'{"a":1,"a":1}', b"/**/1", b"9" * 20, b"\xef\xbb\xbf1", b"1.5", b"\xc2\xa01",
    ],
)  # fmt: skip
def test_what_is_no_json_is_refused(content, java):
    with pytest.raises(RuntimeError, match="IllegalArgumentException"):
        java.ask("canonical", bytes=base64.b64encode(content).decode())

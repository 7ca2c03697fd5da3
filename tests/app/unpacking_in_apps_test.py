"""The decoders of the generated code restore what `tfedge.pack` packed, in every way of packing."""

import lzma
import tracemalloc

import kernel_files as files
import numpy as np
import pytest
from tfedge_tools.benchmarks.apps import javascript, kept, kotlin, swift, unpacking
from tfedge_tools.benchmarks.apps.subject import Subject

import tfedge
from tfedge import app, errors
from tfedge.app.asked import Asked
from tfedge.packing import bits, container, parts, primer


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    """A release with a packed file."""
    case = kept.all_cases()["uint8_raw"]
    return Subject("vectors", kept.publish(case, tmp_path_factory.mktemp("x") / "y"), case.task, 1)


@pytest.fixture(scope="module")
def vectors():
    """Kept files, classes, int4, sparse floats, a codebook, and each method of a piece."""
    draw = np.random.default_rng(4)
    clustered = files.clustered(draw, (100, 120), 0.1)
    halves = draw.integers(0, 256, (40, 40), dtype=np.uint8) & 0x33
    sparse = np.where(clustered, draw.normal(0, 1, clustered.shape), 0)[:40, :40]
    contents = {
        **{file.stem: file.read_bytes() for file in files.FILES},
        "classes": files.tflite(clustered),
        "int4": files.tflite(halves, dtype="int4"),
        "sparse": files.tflite(sparse.astype(np.float32)),
        "codebook": files.tflite((clustered[:40] * 0.37).astype(np.float32)),
        "empty": b"",
    }
    text = b"abc" * 500 + bytes(range(256))
    header = container.write_header(container.WHOLE, text)
    pieces = {"stored": b"\0" + text, "deflated": container.deflate(text)}
    for lc, lp, pb in ((3, 0, 2), (1, 2, 0), (0, 4, 4)):
        options = container._filters(len(text), lc, lp, pb)
        coded = lzma.compress(text, format=lzma.FORMAT_RAW, filters=[options])
        pieces[f"lzma_{lc}{lp}{pb}"] = bytes([container.LZMA, (pb * 5 + lp) * 9 + lc]) + coded
    return {
        **{name: (tfedge.pack(content), content) for name, content in contents.items()},
        **{name: (header + piece, text) for name, piece in pieces.items()},
    }


@pytest.mark.skipif(javascript.NODE is None, reason="Node.js is not here")
def test_in_javascript(subject, vectors, tmp_path):
    assert set(unpacking.in_node(subject, vectors, tmp_path)) == set(vectors)


def _no_symbols_in_a_billion_rows():
    """A packed file of nothing, whose one span has no bytes and yet classes of rows."""
    plan = bits.BitWriter()
    plan.number(1, parts.COUNT_ORDER)
    plan.number(0, parts.GAP_ORDER)
    plan.fixed(0, 1)
    plan.number(0, parts.LENGTH_ORDER)
    plan.fixed(parts.BYTES, parts.KIND_BITS)
    plan.fixed(0b00_01_00, 6)  # not raw, not again, two classes of rows, one of columns
    plan.number(10**9 // 2, parts.ROWS_ORDER)
    plan.fixed((1 << 40) - 1, 40)
    told = plan.to_bytes()
    sizes = b"".join(container.varint(each) for each in (len(told), 2, 0, 0, 1))
    body = sizes + told + (65536 + container.STORED).to_bytes(4, "little")
    return container.write_header(container.PARTS, b"") + body


def test_rows_of_nothing_are_refused_before_they_are_made():
    tracemalloc.start()
    with pytest.raises(errors.BadInput, match="rows that do not divide a plane"):
        tfedge.unpack(_no_symbols_in_a_billion_rows())
    assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()


@pytest.mark.skipif(javascript.NODE is None, reason="Node.js is not here")
def test_rows_of_nothing_are_refused_in_javascript(subject, tmp_path):
    with pytest.raises(RuntimeError, match="rows do not divide a plane"):
        unpacking.in_node(subject, {"rows": (_no_symbols_in_a_billion_rows(), b"")}, tmp_path)


@pytest.fixture(scope="module")
def in_swift(subject, tmp_path_factory):
    """The Swift's decoder, read as Python."""
    asked = Asked(packed=True)
    return swift.of(app.write(subject.release, "ios", tmp_path_factory.mktemp("ios") / "x", asked))


def test_in_swift_read_as_python(in_swift, vectors):
    for name, (packed, content) in vectors.items():
        assert in_swift(packed, primer.stream(), len(content)) == content, name


def test_damage_is_refused_in_swift_and_never_ends_the_app(in_swift, vectors):
    packed, content = vectors["image_uint8_raw"]
    found = set()
    for at in range(37, len(packed), 31):
        flipped = bytearray(packed)
        flipped[at] ^= 32
        for damaged in (bytes(flipped), packed[:at]):
            try:
                assert in_swift(damaged, primer.stream(), len(content)) != content
                found.add("other")
            except swift.Refusal as refusal:
                found.add(str(refusal))
    assert len(found) > 2
    with pytest.raises(swift.Refusal, match="rows do not divide a plane"):
        in_swift(_no_symbols_in_a_billion_rows(), primer.stream(), 0)


@pytest.mark.skipif(not kotlin.is_here(), reason="KOTLIN_COMPILER names no compiler")
def test_in_kotlin(subject, vectors, tmp_path):
    assert set(unpacking.in_kotlin(subject, vectors, tmp_path)) == set(vectors)

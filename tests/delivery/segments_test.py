import pytest

from tfedge import errors
from tfedge.delivery import segments, wrapping

KEY, NAME = bytes(range(32)), "ds_cnn/3.sealed"
CHUNK = 4096
FIRST, OTHER = CHUNK - 56, CHUNK - 16  # what a chunk holds


def content_of(length):
    return bytes(i * 7 % 251 for i in range(length))


@pytest.mark.parametrize("length", [0, 1, FIRST, FIRST + 1, FIRST + OTHER, FIRST + OTHER + 1])
def test_what_was_sealed_is_opened(length):
    content = content_of(length)
    sealed = segments.seal(content, KEY, NAME, CHUNK)
    assert segments.open_sealed(sealed, KEY, NAME) == content
    assert len(sealed) == length + 40 + 16 * len(segments.chunk_hashes(sealed))


def test_a_chunk_of_the_middle_is_opened_alone():
    content = content_of(3 * CHUNK)
    sealed = segments.seal(content, KEY, NAME, CHUNK)
    opener = segments.Opener(sealed[:40], len(sealed), KEY, NAME)
    opened = opener.open(1, sealed[CHUNK : 2 * CHUNK])
    assert opened == content[FIRST : FIRST + OTHER]


def test_a_file_of_another_program_opens():
    """Made by hand from the page: HKDF by HMAC, no code of ours."""
    import hmac

    from cryptography.hazmat.primitives.ciphers import aead

    header = b"TFS1" + (4096).to_bytes(4, "big") + bytes(range(32))
    pseudo_random = hmac.digest(header[8:], KEY, "sha256")
    key = hmac.digest(pseudo_random, header + NAME.encode() + b"\1", "sha256")
    cipher = aead.AESGCM(key)
    content = content_of(FIRST + 5)
    first = cipher.encrypt(bytes(12), content[:FIRST], None)
    last = cipher.encrypt(bytes(10) + b"\1\1", content[FIRST:], None)
    assert segments.open_sealed(header + first + last, KEY, NAME) == content


def refused(sealed, key=KEY, name=NAME):
    with pytest.raises(errors.BadInput) as caught:
        segments.open_sealed(sealed, key, name)
    return str(caught.value)


def test_every_flipped_bit_is_refused():
    sealed = segments.seal(b"weights", KEY, NAME, CHUNK)
    for bit in range(8 * len(sealed)):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        refused(bytes(changed))


def test_every_truncation_is_refused():
    sealed = segments.seal(content_of(FIRST + 20), KEY, NAME, CHUNK)
    for length in [*range(60), *range(CHUNK - 20, len(sealed))]:
        refused(sealed[:length])


def test_segments_elsewhere_are_refused():
    sealed = segments.seal(content_of(FIRST + 2 * OTHER), KEY, NAME, CHUNK)
    one, two, three = (sealed[i * CHUNK : (i + 1) * CHUNK] for i in range(3))
    assert "chunk 1 is damaged" in refused(one + three + two)
    assert "chunk 1" in refused(one + two)
    assert "chunk 2" in refused(one + two + three + three)


def test_another_key_and_another_name_are_refused():
    sealed = segments.seal(b"weights", KEY, NAME)
    assert "chunk 0" in refused(sealed, key=bytes(32))
    assert "chunk 0" in refused(sealed, name="ds_cnn/4.sealed")


def test_foreign_files_are_refused_by_what_they_are():
    assert "no file that tfedge sealed" in refused(b"PK\3\4" + bytes(100))
    header = b"TFS1" + (5000).to_bytes(4, "big")
    assert "chunks of 5,000 bytes" in refused(header + bytes(100))


def test_two_files_of_one_key_share_nothing():
    first, second = (segments.seal(b"weights", KEY, NAME) for _ in range(2))
    assert first[40:] != second[40:]


def test_long_files_have_longer_chunks():
    assert segments.chunk_bytes(10_000) == segments.chunk_bytes(1 << 24) == 1 << 16
    assert segments.chunk_bytes((1 << 24) + 1) == 1 << 17
    assert segments.chunk_bytes(2**40) == 1 << 24


def test_a_key_is_wrapped_for_one_audience_and_one_model():
    wrapped = wrapping.wrap(KEY, bytes(32), NAME)
    assert len(wrapped) == 60
    assert wrapping.unwrap(wrapped, bytes(32), NAME) == KEY
    for key, name in ((KEY, NAME), (bytes(32), "ds_cnn/4.sealed")):
        with pytest.raises(errors.BadInput, match="does not open"):
            wrapping.unwrap(wrapped, key, name)

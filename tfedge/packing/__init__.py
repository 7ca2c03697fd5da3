"""A .tflite as few bytes to download as its entropy allows, and back, bit for bit.

    packed = tfedge.pack(tflite_bytes)
    assert tfedge.unpack(packed) == tflite_bytes

Weights are entropy coded, what follows from other values is not sent, the rest is deflated or put
through LZMA. FORMAT.md in this folder says how to decode the result in an app; `decoding` is such
a decoder, with nothing but numpy and the standard library.
"""


def pack(tflite_bytes: bytes) -> bytes:
    """The packed form of a file; see FORMAT.md.

    Any bytes are packed: what is no .tflite is deflated or stored, at 39 to 44 bytes more.

    Args:
        tflite_bytes: the whole file.

    Returns:
        The packed file; the same bytes for the same input.
    """
    from tfedge.packing import encoding

    return encoding.encode(tflite_bytes)


def unpack(packed: bytes, largest_bytes: int = 2**31) -> bytes:
    """The file that `pack` was given, checked against the SHA-256 kept with it.

    Args:
        packed: what `pack` returned.
        largest_bytes: files that would unpack to more are refused before anything is allocated.

    Returns:
        The bytes of the .tflite.

    Raises:
        BadInput: it is truncated, damaged, too large or no packed file.
    """
    from tfedge.packing import decoding

    return decoding.decode(packed, largest_bytes)

"""Gives memory back that nobody uses any more, behind work on a large network.

Models of Keras are in circles, which Python frees when it gets to it, and the C library keeps what
was freed for later. Of a network of 100 million weights both are gibibytes.
"""

import ctypes
import gc
import os
import sys

_LARGE = 1 << 24  # bytes; what less leaves behind is no matter
_LARGE_FILE = 1 << 26


def expect(size: int) -> None:
    """Before TensorFlow is loaded for so large a model: it is to take memory that it gives back.

    By itself it keeps what its tensors ever took. What gives back is up to 7 % slower where small
    networks train, so it is for large files alone. Loaded already, TensorFlow does not look.

    Args:
        size: of the model's file.
    """
    if size >= _LARGE_FILE:
        os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")


def give_back(size: int) -> None:
    """Frees what is left over of work on so many bytes; does nothing where they are few.

    Args:
        size: of the weights, or of a file.
    """
    if size < _LARGE:
        return
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:  # the GNU C library's
        trim(0)

"""Tests keep their own count of how often held-out sets are used, child processes included."""

import gc
import os
import tempfile

import forked_children

from tfedge.device import sandbox

_STATE = tempfile.TemporaryDirectory(prefix="tfedge-tests-")  # gone with the last reference
os.environ["TFEDGE_STATE_DIR"] = _STATE.name
sandbox.starter = forked_children.start


def pytest_collection_finish():
    """TensorFlow's million objects, which stay, are not looked through again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)

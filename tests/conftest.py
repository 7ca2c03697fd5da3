"""Tests keep their own count of how often held-out sets are used, child processes included."""

import os
import tempfile

_STATE = tempfile.TemporaryDirectory(prefix="tfedge-tests-")  # gone with the last reference
os.environ["TFEDGE_STATE_DIR"] = _STATE.name

"""Converts the networks of the published table as a user's would be, and keeps their operators.

Only to float32: an int8 file has the very same operators on bytes (the published ones take and give
integers, so nothing is converted at their ends), and calibrating the large ones takes long.
"""

import dataclasses
import pathlib
import tempfile
import time

from absl import logging
from tfedge_tools.benchmarks.latency import architectures, published

import tfedge
from tfedge.compress import keras as k
from tfedge.device.file import tflite
from tfedge.device.prediction import work

_FLOAT_BYTES = 4


def rebuild(cache: pathlib.Path | None = None) -> None:
    """Writes networks.json anew; files that `cache` holds already are not converted again."""
    folder = cache or pathlib.Path(tempfile.gettempdir()) / "tfedge_latency"
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, tuple[work.Work, ...]] = {}
    for row in published.rows():
        works = work.of(tflite.read(_converted(row, folder)))
        found[row.network] = tuple(map(_on_int8, works)) if row.integer else works
    published.write_networks(found)


def _converted(row: published.Row, folder: pathlib.Path) -> bytes:
    path = folder / f"{row.model}_{row.width}_{row.resolution}_float32.tflite"
    if not path.exists():
        started = time.monotonic()
        k.tf_keras.backend.clear_session()
        model = architectures.build(row.model, row.width, row.resolution)
        path.write_bytes(tfedge.to_tflite(model, "float32"))
        logging.info("%s: %.0f s", path.name, time.monotonic() - started)
    return path.read_bytes()


def _on_int8(each: work.Work) -> work.Work:
    """The same operator on bytes; biases stay at four."""
    biases = _FLOAT_BYTES * each.columns if each.macs else 0
    return dataclasses.replace(
        each,
        activation_bytes=each.activation_bytes // _FLOAT_BYTES,
        weight_bytes=(each.weight_bytes - biases) // _FLOAT_BYTES + biases,
        gathered_bytes=each.gathered_bytes // _FLOAT_BYTES,
        integer=True,
    )

"""Converts the networks of the published table as a user's would be, and keeps their operators."""

import pathlib
import tempfile
import time

import numpy as np
from absl import logging

import tfedge
from latency import architectures, published
from tfedge.compress import keras as k
from tfedge.data import task
from tfedge.device import tflite
from tfedge.device.prediction import work

_IMAGES = 4  # to calibrate on: ranges do not change what an operator costs


def rebuild(cache: pathlib.Path | None = None) -> None:
    """Writes networks.json anew; files that `cache` holds already are not converted again."""
    folder = cache or pathlib.Path(tempfile.gettempdir()) / "tfedge_latency"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {row.network: row for row in published.rows()}
    published.write_networks(
        {name: work.of(tflite.read(_converted(row, folder))) for name, row in wanted.items()}
    )


def _converted(row: published.Row, folder: pathlib.Path) -> bytes:
    path = folder / f"{row.network.replace(' ', '_')}.tflite"
    if not path.exists():
        started = time.monotonic()
        path.write_bytes(_convert(row))
        logging.info("%s: %.0f s", row.network, time.monotonic() - started)
    return path.read_bytes()


def _convert(row: published.Row) -> bytes:
    k.tf_keras.backend.clear_session()
    model = architectures.build(row.model, row.width, row.resolution)
    shape = (_IMAGES, *model.input_shape[1:])
    images = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    split = task.ArraySplit(images, np.arange(_IMAGES))
    made_up = task.Task("made-up", "classification", split, split, split, split)
    return tfedge.to_tflite(model, row.dtype, made_up)

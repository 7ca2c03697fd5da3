"""Compress and export, without a judgement."""

import pathlib
import tempfile
from typing import TYPE_CHECKING

from absl import logging

from tfedge import making, recipe_file
from tfedge.making import preparing, reading
from tfedge.making.order import Order
from tfedge.release.publishing import bundle, manifest
from tfedge.workflow import stage_cache, told

if TYPE_CHECKING:
    from tfedge.compress.candidate import Candidate

KERAS = "model.keras"


def compress(order: Order, output_dir: str | pathlib.Path, with_keras: bool = False) -> making.Made:
    """Compress and export, without a judgement.

    Args:
        order: what to make.
        output_dir: gets model.tflite, recipe.json, reports.json and manifest.json.
        with_keras: also model.keras, the compressed model as a Keras 3 one.

    Raises:
        BadInput: anything about the input that cannot be used; nothing is written then.
    """
    lasting = stage_cache.lasting(order, output_dir)
    with bundle.lock(output_dir) as folder, stage_cache.of_run(lasting, folder) as stages:
        ready = preparing.prepare(reading.read(order), lasting)
        made = making.make(ready, stages, with_candidate=with_keras)
        files = {
            **made.model_files,
            "recipe.json": manifest.as_json(dict(made.recipe)),
            "reports.json": manifest.as_json(
                {"schema_version": recipe_file.SCHEMA_VERSION, "passes": told.reports(made)}
            ),
        }
        if with_keras:
            files |= keras_files(made)
        bundle.publish(folder, files, told.facts(made))
    return made


def keras_files(made: making.Made) -> dict[str, bytes]:
    """model.keras by its name, the compressed model as a Keras 3 one; none is logged."""
    if made.candidate is None:
        cause = "nothing was compressed in this run (no recipe, no layers, or it was made before)"
        logging.warning("there is no %s: %s", KERAS, cause)
        return {}
    return {KERAS: _keras_file(made.candidate)}


def _keras_file(candidate: "Candidate") -> bytes:
    from tfedge.compress import loading

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / KERAS
        loading.save_model(candidate.to_keras3(), path)
        return path.read_bytes()

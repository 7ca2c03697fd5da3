"""A verified release folder into what templates are filled with."""

import hashlib
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from tfedge import errors, foreign, packing
from tfedge.app import delivered, literals, picture, port
from tfedge.app.asked import RELEASED, Asked
from tfedge.app.model import Model
from tfedge.app.platform import Platform
from tfedge.data import kinds
from tfedge.data.answers import Answers
from tfedge.device import compatibility
from tfedge.device.file import tflite
from tfedge.packing import container
from tfedge.release import app_facts, golden
from tfedge.release.golden import synthetic, vectors
from tfedge.release.publishing import manifest, released

_EXAMPLES = 8  # in an app; a release has up to 32
_VERSION_DIGITS = 12
_PROBABILITIES = ("SOFTMAX", "LOGISTIC")
_PASSED_ON = ("QUANTIZE", "DEQUANTIZE")


def read(release: str | os.PathLike, asked: Asked, platform: Platform) -> Model:
    """Reads the folder, and refuses what the platform cannot take.

    Raises:
        BadInput: see `app.write`.
    """
    where = f"--release={os.fspath(release)}"
    platform.check_client(asked.trust)
    files = manifest.read_release(release)
    listing = manifest.parse(files[manifest.NAME]) or {}
    _check_released(files, listing, where)
    told = app_facts.read(listing, where)
    file = tflite.read(files[released.MODEL], where)
    if file.signature is None:
        raise errors.BadInput(where, "its file has no signature", "Export it with tfedge.")
    _check_fixed(file, where)
    is_raw = file.takes_raw_input
    ends = (
        port.inputs(file.named_inputs, file.inputs, told, is_raw),
        port.outputs(file.named_outputs, file.outputs),
    )
    platform.check(ends[0] + ends[1], file.keeps_state, where)
    needed = compatibility.needed_runtime(file) or ""
    platform.check_runtime(needed, where)
    sha256 = hashlib.sha256(file.content).hexdigest()
    return Model(
        class_name=asked.class_name or literals.type_name(told.name),
        package=asked.package,
        version=asked.version or sha256[:_VERSION_DIGITS],
        sha256=sha256,
        content=file.content,
        packed=_packed(files, file.content, where) if asked.packed else b"",
        task=told.task,
        inputs=ends[0],
        outputs=ends[1],
        labels=_labels(told, ends[1], asked, where),
        is_probability=_is_probability(file),
        picture=picture.of(told, *ends),
        preprocessing=told.preprocessing,
        takes_raw=is_raw,
        needs_runtime=needed,
        keeps_state=file.keeps_state,
        vectors=_vectors(files, file, told, asked, where),
        figures=tuple(_figures(files)),
        delivered=delivered.read(asked, told.name),
    )


def _check_released(files: Mapping[str, bytes], listing: Mapping[str, Any], where: str) -> None:
    verdict = files.get("verdict.json", b"{}")
    outcome = foreign.parse_json(verdict, f"{where}, verdict.json", "Release again.").get("outcome")
    if not manifest.is_release(listing) or outcome != "PASS" or released.MODEL not in files:
        cause = f"it was not released: its verdict is {outcome or 'missing'}"
        raise errors.BadInput(where, cause, "Give the folder of a release; see its report.html.")


def _check_fixed(file: tflite.TfliteFile, where: str) -> None:
    for name, tensor in {**file.named_inputs, **file.named_outputs}.items():
        if any(size < 0 for size in tensor.shape_signature):
            cause = f"tensor {name!r} has a size that is not fixed"
            raise errors.BadInput(where, cause, "Export it with a batch of 1 and fixed sizes.")


def _packed(files: Mapping[str, bytes], content: bytes, where: str) -> bytes:
    """The packed file of the release, in the one mode that apps unpack."""
    if released.PACKED not in files:
        raise errors.BadInput(where, f"it has no {released.PACKED}", "Release again with --packed.")
    packed = files[released.PACKED]
    if packing.unpack(packed, len(content)) != content:
        cause = f"{released.PACKED} holds another file than {released.MODEL}"
        raise errors.BadInput(where, cause, "Release again with --packed.")
    if container.read_header(packed).mode == container.LONG_PARTS:
        cause = f"{released.PACKED} was packed by an earlier tfedge"
        raise errors.BadInput(where, cause, "Release again with --packed.")
    return packed


def _labels(
    told: app_facts.AppFacts, outputs: tuple[port.Port, ...], asked: Asked, where: str
) -> tuple[str, ...]:
    """The class names of a model that tells one class; others have none."""
    one = kinds.named(told.kind).answers is Answers.ONE_OF_MANY and len(outputs) == 1
    if not one or len(outputs[0].shape) != 2:
        if asked.labels:
            cause = f"a model for {told.kind} tells no single class"
            raise errors.BadInput(f"--labels={asked.labels}", cause, "Leave --labels out.")
        return ()
    found = _listed(asked.labels) if asked.labels else told.labels
    where, remedy = f"--labels={asked.labels}" if asked.labels else where, "one a line"
    if len(found) != outputs[0].shape[1]:
        cause = f"{len(found)} class names for {outputs[0].shape[1]} classes"
        raise errors.BadInput(where, cause, f"Give --labels=FILE with all names, {remedy}.")
    return found


def _listed(path: str) -> tuple[str, ...]:
    content = foreign.read_bytes(pathlib.Path(path), "Give a text file.", f"--labels={path}")
    with foreign.reading(f"--labels={path}", "Give UTF-8, one name a line.", "no text"):
        return tuple(line.strip() for line in content.decode().splitlines() if line.strip())


def _is_probability(file: tflite.TfliteFile) -> bool:
    """Whether the (first) output comes out of a softmax or sigmoid."""
    tensor = next(iter(file.named_outputs.values()))
    last = file.producers.get(tensor.index)
    while last is not None and last.kind in _PASSED_ON:
        last = file.producers.get(last.inputs[0])
    return last is not None and last.kind in _PROBABILITIES


def _vectors(
    files: Mapping[str, bytes],
    file: tflite.TfliteFile,
    told: app_facts.AppFacts,
    asked: Asked,
    where: str,
) -> vectors.Vectors:
    """Synthetic ones unless asked otherwise: an app is public."""
    if asked.examples == RELEASED:
        if golden.NAME not in files:
            raise errors.BadInput(where, f"it has no {golden.NAME}", "Release again.")
        return vectors.read(files[golden.NAME], f"{where}, {golden.NAME}")
    if not told.inputs:
        raise errors.BadInput(where, "it tells no range of its inputs", "Use --examples=released.")
    drawn = synthetic.drawn(told.inputs, _EXAMPLES)
    return golden.of(file, drawn, told.normalization, "synthetic")


def _figures(files: Mapping[str, bytes]) -> list[tuple[str, str]]:
    card = json.loads(files.get("scorecard.json", b"{}"))
    metric, found = card.get("metric") or {}, []
    if metric.get("value") is not None:
        found.append((str(metric["name"]).replace("_", " "), f"{metric['value']:.4g}"))
    if card.get("file_bytes"):
        found.append(("file", f"{card['file_bytes']:,} bytes"))
    return found

"""Greedy writing: after each prompt the most likely token, again and again, in a sandbox.

written = tfedge.generate(tflite_bytes, [[5, 9, 3, 1]], stop=2)
"""

import dataclasses
import json
import pathlib
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfedge import errors
from tfedge.device import sandbox, worker
from tfedge.device.decoding import caches, decoder, sequences
from tfedge.device.file import tflite
from tfedge.device.sandbox import child, limits

_WHERE = "the .tflite"
_JOB, _RESULT = "job.json", "result.json"
_MEMORY_BYTES, _SECONDS = 2**34, 3600.0


@dataclasses.dataclass(frozen=True)
class _Job:
    """What the child does: `most` tokens after each prompt, or fewer where `stop` comes."""

    prompts: list[list[int]]
    most: list[int]
    stop: int
    room: int


def generate(
    tflite_bytes: bytes,
    prompts: Sequence[Sequence[int] | np.ndarray],
    most: int | None = None,
    stop: int | None = None,
) -> list[np.ndarray]:
    """Writes on from each prompt, with the likeliest token each time.

    Args:
        tflite_bytes: a file with key/value caches, as an export with `cache` makes it.
        prompts: token numbers each, at least one.
        most: tokens to be written at most; None for as many as the caches have room for.
        stop: the token that ends a text; None where nothing does.

    Returns:
        For each prompt the tokens behind it, int32, `stop` included.

    Raises:
        BadInput: a file without caches, tokens that it does not know, more of them than its caches
            have room for, or a file that does not run.
    """
    facts = caches.find(tflite.read(tflite_bytes, _WHERE))
    if facts is None:
        raise errors.BadInput(
            _WHERE, "it has no signatures prefill and decode", "Export it with cache=128."
        )
    given = [
        _checked(prompt, f"the prompt at index {n}", facts) for n, prompt in enumerate(prompts)
    ]
    room = [facts.room - len(prompt) + 1 for prompt in given]  # the last one written is not read
    wanted = 1 if most is None else most
    for number, left in enumerate(room):
        if not 0 < wanted <= left:
            raise errors.BadInput(
                f"the prompt at index {number}",
                f"caches for {facts.room} tokens have room for {max(left, 0)} behind its"
                f" {len(given[number])}, asked for are {wanted}",
                "Ask for 1 to as many, shorten it, or export with a larger cache.",
            )
    job = _Job(
        prompts=[prompt.tolist() for prompt in given],
        most=[most or left for left in room],
        stop=-1 if stop is None else stop,
        room=facts.room,
    )
    return [np.array(each, np.int32) for each in _in_child(tflite_bytes, job)]


def _checked(prompt: Any, where: str, facts: caches.Caches) -> np.ndarray:
    tokens = np.asarray(prompt)
    if tokens.ndim != 1 or not len(tokens):
        raise errors.BadInput(
            where, f"expected one token or more, got {tokens.shape}", "Give a list of numbers."
        )
    sequences.check(tokens[np.newaxis], facts.known, where)
    return tokens


def _in_child(tflite_bytes: bytes, job: _Job) -> list[list[int]]:
    with tempfile.TemporaryDirectory(prefix="tfedge-") as place:
        folder = pathlib.Path(place)
        (folder / worker.MODEL).write_bytes(tflite_bytes)
        (folder / _JOB).write_text(json.dumps(dataclasses.asdict(job)), encoding="utf-8")
        allowed = sandbox.Limits(_MEMORY_BYTES, limits.usable_cores(), _SECONDS)
        failure = sandbox.run(f"{__name__}:work", folder, allowed).failure
        if failure is not None:
            cause = f"it does not run: {failure.kind}, {failure.detail}"
            raise errors.BadInput(_WHERE, cause, "Export it again.")
        return json.loads((folder / _RESULT).read_text(encoding="utf-8"))["texts"]


def work(place: child.Workplace) -> None:
    """What the child does."""
    job = _Job(**json.loads((place.folder / _JOB).read_text(encoding="utf-8")))
    tflite.runtime()
    place.ready_to_load()
    interpreter = tflite.interpreter(place.folder / worker.MODEL, place.limits.threads)
    interpreter.allocate_tensors()
    writer = decoder.Decoder(interpreter, job.room)
    place.progress.steps = 1
    texts = [
        _written(writer, np.array(prompt), most, job.stop, place)
        for prompt, most in zip(job.prompts, job.most, strict=True)
    ]
    place.write_json(_RESULT, {"texts": texts})


def _written(
    writer: decoder.Decoder, unread: np.ndarray, most: int, stop: int, place: child.Workplace
) -> list[int]:
    """Ends with `stop`; -1 is no token."""
    writer.begin()
    found: list[int] = []
    while len(found) < most and found[-1:] != [stop]:
        found.append(int(np.argmax(writer.take(unread))))
        unread = np.array(found[-1:])
        place.progress.steps += 1
    return found

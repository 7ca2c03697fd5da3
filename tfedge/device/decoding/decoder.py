"""Runs the two signatures over the same caches, in a child: numpy and LiteRT alone."""

from typing import Any

import numpy as np

from tfedge.device.decoding import caches


class Decoder:
    """One sequence at a time, from its first token on.

    A signature that is held forbids a plain `invoke`, so `prefill` is asked for anew each time;
    `decode` is the main part, whose caches are copied from its outputs to its inputs in place.

    Attributes:
        at_once: how many tokens `prefill` takes.
    """

    def __init__(self, interpreter: Any, room: int):
        """With its tensors allocated, and how many tokens the caches hold."""
        self._interpreter, self._room = interpreter, room
        prefill = interpreter.get_signature_runner(caches.PREFILL)
        self.at_once = int(prefill.get_input_details()[caches.TOKENS]["shape"][-1])
        decode = interpreter.get_signature_runner(caches.DECODE)
        self._inputs, self._outputs = (
            {name: int(told["index"]) for name, told in ends.items()}
            for ends in (decode.get_input_details(), decode.get_output_details())
        )
        self._kept = [name for name in self._outputs if name != caches.LOGITS]
        self.begin()

    def begin(self) -> None:
        """Forgets all tokens."""
        self._used = 0
        for name in self._kept:
            self._interpreter.tensor(self._inputs[name])().fill(0)

    @property
    def left(self) -> int:
        """For how many tokens there is room."""
        return self._room - self._used

    def take(self, tokens: np.ndarray) -> np.ndarray:
        """Reads some tokens.

        Args:
            tokens: (n,) integers, at least one and at most `left`.

        Returns:
            (known,) what the file puts out for the token that comes next, as the tensor holds it.
        """
        while len(tokens):
            # What is written from a place on must all fit: LiteRT would move it forward.
            is_many = len(tokens) > 1 and self.at_once <= self.left
            count = min(len(tokens), self.at_once) if is_many else 1
            logits = self._read(tokens[:count]) if is_many else self._step(tokens[0])
            self._used += count
            tokens = tokens[count:]
        return logits.reshape(-1)

    def _read(self, tokens: np.ndarray) -> np.ndarray:
        """By prefill: the last token, and its place, stand for those that are missing."""
        numbers = np.minimum(np.arange(self.at_once), len(tokens) - 1)
        given = {
            caches.TOKENS: tokens[numbers][np.newaxis].astype(np.int32),
            caches.PLACES: (self._used + numbers).astype(np.int32),
        }
        kept = {name: self._interpreter.get_tensor(self._inputs[name]) for name in self._kept}
        found = self._interpreter.get_signature_runner(caches.PREFILL)(**given, **kept)
        for name in self._kept:
            self._interpreter.set_tensor(self._inputs[name], found[name])
        return found[caches.LOGITS]

    def _step(self, token: int) -> np.ndarray:
        """By decode."""
        interpreter = self._interpreter
        interpreter.set_tensor(self._inputs[caches.TOKENS], np.array([[token]], np.int32))
        interpreter.set_tensor(self._inputs[caches.PLACES], np.array([self._used], np.int32))
        interpreter.invoke()
        for name in self._kept:
            before, after = self._inputs[name], self._outputs[name]
            interpreter.tensor(before)()[...] = interpreter.tensor(after)()
        return interpreter.get_tensor(self._outputs[caches.LOGITS])

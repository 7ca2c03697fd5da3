"""Runs the two signatures over the same caches, in a child: numpy and LiteRT alone."""

from typing import Any

import numpy as np

from tfedge.device.decoding import caches


class Decoder:
    """One sequence at a time, from its first token on.

    Attributes:
        at_once: how many tokens `prefill` takes.
    """

    def __init__(self, interpreter: Any, room: int):
        self._room = room
        self._prefill = interpreter.get_signature_runner(caches.PREFILL)
        self._decode = interpreter.get_signature_runner(caches.DECODE)
        self.at_once = int(self._prefill.get_input_details()[caches.TOKENS]["shape"][-1])
        self._empty = {
            name: np.zeros(told["shape"], told["dtype"])
            for name, told in self._decode.get_input_details().items()
            if name not in (caches.TOKENS, caches.PLACES)
        }
        self.begin()

    def begin(self) -> None:
        """Forgets all tokens."""
        self._kept, self._used = self._empty, 0

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
            logits = self._run(tokens[:count], self.at_once if is_many else 1)
            tokens = tokens[count:]
        return logits

    def _run(self, tokens: np.ndarray, steps: int) -> np.ndarray:
        """The last token, and its place, stand for those that are missing."""
        numbers = np.minimum(np.arange(steps), len(tokens) - 1)
        signature = self._decode if steps == 1 else self._prefill
        found = signature(
            **{
                caches.TOKENS: tokens[numbers][np.newaxis].astype(np.int32),
                caches.PLACES: (self._used + numbers).astype(np.int32),
            },
            **self._kept,
        )
        self._used += len(tokens)
        self._kept = {name: found[name] for name in self._empty}
        return found[caches.LOGITS].reshape(-1)

"""In the child: sequences go through prefill and decode, each step knowing the true ones before.

Where every token so far is right, these are the very calls that a greedy writer makes.
"""

from typing import Any

import numpy as np

from tfedge.device import latency, worker
from tfedge.device.decoding import decoder
from tfedge.device.sandbox import child


def work(place: child.Workplace) -> None:
    """Runs the job of a workplace, whose inputs are those of `sequences.Sequences`."""
    worker.carry_out(place, Stepwise)


class Stepwise:
    """Reads a prompt up to the first step that counts, then a token at a time up to the last."""

    def __init__(self, interpreter: Any, job: worker.Job):
        (self._output,) = job.outputs
        (self._steps,) = job.inputs[0].shape
        self._interpreter = interpreter
        self._decoder = decoder.Decoder(interpreter, job.room)

    def prepare(self, feeds: list[np.ndarray]) -> None:
        """See `worker.Runner`: one step of decode, from empty caches."""
        del feeds
        for told in self._interpreter.get_input_details():
            empty = np.zeros(told["shape"], told["dtype"])
            self._interpreter.set_tensor(told["index"], empty)

    def output_bytes(self) -> int:
        """See `worker.Runner`."""
        return self._steps * self._logits().nbytes

    def run(self, feeds: list[np.ndarray], steps: memoryview) -> list[np.ndarray]:
        """See `worker.Runner`; zeros at steps that do not count."""
        tokens, first, last = (feed[:, 0] for feed in feeds)
        logits, at = self._logits(), child.Progress.STEPS
        found = np.zeros((len(tokens), self._steps, logits.size), logits.dtype)
        for row, begin, end, into in zip(tokens, first, last, found, strict=True):
            self._decoder.begin()
            unread = row[: begin + 1]
            for step in range(begin, end + 1):
                into[step] = self._decoder.take(unread)
                unread = row[step + 1 : step + 2]
                steps[at] += 1
        return [found]

    def measured(self, seconds: float) -> dict[str, Any]:
        """See `worker.Runner`: what a prompt that fills `prefill` takes."""
        prompt = np.zeros(self._decoder.at_once, np.int32)

        def read() -> None:
            self._decoder.begin()
            self._decoder.take(prompt)

        took = latency.measure(read, 0.0, 1, seconds)
        return {"prefill_per_second": 1000 * len(prompt) / took.p50}

    def _logits(self) -> np.ndarray:
        return self._interpreter.get_tensor(self._output.tensor)

"""A client in a process of its own that lasts: a line of JSON asks, a line of JSON answers.

A line is {"what": NAME, ...}, its answer {"is": ...} or {"error": "a sentence"}; the process ends
with its input. One installation is in it, in memory or in the folder where it was started:

    begin   {repository, trust, model}  nothing is installed; `trust` is trust.json, parsed.
                                        A probe compares SHA-256 of the model with the examples.
    keep, back, again                   see `client.Client`
    update  {attempts}                  -> {version, reason, received}; waits for nothing
    used                                -> [version, SHA-256], or null
    fail    {at}                        the at-th change of what is kept fails as on a full disk, 0
                                        for none; -> how many there were since the last `fail`

What a program has beyond these is said by its file.
"""

import contextlib
import json
import pathlib
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

from tfedge_tools.benchmarks.fetching.bed import MODEL, Bed
from tfedge_tools.benchmarks.fetching.client import Calls, Ended


class Process:
    """See the top of this file."""

    def __init__(self, command: Sequence[str], folder: pathlib.Path):
        self._process = subprocess.Popen(
            command, cwd=folder, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, what: str, **how: Any) -> Any:
        """The answer to a line.

        Raises:
            RuntimeError: an error is the answer, or the process is gone.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"what": what, **how}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"the process ended at {what!r}"}
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["is"]

    def close(self) -> None:
        """Ends it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


class Installed:
    """See `client.Client`."""

    def __init__(self, process: Process, bed: Bed, address: str):
        self.process = process
        trust = json.loads(bed.trust.to_bytes())
        self._asked = {"repository": address, "trust": trust, "model": MODEL}
        self.begin()

    def begin(self) -> None:
        """See `Client`."""
        self.process.ask("begin", **self._asked)

    def keep(self) -> None:
        """See `Client`."""
        self.process.ask("keep")

    def back(self) -> None:
        """See `Client`."""
        self.process.ask("back")

    def again(self) -> None:
        """See `Client`."""
        self.process.ask("again")

    def update(self, attempts: int = 50) -> Ended:
        """See `Client`."""
        return Ended(**self.process.ask("update", attempts=attempts))

    def used(self) -> tuple[int, str] | None:
        """See `Client`."""
        found = self.process.ask("used")
        return found and (found[0], found[1])

    @contextlib.contextmanager
    def failing(self, number: int) -> Iterator[Calls]:
        """See `Client`."""
        calls = Calls()
        self.process.ask("fail", at=number)
        try:
            yield calls
        finally:
            calls.count = self.process.ask("fail", at=0)

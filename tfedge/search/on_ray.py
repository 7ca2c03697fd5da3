"""Trials on a Ray cluster: one task each, on as many processors as a trial has here.

A task gets texts only. The process that runs it opens the model and the data by itself, once, from
the folder that this one works in, and looks in the same cache: what an earlier trial has trained
anywhere serves the next. Its key of model, data, versions and kind of processor has to be the one
that was found here, so a trial gives the same bytes wherever it ran.
"""

import contextlib
import dataclasses
import functools
import logging as stdlib_logging
import os
import pickle
import socket
from collections.abc import Callable, Iterator
from typing import Any

from absl import logging

from tfedge import cache, errors, progress, versions
from tfedge.search import measuring, workers
from tfedge.search.trial import Trial
from tfedge.workflow import readiness

_LISTENS_SECONDS = 5.0
_TRIES = 3  # of a trial whose worker is lost; a recipe that needs too much memory loses each


@contextlib.contextmanager
def connected(address: str) -> Iterator[Callable[[workers.Job], "Cluster"]]:
    """A connection to a cluster while the block runs; what it yields puts a search on it.

    Args:
        address: "auto" for the cluster of this computer, or as `ray.init` takes it.

    Raises:
        BadInput: there is none, or none of its computers has the processors that a trial needs.
    """
    import ray

    with progress.phase("connecting to the Ray cluster"):
        try:
            _check_listens(address)
            ray.init(address=address, log_to_driver=False, logging_level=stdlib_logging.ERROR)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise errors.BadInput(
                f"--ray={address}",
                f"no cluster can be used there: {' '.join(str(error).split())[:200]}",
                "Start one with `ray start --head`, and see docs/search.md.",
            ) from error
    try:
        _check_processors(address)
        yield Cluster
    finally:
        ray.shutdown()


def _check_listens(address: str) -> None:
    """Ray itself would try for many minutes.

    Raises:
        OSError: nobody does.
        ValueError: it is no host and port.
    """
    if address == "auto":
        return
    host, _, port = address.rpartition("/")[2].rpartition(":")
    socket.create_connection((host, int(port)), _LISTENS_SECONDS).close()


class Cluster:
    """The workers of the cluster that this process is connected to."""

    def __init__(self, job: workers.Job):
        """Nothing runs yet."""
        import ray

        self._job = ray.put(_Asked.of(job).packed())
        self._try = ray.remote(num_cpus=versions.threads(), max_retries=0)(_try)
        self._begun: dict[Any, tuple[workers.Attempt, int]] = {}

    def room(self) -> int:
        """See `Workers`; one trial waits for a computer where all were lost."""
        return max(1, sum(each // versions.threads() for each in _processors())) - len(self._begun)

    def begin(self, attempt: workers.Attempt, earlier: int = 0) -> None:
        """See `Workers`.

        Args:
            attempt: to be tried.
            earlier: how often its worker was lost.
        """
        task = self._try.remote(self._job, attempt.recipe, attempt.values, attempt.length)
        self._begun[task] = attempt, earlier

    def ended(self) -> tuple[workers.Attempt, Trial]:
        """See `Workers`."""
        import ray

        while True:
            with progress.phase("waiting for a trial on the cluster"):
                (task, *_), _ = ray.wait(list(self._begun))
            attempt, earlier = self._begun.pop(task)
            try:
                return attempt, ray.get(task)
            except ray.exceptions.RayTaskError as error:
                raise error.cause from error
            except ray.exceptions.RayError as error:
                if earlier + 1 == _TRIES:
                    return attempt, _lost(attempt)
                said = f"{error}".strip().splitlines()[0]
                logging.warning(
                    "%s: its worker was lost, it is tried again (%d of %d): %s",
                    *(attempt.recipe, earlier + 2, _TRIES, said),
                )
                self.begin(attempt, earlier + 1)


def _lost(attempt: workers.Attempt) -> Trial:
    untried = measuring.untried(attempt.recipe, "", attempt.values, attempt.length)
    failure = f"its worker was lost {_TRIES} times; its memory may be too small"
    return dataclasses.replace(untried, failure=failure)


def _processors() -> Iterator[int]:
    """Of each computer of the cluster."""
    import ray

    return (int(each["Resources"].get("CPU", 0)) for each in ray.nodes() if each["Alive"])


def _check_processors(address: str) -> None:
    wanted, most = versions.threads(), max(_processors(), default=0)
    if most < wanted:
        raise errors.BadInput(
            f"--ray={address}",
            f"a trial computes on {wanted} processors here, and no computer there has more than "
            f"{most}",
            f"Set TF_NUM_INTRAOP_THREADS={max(1, most)}, or start larger ones.",
        )


@dataclasses.dataclass(frozen=True, eq=False)
class _Asked:
    """What a worker needs to open the same.

    Attributes:
        order, terms: of the job.
        key: that it comes to here.
        folder: that relative paths begin at.
        threads: of TensorFlow.
    """

    order: Any
    terms: Any
    key: str
    folder: str
    threads: int

    @classmethod
    def of(cls, job: workers.Job) -> "_Asked":
        return cls(job.order, job.terms, job.ready.key, os.getcwd(), versions.threads())

    def packed(self) -> bytes:
        return pickle.dumps(self)

    def bench(self) -> measuring.Bench:
        """Opens it here.

        Raises:
            BadInput: it cannot be found here, or is not the same.
        """
        os.environ["TF_NUM_INTRAOP_THREADS"] = str(self.threads)  # TensorFlow is not loaded yet
        try:
            os.chdir(self.folder)
        except OSError as error:
            raise _elsewhere(f"{self.folder} is not there: {error.strerror}") from error
        assert self.order.cache_dir is not None
        stages = cache.open_at(self.order.cache_dir, self.order.cache_gigabytes)
        ready = readiness.check(self.order, self.terms, stages)
        if ready.key != self.key:
            raise _elsewhere(
                "model, data, versions of libraries or processor differ from where the search runs"
            )
        return measuring.Bench.of(ready, self.terms, self.order.export, stages)


def _elsewhere(cause: str) -> errors.BadInput:
    return errors.BadInput(
        f"worker on {socket.gethostname()}",
        cause,
        "Give all computers the same shared folder, tfedge and processor; see docs/search.md.",
    )


@functools.lru_cache(maxsize=1)
def _bench(packed: bytes) -> measuring.Bench:
    """Opened once by each process."""
    asked: _Asked = pickle.loads(packed)
    return asked.bench()


def _try(packed: bytes, recipe: Any, values: Any, length: float) -> Trial:
    """The task."""
    return _bench(packed).measure(recipe, values, length)

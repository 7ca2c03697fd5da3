"""Many installations behind a network that loses 2 % of the answers and cuts as many."""

import concurrent.futures
import pathlib
import shutil
from collections.abc import Iterator

from tfedge_tools.benchmarks.fetching import bed
from tfedge_tools.benchmarks.fetching.bed import Asked, Bed, Row

from tfedge.delivery import serving

_USUAL, _AT_ONCE = 1000, 16
_FAULTS, _BYTES = "drop(share=0.02), drop(share=0.02, anywhere=True)", 150_000
_MOST = 1.2  # of the bytes of a perfect network


def run(asked: Asked) -> Iterator[Row]:
    """So many installations in Python; 1,000 where there is no number of tries."""
    if "python" not in asked.clients:
        return
    folder, count = asked.place("crowd"), asked.tries or _USUAL
    made = Bed(folder, bed.large_models(_BYTES))
    with serving.Server(made.folder, draw=asked.draw.random) as server:
        made.publish()  # the newest is the first that they see
        perfect = _all(made, server, folder, 1)
        server.faults = serving.read_faults(_FAULTS)
        lossy = _all(made, server, folder, count)
    ratio = lossy[1] / (count * perfect[1])
    wrong = lossy[0] + (ratio > _MOST)
    note = f"{ratio:.3f} times the bytes of a perfect network"
    yield Row("python: installations, 2 % of answers lost and as many cut", count, wrong, note)


def _all(made: Bed, server: serving.Server, folder: pathlib.Path, count: int) -> tuple[int, int]:
    """How many did not arrive, and the bytes that were sent."""
    server.counted = serving.Counted()

    def arrives(number: int) -> bool:
        store = folder / "stores" / str(number)
        client = made.client(server.address, store)
        arrived = client.update().version == max(made.contents) == made.used(client)
        shutil.rmtree(store)
        return arrived

    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        arrived = sum(pool.map(arrives, range(count)))
    return count - arrived, server.counted.body_bytes

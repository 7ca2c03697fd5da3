"""The connection is cut at every byte of every file of a small repository, then of a large one."""

import pathlib
import random
import shutil
from collections.abc import Iterator

from tfedge_tools.benchmarks.fetching import bed
from tfedge_tools.benchmarks.fetching.bed import Bed, Row

from tfedge.delivery import fetch, serving

_CHUNK = 1 << 16
_BYTES, _FEW_BYTES = 1_000_000, 150_000  # of the large one; to pack noise takes a while


def run(folder: pathlib.Path, tries: int, draw: random.Random) -> Iterator[Row]:
    """Every byte where `tries` is 0, else so many of them; of the large one 500 at most."""
    yield _row("small repository", Bed(folder / "small", bed.small_models()), tries, draw)
    large = Bed(folder / "large", bed.large_models(_FEW_BYTES if tries else _BYTES))
    yield _row("large repository", large, min(tries or 500, 500), draw)


def _row(what: str, made: Bed, tries: int, draw: random.Random) -> Row:
    """An installation has version 1, and the connection breaks once while it fetches version 2."""
    store = made.folder.parent / "store"
    with made.server() as server:
        made.client(server.address, store).update()
        before = shutil.copytree(store, store.with_name("before"))
        made.publish()
        fetched, whole = _update(made, server, store, before)
        places = [(path, at) for path, size in fetched.items() for at in range(size)]
        if tries:
            places = draw.sample(places, min(tries, len(places)))
        wrong, again = 0, []
        for path, at in places:
            server.faults = serving.read_faults(f"drop(at={at}, times=1, only='{path}')")
            client = made.client(server.address, store)
            _, received = _update(made, server, store, before)
            again.append(received - whole)
            wrong += made.used(client) != 2 or again[-1] > _CHUNK
    note = f"{max(again):,} bytes came twice at most, {sum(again) / len(again):,.0f} on average"
    return Row(f"{what}, cut at places of {len(fetched)} files", len(places), wrong, note)


def _update(
    made: Bed, server: serving.Server, store: pathlib.Path, before: pathlib.Path
) -> tuple[dict[str, int], int]:
    """From version 1 to 2; the files that came, with their lengths, and the bytes in all."""
    shutil.rmtree(store)
    shutil.copytree(before, store)
    server.counted = serving.Counted()
    client: fetch.Client = made.client(server.address, store)
    client.update()
    files = {each: made.folder / each for each in server.counted.paths}
    sizes = {each: path.stat().st_size for each, path in files.items() if path.is_file()}
    return sizes, server.counted.body_bytes

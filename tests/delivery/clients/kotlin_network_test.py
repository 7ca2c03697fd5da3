"""The Kotlin client over networks that break, cut, lie and cost."""

import contextlib
import socket
import threading
import time

import pytest
from fetch_clients import FIRST
from kotlin_clients import Phone
from repositories import MODEL
from tfedge_tools.benchmarks.apps import kotlin

from tfedge.delivery import names, serving

pytestmark = pytest.mark.skipif(not kotlin.is_here(), reason="KOTLIN_COMPILER names no compiler")


@pytest.fixture(name="client")
def made_client(java, repository, server, tmp_path):
    return Phone(java, server.address, repository, tmp_path / "store")


@pytest.mark.parametrize(
    "faults",
    [
        "drop(at=3000, only='targets/*')",
        "drop(at=0, times=3)",
        "drop(at=3000, only='targets/*', times=1), wrong_start(times=2)",
        "drop(at=3000, only='targets/*', times=1), wrong_start(hidden=True, times=1)",
        "drop(at=3000, only='targets/*', times=1), short(by=7, times=3)",
        "drop(at=3000, only='targets/*', times=1), unsatisfiable(times=2)",
        "wrong_etag, drop(at=3000, only='targets/*', times=3)",
        "truncated_gzip(times=2)",
        "flip(bit=40000, times=1, only='targets/*.sealed')",
        "slow(bytes_per_second=100000)",
    ],
)
def test_it_arrives_whole_through_each_fault(faults, client, server, repository):
    server.faults = serving.read_faults(faults)
    ended = client.update()
    assert (ended["outcome"], ended["version"]) == ("updated", 1), ended
    assert ended["received"] < files_of(repository) + 2 * repository.chunk
    assert client.used() == (1, FIRST)


def test_cut_anywhere_it_goes_on_and_fetches_one_chunk_twice_at_most(
    java, server, repository, tmp_path
):
    sizes = {path: path.stat().st_size for path in repository.folder.rglob("*.*") if path.is_file()}
    for path, size in sizes.items():
        only = path.relative_to(repository.folder)
        for at in range(0, size, max(1, size // 11)):
            server.faults = serving.read_faults(f"drop(at={at}, times=1, only='{only}')")
            phone = Phone(java, server.address, repository, tmp_path / f"{path.name} {at}")
            ended = phone.update()
            assert (ended["outcome"], ended["version"]) == ("updated", 1), ended
            again = at if path.suffix == ".json" else repository.chunk
            assert ended["received"] <= sum(sizes.values()) + again


@pytest.mark.parametrize(
    ("damaged", "saved"),
    [
        (lambda whole: whole[:9000], 9000),
        (lambda whole: whole[:5000] + b"x" * 4000, 4096),
        (lambda whole: whole[:9000] + bytes(len(whole) - 9000), 8192),
        (lambda whole: whole + b"more", 10**9),
    ],
    ids=["part", "spoiled", "preallocated", "longer"],
)
def test_what_lies_there_already_is_compared_and_not_believed(damaged, saved, client, repository):
    path = repository.target_path(names.sealed(MODEL, 1))
    whole, digest = path.read_bytes(), path.name.partition(".")[0]
    (client.store / "parts" / digest).write_bytes(damaged(whole))
    fetched = files_of(repository) - repository.path("1.root").stat().st_size
    assert client.update()["received"] == fetched - min(saved, len(whole))
    assert client.used() == (1, FIRST)


def files_of(repository):
    return sum(path.stat().st_size for path in repository.folder.rglob("*") if path.is_file())


def test_waits_grow_and_an_offline_phone_keeps_its_model(client, server):
    client.update()
    server.faults = serving.read_faults("drop")
    ended = client.update()
    assert (ended["outcome"], ended["version"], ended["reason"]) == ("kept", 1, "offline")
    assert ended["waits"] == ["0.5", "1.0", "2.0"]
    assert client.used() == (1, FIRST)


def test_without_any_there_is_nothing_and_it_says_so(client, server):
    server.faults = serving.read_faults("drop")
    assert client.update()["outcome"] == "nothing"
    with pytest.raises(RuntimeError, match="IllegalStateException: no model is there that can be"):
        client.used()


def test_a_budget_that_ends_goes_on_where_it_was(client):
    ended = client.update(most_bytes=12_000)
    told = (ended["outcome"], ended["reason"], ended["received"])
    assert told == ("nothing", "postponed", 12_000)
    rest = client.update()
    assert rest["version"] == 1
    assert rest["received"] < 20_000
    assert list((client.store / "parts").iterdir()) == []


def test_a_metered_connection_brings_only_metadata(client):
    ended = client.update(is_metered=True)
    assert ended["reason"] == "postponed"
    assert ended["received"] < 10_000


@pytest.mark.parametrize(
    "header",
    [
        b"200 OK\r\nContent-Length: \xb2",
        b"200 OK\r\nContent-Length: " + b"9" * 5000,
        b"503 Busy\r\nRetry-After: \xb2",
        b"302 Found\r\nLocation: http://[::1",
        b"302 Found\r\nLocation: http://a..b/",
        b"302 Found\r\nLocation: file:///etc/passwd",
        b"302 Found\r\nLocation: /",
        b"302 Found",
        b"999999999999 What",
        b"\xff\xff",
    ],
)
def test_no_header_ends_an_app(header, java, repository, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            while True:
                connection, _ = listening.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(b"HTTP/1.1 " + header + b"\r\n\r\nabc")

        threading.Thread(target=answer, daemon=True).start()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        ended = Phone(java, address, repository, tmp_path / "store").update()
    assert (ended["outcome"], ended["reason"] in ("offline", "damaged metadata")) == (
        "nothing",
        True,
    )


@pytest.mark.parametrize("drop", [b"HTTP/1.1 100 Continue\r\n\r\n", b"x"])
def test_headers_that_drip_end(drop, java, repository, tmp_path):
    """For three seconds; then an answer comes, which is no metadata."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer(connection):
            with connection, contextlib.suppress(OSError):
                connection.recv(4096)
                if drop == b"x":
                    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
                for _ in range(30):
                    connection.sendall(drop)
                    time.sleep(0.1)
                start = b"\r\n" if drop == b"x" else b"HTTP/1.1 200 OK\r\n"
                connection.sendall(start + b"Content-Length: 2\r\n\r\n{}")

        def answers():
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(
                        target=answer, args=listening.accept()[:1], daemon=True
                    ).start()

        threading.Thread(target=answers, daemon=True).start()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        ended = Phone(java, address, repository, tmp_path / "store").update(timeout=1)
    assert (ended["outcome"], ended["reason"]) == ("nothing", "offline"), ended

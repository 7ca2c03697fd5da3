"""Files over a faulty server: they arrive whole, and little of them comes twice."""

import contextlib
import hashlib
import random
import socket
import threading
import time

import pytest

from tfedge.delivery import serving
from tfedge.delivery.fetch import downloading
from tfedge.delivery.fetch.allowance import Allowance, Postponed
from tfedge.delivery.fetch.part import Wanted
from tfedge.delivery.fetch.retrying import Interrupted, Retries, Unavailable
from tfedge.delivery.fetch.web import Web

CHUNK = 100
CONTENT = random.Random(3).randbytes(450)


@pytest.fixture(name="server")
def made_server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "file").write_bytes(CONTENT)
    with serving.Server(folder) as server:
        yield server


def wanted(server, content=CONTENT):
    chunks = [
        hashlib.sha256(content[at : at + CHUNK]).hexdigest() for at in range(0, len(content), CHUNK)
    ]
    whole = hashlib.sha256(content).hexdigest()
    return Wanted("file", f"{server.address}file", len(content), whole, CHUNK, chunks)


def web(slept=None, **allowed):
    waits = [] if slept is None else slept
    return Web(Allowance(**allowed), Retries(sleep=waits.append, draw=lambda: 0.5))


def fetched(server, path, **allowed):
    way = web(**allowed)
    downloading.download(wanted(server), path, way, lambda *_: None)
    assert path.read_bytes() == CONTENT
    return way.allowance.received


@pytest.mark.parametrize(
    ("faults", "most"),
    [
        ("", 450),
        ("drop(at=30)", 450),
        ("drop(at=0, times=3)", 450),
        ("drop(at=130, times=1), short(by=7, times=4)", 450),
        ("drop(at=130, times=1), wrong_start(times=1)", 450),
        ("drop(at=130, times=1), wrong_start", 450 + 130),
        ("drop(at=130, times=1), wrong_start(hidden=True, times=1)", 450 + 2 * CHUNK),
        ("drop(at=130, times=1), unsatisfiable(times=1)", 450),
        ("drop(at=130, times=1), unsatisfiable", 450 + 130),
        ("wrong_etag, drop(at=130, times=2)", 450),
        ("truncated_gzip(times=2)", 450),
        ("flip(bit=1100, times=1)", 450 + 2 * CHUNK),
        ("slow(bytes_per_second=3000)", 450),
    ],
)
def test_it_arrives_whole_through_each_fault(faults, most, server, tmp_path):
    server.faults = serving.read_faults(faults)
    assert fetched(server, tmp_path / "part") <= most


def test_a_server_that_knows_no_ranges_sends_all_of_it_again(server, tmp_path):
    server.faults = serving.read_faults("drop(at=130, times=1), wrong_etag")
    (tmp_path / "part").write_bytes(CONTENT[:250])  # with no etag known, a 206 is what comes
    assert fetched(server, tmp_path / "part") == 200


def test_what_lies_there_already_is_compared_and_not_believed(server, tmp_path):
    part = tmp_path / "part"
    part.write_bytes(CONTENT[:130] + b"x" + CONTENT[131:])  # the right length, one byte is not
    assert fetched(server, part) == 350
    part.write_bytes(CONTENT[:230] + bytes(220))  # preallocated
    assert fetched(server, part) == 250
    part.write_bytes(CONTENT[:230])
    assert fetched(server, part) == 220
    part.write_bytes(CONTENT + b"more")
    assert fetched(server, part) == 0


def test_a_file_that_is_never_right_is_given_up_and_what_was_right_stays(server, tmp_path):
    server.faults = serving.read_faults("flip(bit=1100)")
    slept = []
    way = web(slept)
    with pytest.raises(Unavailable, match="chunk 1 of file is not what was signed, 6 times"):
        downloading.download(wanted(server), tmp_path / "part", way, lambda *_: None)
    assert (tmp_path / "part").read_bytes() == CONTENT[:CHUNK]
    assert slept == [0.25, 0.5, 1, 2, 4]


def test_no_more_is_read_than_was_signed(server, tmp_path):
    (tmp_path / "served" / "file").write_bytes(CONTENT * 1000)
    with pytest.raises(Unavailable, match="has 450,000 bytes at the server, and 450 were signed"):
        fetched(server, tmp_path / "part")
    with pytest.raises(Unavailable, match="endless: more than the 1,000 bytes"):
        web().whole(f"{server.address}file", 1000)


def test_a_budget_is_kept_and_the_next_one_goes_on(server, tmp_path):
    with pytest.raises(Postponed, match="budget of 130 bytes is used up"):
        fetched(server, tmp_path / "part", most_bytes=130)
    assert server.counted.requests == 1
    assert fetched(server, tmp_path / "part", most_bytes=320) == 320


def test_it_stops_when_the_connection_is_metered(server, tmp_path):
    answers = iter([False, True])
    with pytest.raises(Postponed, match="waits for a connection that is not metered"):
        fetched(server, tmp_path / "part", is_metered=lambda: next(answers))
    with pytest.raises(Postponed):
        fetched(server, tmp_path / "part", is_metered=lambda: True)
    assert server.counted.requests == 1


def test_waits_grow_up_to_a_longest_and_start_anew_when_it_moves():
    slept, left = [], [Interrupted("no")] * 3 + [Interrupted("cut", moved=True)] * 2
    rules = Retries(longest_seconds=1.2, sleep=slept.append, draw=lambda: 1.0)
    left.append(Interrupted("busy", wait_seconds=0.7))

    def work():
        if left:
            raise left.pop(0)
        return "done"

    assert rules.until_done(work) == "done"
    assert slept == [0.5, 1.0, 1.2, 0.5, 0.5, 1.0]


def test_a_server_says_when_to_come_again(server):
    slept = []
    with pytest.raises(Unavailable, match="answered with 404") as refused:
        web(slept).whole(f"{server.address}none", 10)
    assert (refused.value.status, slept) == (404, [])


def test_a_slow_drip_is_no_download(server, tmp_path):
    now = iter(range(0, 10_000, 50))
    way = Web(Allowance(), Retries(sleep=lambda _: None, clock=lambda: next(now)))
    server.faults = serving.read_faults("slow(bytes_per_second=1000)")
    (tmp_path / "served" / "file").write_bytes(CONTENT)
    with (
        pytest.raises(Interrupted, match="bytes came in 60 s"),
        way.ask(f"{server.address}file") as answer,
    ):
        list(way.pieces(answer, 450))


@pytest.mark.parametrize("at", [17, 30, 45, 60])
def test_an_answer_that_breaks_in_its_headers_is_asked_for_again(at):
    whole = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    answers = [whole[:at], whole]
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            for each in answers:
                connection, _ = listening.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(each)

        threading.Thread(target=answer, daemon=True).start()
        way, url = web(), f"http://127.0.0.1:{listening.getsockname()[1]}/file"
        assert way.retries.until_done(lambda: way.whole(url, 10)) == b"{}"


@pytest.mark.parametrize(
    "header",
    [
        b"200 OK\r\nContent-Length: \xb2",
        b"200 OK\r\nContent-Length: " + b"9" * 5000,
        b"503 Busy\r\nRetry-After: \xb2",
        b"302 Found\r\nLocation: http://[::1",
        b"302 Found\r\nLocation: http://a..b/",
    ],
)
def test_no_header_ends_an_app(header):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 " + header + b"\r\n\r\nabc")

        threading.Thread(target=answer, daemon=True).start()
        way = Web(Allowance(), Retries(attempts=1))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/file"
        with contextlib.suppress(Unavailable):
            assert way.retries.until_done(lambda: way.whole(url, 10)) == b"abc"


@pytest.mark.parametrize("drop", [b"HTTP/1.1 100 Continue\r\n\r\n", b"x"])
def test_headers_that_drip_end(drop):
    """For two seconds; then the right answer comes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(4096)
                if drop == b"x":
                    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
                for _ in range(40):
                    connection.sendall(drop)
                    time.sleep(0.05)
                start = b"\r\n" if drop == b"x" else b"HTTP/1.1 200 OK\r\n"
                connection.sendall(start + b"Content-Length: 2\r\n\r\n{}")

        threading.Thread(target=answer, daemon=True).start()
        way = Web(Allowance(), Retries(), timeout_seconds=0.4)
        with pytest.raises(Interrupted):
            way.whole(f"http://127.0.0.1:{listening.getsockname()[1]}/file", 10)

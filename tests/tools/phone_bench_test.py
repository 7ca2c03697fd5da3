"""The page's server, the golden vectors, benchmark_model; a browser only where there is one."""

import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
from tfedge_tools import phone_bench as program
from tfedge_tools.phone import (
    benchmark_model_output,
    golden,
    invitation,
    litert_js,
    results,
    server,
)

from tfedge import errors
from tfedge.data.task import ArraySplit, Normalization, Task
from tfedge.device.file import tflite

ROOT = pathlib.Path(__file__).parents[2]

FILES = ROOT / "tests" / "device" / "files"
LOG = """STARTING!
INFO: Num threads: [4]
INFO: Created TensorFlow Lite XNNPACK delegate for CPU.
VERBOSE: Replacing 9 out of 12 node(s) with delegate (TfLiteXNNPackDelegate) node, yielding 2 parts.
INFO: The input model file size (MB): 0.003448
INFO: Initialized session in 52.687ms.
INFO: count=35 first=19105 curr=13909 min=13585 max=19105 avg=14452.5 std=1240{warm}
INFO: count=70 first=14941 curr=14066 min=13728 max=16145 avg=1.42909e+04 std=452{percentiles}
INFO: Inference timings in us: Init: 52687, First inference: 19105, Warmup (avg): 14452.5, \
Inference (avg): 14290.9
INFO: Memory footprint delta from the start of the tool (MB): init=21.5 overall=34.5
"""
MEAN = pytest.approx(14.2909)
BLOCK = """INFO: count=2112 first=463 curr=459 min=442 max=979 avg=464 p5=460 median=462 p95=478
INFO: [./litert/tools/benchmark_litert_model.h:82] Model initialization: 4.48 ms
INFO: [./litert/tools/benchmark_litert_model.h:84] Warmup (first):       1.03 ms
INFO: [./litert/tools/benchmark_litert_model.h:88] Inference (avg):      0.46 ms (2112 runs)
INFO: [./litert/tools/benchmark_litert_model.h:116] Overall footprint:    11.51 MB
"""


def phone_bench(*arguments, **environment):
    command = [sys.executable, str(ROOT / "tools" / "phone_bench.py"), *arguments]
    known = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=known)


@pytest.fixture(scope="module")
def expected():
    x = np.random.default_rng(0).integers(0, 17, (6, 8, 8, 1)).astype(np.uint8)
    split = ArraySplit(x, np.array([0, 1, 2, 3, 0, 1]))
    task = Task(
        "tiny", "classification", split, split, split, split, normalization=Normalization(1 / 16)
    )
    file = tflite.read((FILES / "image_int8.tflite").read_bytes())
    return golden.make(file, task, 5, "the file")


@pytest.fixture
def page():
    """A server that accepts {"good": true} once."""

    def judge(body):
        if body != b'{"good": true}':
            raise errors.BadInput("the phone's result", "not good", "Try again.")
        return {"good": True}

    with server.Server({"job.json": b"{}"}, judge, 100, "127.0.0.1") as opened:
        yield opened


def get(address, body=None):
    """(status, headers, content)."""
    try:
        with urllib.request.urlopen(address, body, timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_the_page_and_its_parts(page):
    status, headers, content = get(page.address)
    policy = headers["Content-Security-Policy"]
    assert status == 200 and b"importmap" in content and headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in policy and "unsafe-eval' 'sha256-" in policy
    assert "'unsafe-inline'" not in policy and "http" not in policy
    for name in ("page.js", "model.js", "timing.js", "device.js", "sha256.js", "page.css"):
        status, headers, content = get(page.address + name)
        assert status == 200 and content and b"://" not in content
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert get(page.address + "job.json")[2] == b"{}"


def test_without_the_token_nothing_is_there(page):
    root = page.address.replace(page.token, "").rstrip("/")
    wrong = page.address.replace(page.token, "A" * len(page.token))
    for address in (root, f"{root}/page.js", f"{root}/..%2f", wrong, f"{wrong}job.json"):
        assert get(address)[0] == 404
    assert get(page.address + "../server.py")[0] == get(page.address + "server.py")[0] == 404
    assert get(f"{wrong}result", b'{"good": true}')[0] == 404 and not page.accepted.is_set()


def test_only_its_own_names_lead_to_the_page(page):
    """A stranger's site can have its name resolve to this computer (DNS rebinding)."""
    host, port = page.address.split("/")[2].split(":")

    def status(name):
        request = urllib.request.Request(page.address, headers={"Host": name})
        try:
            return urllib.request.urlopen(request, timeout=10).status
        except urllib.error.HTTPError as error:
            return error.code

    assert [status(each) for each in (f"{host}:{port}", "localhost:1", "[::1]:8080")] == [200] * 3
    assert [status(each) for each in ("evil.example", "127.0.0.1.evil.example:80", "[")] == [
        404
    ] * 3


def test_a_client_that_drips_is_dropped(page, monkeypatch):
    monkeypatch.setattr(server, "_ASKING_SECONDS", 0.5)
    host, port = page.address.split("/")[2].split(":")
    with socket.create_connection((host, int(port)), timeout=10) as slow:
        slow.settimeout(0.1)
        for _ in range(100):
            with contextlib.suppress(TimeoutError):
                if slow.recv(1) == b"":
                    break
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                slow.sendall(b"G")
        else:
            pytest.fail("it was still held after 10 s")


def test_more_clients_than_places_are_turned_away(page, monkeypatch):
    host, port = page.address.split("/")[2].split(":")
    address = (host, int(port))
    with contextlib.ExitStack() as held:
        for _ in range(server._MOST_CONNECTIONS):
            held.enter_context(socket.create_connection(address, timeout=10))
        one_more = held.enter_context(socket.create_connection(address, timeout=10))
        assert one_more.recv(1) == b""
        names = [each.name for each in threading.enumerate()]
        assert sum("process_request_thread" in each for each in names) == server._MOST_CONNECTIONS
    for _ in range(100):  # the held ones have hung up: their places are free again
        with contextlib.suppress(OSError):
            if get(page.address)[0] == 200:
                return
        time.sleep(0.05)
    pytest.fail("no place became free")


def test_one_result_is_taken_after_refused_ones(page):
    status, _, content = get(page.address + "result", b"{}")
    assert status == 400 and "not good" in json.loads(content)["error"]
    assert not page.wait(0)
    assert get(page.address + "result", b'{"good": true}')[0] == 200 and page.wait(5)
    status, _, content = get(page.address + "result", b'{"good": true}')
    assert status == 409 and "used up" in json.loads(content)["error"]


def test_of_many_at_once_one_is_taken(page):
    found = []

    def send():
        found.append(get(page.address + "result", b'{"good": true}')[0])

    senders = [threading.Thread(target=send) for _ in range(8)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert sorted(found) == [200] + [409] * 7


@pytest.mark.parametrize(
    ("length", "code"), [(None, 411), ("-1", 411), ("x", 411), (str(10**8), 413)]
)
def test_the_size_of_a_result_is_limited(page, length, code):
    host, port = page._http.server_address[:2]
    connection = http.client.HTTPConnection(host, port, timeout=10)
    connection.putrequest("POST", f"/{page.token}/result")
    if length is not None:
        connection.putheader("Content-Length", length)
    connection.endheaders()
    assert connection.getresponse().status == code and not page.accepted.is_set()
    connection.close()


def test_an_address_that_is_not_ours():
    with pytest.raises(errors.BadInput, match="cannot be served on"):
        server.Server({}, lambda body: {}, 0, "192.0.2.1")


def test_golden_vectors_agree_with_themselves(expected):
    assert expected.examples == 5 and len(expected.inputs) == 5 * 64
    assert list(expected.output_bytes.values()) == [5 * 4]
    (name, _), (port, ours) = *expected.output_bytes.items(), *expected.outputs.items()
    tensor = expected.file.named_outputs[name]
    codes = np.rint(ours / tensor.scales[0] + tensor.zero_points[0]).astype(np.int8)
    found = golden.compare(expected, {port: codes.tobytes()})
    assert (found.identical, found.same_answer, found.agrees) == (5, 5, True)
    assert found.metric == "accuracy" and found.value == found.here
    for moved, agrees in ((1, True), (2, False)):
        other = codes.astype(np.int16)
        other[2, 0] += moved if other[2, 0] < 100 else -moved
        found = golden.compare(expected, {port: other.astype(np.int8).tobytes()})
        assert (found.identical, found.largest_codes, found.agrees) == (4, moved, agrees)


def test_a_float_model_may_differ_in_the_last_bits(expected):
    file = tflite.read((FILES / "image_float.tflite").read_bytes())
    made = golden.make(file, expected.judged[0], 5, "the file")
    name, ours = next(iter(made.outputs.items()))
    for moved, largest, agrees in (
        (1e-6, 1e-6, True),
        (0.01, 0.01, False),
        (np.nan, np.inf, False),
    ):
        other = ours.copy()
        other[3, 0] += moved
        found = golden.compare(made, {name: other.astype(np.float32).tobytes()})
        assert (found.identical, found.largest_codes, found.agrees) == (4, 0, agrees)
        assert found.largest_difference == pytest.approx(largest, rel=0.1)


def test_an_error_of_ours_ends_the_program():
    with server.Server({}, lambda body: 1 // 0, 100, "127.0.0.1") as opened:
        assert get(opened.address + "result", b"{}")[0] == 500
        with pytest.raises(ZeroDivisionError):
            opened.wait(5)


def test_a_batch_that_is_not_fixed_is_refused(expected):
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(expected.file.content)
    model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].shapeSignature = [-1, 8, 8, 1]
    content = bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    with pytest.raises(errors.BadInput, match=r"its shape \(any, 8, 8, 1\) is not fixed"):
        golden.make(tflite.read(content), expected.judged[0], 5, "the file")


def test_a_file_that_remembers_the_example_before_is_refused(expected):
    content = (
        pathlib.Path(__file__).parents[1] / "device/files/sequence_float.tflite"
    ).read_bytes()
    with pytest.raises(errors.BadInput, match="remembers the example before"):
        golden.make(tflite.read(content), expected.judged[0], 5, "the file")


def test_a_model_that_did_not_run_is_a_result(expected):
    sha256 = hashlib.sha256(expected.file.content).hexdigest()
    said = {"schema_version": 1, "model_sha256": sha256, "build": "compat"}
    said |= {"device": {"user_agent": "Mozilla/5.0 (Linux; Android 10; K) Chrome/150.0 Safari"}}
    said |= {"failure": {"kind": "run", "detail": "no ERF"}}
    found = results.of_page(json.dumps(said).encode(), expected, None)
    assert not found.good and found.entry["failure"] == {"kind": "run", "detail": "no ERF"}
    assert found.entry["p50"] is None and found.entry["device"] == "Chrome 150 on Android 10"


def test_benchmark_model_without_percentiles():
    text = LOG.format(warm="", percentiles="\n")
    found = benchmark_model_output.read(text, "Pixel 9", 3448, "LOG").to_json()
    assert (found["p50"], found["p90"], found["mean"]) == (None, None, MEAN)
    assert (found["first"], found["load"], found["runs"]) == (19.105, 52.687, 70)
    assert (found["least"], found["most"], found["std"], found["threads"]) == (
        *(13.728, 16.145, 0.452),
        4,
    )
    assert found["delegated_fraction"] == 0.75 and found["delegate"] == "TfLiteXNNPackDelegate"
    assert found["overall_memory_bytes"] == round(34.5 * 2**20)


def test_benchmark_model_with_percentiles_and_logcat():
    more = " p5=13800 median=14210 p95=15200"
    text = LOG.format(warm=" p5=1 median=2 p95=3", percentiles=more)
    text = text.replace("INFO: ", "07-14 13:14:56.520 22838 22838 I tflite  : ")
    found = benchmark_model_output.read(text, "Pixel 9", 3448, "LOG").to_json()
    assert (found["p50"], found["p90"], found["p95"]) == (14.21, None, 15.2)
    found = benchmark_model_output.read(BLOCK, "Pixel 9", 3448, "LOG").to_json()
    assert (found["p50"], found["p95"], found["load"], found["first"]) == (0.462, 0.478, 4.48, 1.03)
    assert found["threads"] is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no finished run"),
        (LOG.split("INFO: Inference", maxsplit=1)[0], "no finished run"),
        (LOG.replace("0.003448", "3.2"), "it measured a file of 3.2 MB"),
        (LOG.replace("1.42909e+04", "0"), "its median and its mean are 0"),
    ],
)
def test_output_that_is_refused(text, said):
    with pytest.raises(errors.BadInput, match=said):
        benchmark_model_output.read(
            text.replace("{warm}", "").replace("{percentiles}", ""), "Pixel 9", 3448, "LOG"
        )


def test_import_needs_a_name_and_its_own_model(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text(LOG.format(warm="", percentiles=""))
    given = f"--tflite={FILES / 'image_int8.tflite'}", f"--import={log}"
    done = phone_bench(*given)
    assert done.returncode == 1 and done.stderr.startswith("--device: missing")
    done = phone_bench(*given, "--device=Pixel 9", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["phone_measured"]["mean"] == MEAN


def test_adb_measures_and_cleans_up(tmp_path):
    (tmp_path / "log.txt").write_text(LOG.format(warm="", percentiles=""))
    script = tmp_path / "adb"
    script.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n'
        'case "$*" in *getprop*model*) echo "Pixel 9";; *"test -x"*) echo yes;;\n'
        f"*--graph=*) cat {tmp_path}/log.txt;; esac\n"
    )
    script.chmod(0o755)
    path = f"{tmp_path}:/usr/bin:/bin"
    given = f"--tflite={FILES / 'image_int8.tflite'}", "--adb", "--json"
    done = phone_bench(*given, PATH=path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["phone_measured"]
    assert found["mean"] == MEAN and "Pixel 9" in found["device"] and found["model_sha256"]
    calls = (tmp_path / "calls").read_text().splitlines()
    made = next(call for call in calls if "mkdir" in call).split()[-1]
    assert calls[-1] == f"shell rm -rf {made}" and made.startswith("/data/local/tmp/tfedge-")
    (tmp_path / "log.txt").write_text("aborted")
    done = phone_bench(*given, PATH=path)
    assert done.returncode == 1 and "no finished run of benchmark_model" in done.stderr


def test_one_line_where_something_is_missing(tmp_path):
    file = f"--tflite={FILES / 'image_int8.tflite'}"
    nothing = {"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    for arguments, said in (
        ((file, "--data=digits", "--host=127.0.0.1"), "no npm here"),
        ((file, "--adb"), "no adb here"),
        ((), "--release: missing"),
        ((f"--release={tmp_path}",), "has no readable manifest.json"),
    ):
        done = phone_bench(*arguments, **nothing)
        assert done.returncode == 1 and said in done.stderr, done.stderr
        assert done.stderr.strip().splitlines()[-1].count(": ") and "Traceback" not in done.stderr


@pytest.fixture
def in_process(monkeypatch):
    """in_process(*arguments) runs it here; what it fetches comes at once."""
    monkeypatch.setattr(litert_js, "files", dict)

    def run(*arguments):
        program._FLAGS.unparse_flags()
        program._FLAGS(["program", f"--tflite={FILES / 'image_int8.tflite'}", *arguments])
        return program.main()

    yield run
    for name in ("tflite", "data", "host"):
        program._FLAGS[name].unparse()


def test_nothing_is_fetched_for_data_that_is_not_there(in_process, monkeypatch):
    monkeypatch.setattr(litert_js, "files", lambda: pytest.fail("it was fetched"))
    with pytest.raises(errors.BadInput, match="--data: missing"):
        in_process()
    with pytest.raises(errors.BadInput, match="nowhere"):
        in_process("--data=npz:nowhere.npz")


def test_ctrl_c_is_no_bad_input(in_process, monkeypatch):
    def interrupted(page, seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(server.Server, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):  # of which every program makes 130
        in_process("--data=digits", "--host=127.0.0.1")


def test_the_invitation_holds_the_address():
    words = invitation.words("http://192.0.2.2:80/token/", 15)
    assert "http://192.0.2.2:80/token/" in words


@pytest.mark.skipif(
    not (litert_js.is_fetched() and shutil.which("chromium")),
    reason="no chromium, or LiteRT.js was not fetched",
)
def test_a_browser_computes_the_same(tmp_path):
    file = FILES / "image_int8.tflite"
    command = [sys.executable, str(ROOT / "tools" / "phone_bench.py"), f"--tflite={file}"]
    command += ["--data=digits", "--host=127.0.0.1", "--minutes=1", "--json", "--examples=8"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as tool:
        address = next(line.strip() for line in tool.stderr if line.strip().startswith("http"))
        browser = subprocess.Popen(
            [
                *("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"),
                *(f"--user-data-dir={tmp_path}", "--remote-debugging-port=0", f"{address}#start"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            shown, _ = tool.communicate(timeout=90)
        finally:
            browser.terminate()
            browser.wait(30)
    found = json.loads(shown)["browser_wasm"]
    assert tool.returncode == 0 and found["golden"]["identical"] == 8
    assert found["p90"] >= found["p50"] > 0 and found["runtime"].startswith("LiteRT.js")

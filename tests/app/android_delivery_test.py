"""The Kotlin around the client: what it loads before and after an update, and what it refuses.

Compiled and run as in `android_test`, whose LiteRT knows the answers to examples whatever the
bytes of a version are; its versions are real files all the same, for their ends are read.
"""

import os
import shutil

import numpy as np
import pytest
from tfedge_tools.benchmarks.apps import kotlin
from tfedge_tools.benchmarks.apps.subject import Subject

from tfedge.delivery import at_rest, keyring, publishing, rotation, serving, trust
from tfedge.delivery.offering import Offered
from tfedge.device.file import tflite
from tfedge.release import golden

pytestmark = pytest.mark.skipif(not kotlin.is_here(), reason="KOTLIN_COMPILER names no compiler")
PROGRAM = """
typealias Delivery = com.example.int8.TinyNetDelivery
typealias Ways = com.example.int8.delivery.Ways

fun turn(what: String, assets: String, repository: String, memory: Boolean): String {
    Looper.onMain = what == "main"
    Known.spoiled = what == "spoiled"
    val delivery = Delivery.open(contextOf(assets), inMemory = memory, repository = repository)
    if (what == "load" || what == "main") {
        val found = delivery.load()
        return found.model.use { "${found.version} ${it.selfCheck()} ${found.cause}" }
    }
    if (what.startsWith("answers")) {
        val factor = what.removePrefix("answers").toFloat()
        return delivery.load().model.use { net ->
            rows("$assets/rows.txt").joinToString(" ") { row ->
                net.run(row[0].map { it * factor }.toFloatArray()).output.joinToString()
            }
        }
    }
    return delivery.update(Ways(attempts = 1)).let { "${it.outcome} ${it.version} ${it.cause}" }
}

fun remembers(assets: String, repository: String): String {
    val context = contextOf(assets)
    val delivery = com.example.two_ends.TinyNetDelivery.open(context, repository = repository)
    val told = delivery.update(com.example.two_ends.delivery.Ways(attempts = 1))
    return delivery.load().let { "${told.cause}${it.version} ${it.model.selfCheck()}" }
}

fun main() {
    for (line in generateSequence(::readLine)) {
        val (what, assets, repository, how) = line.split(" ")
        Interpreter.folder = assets
        Interpreter.order = if (what == "remembers") listOf(1, 0) else listOf(0)
        Interpreter.outputOrder = Interpreter.order.sorted()
        val said = try {
            if (what == "remembers") remembers(assets, repository)
            else turn(what, assets, repository, how == "memory")
        } catch (error: IllegalStateException) { "refused: ${error.message}" }
        println(said.replace("\\n", " "))
    }
}
"""


class Publisher:
    """A repository of its own below what is served."""

    def __init__(self, folder, ring, address):
        self.folder, self.ring, self.address = folder, ring, f"{address}{folder.name}/"

    def add(self, content, examples):
        offered = Offered("tiny_net", content, examples)
        publishing.add(self.folder, self.ring, offered, publishing.Asked())


@pytest.fixture(scope="module", name="place")
def made_place(tmp_path_factory):
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="module", name="ring")
def made_ring(place):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(at_rest, "COST", 1 << 4)
        ring = keyring.Keyring([place / "keys"], lambda _: b"correct horse")
        rotation.begin(place / "served" / "empty", ring)
        yield ring


@pytest.fixture(scope="module", name="server")
def made_server(place, ring):
    with serving.Server(place / "served") as server:
        yield server


@pytest.fixture(name="published")
def made_publisher(place, ring, server, tmp_path):
    """Nothing is published, nothing is kept by the app."""
    folder = place / "served" / tmp_path.name
    shutil.copytree(folder.with_name("empty"), folder)
    for kept in list(place.rglob("no_backup")):
        shutil.rmtree(kept)
    return Publisher(folder, ring, server.address)


@pytest.fixture(scope="module", name="process")
def made_process(cases, released, place, ring):
    """The program, compiled with two models."""
    root = (place / "served" / "empty" / "metadata" / "1.root.json").read_bytes()
    path = place / "trust.json"
    path.write_bytes(trust.Trust(root, "app", ring.audience_key("app")).to_bytes())
    for name in ("int8", "two_ends"):
        subject = Subject(name, released(name), cases[name].task, 32)
        kotlin.written(subject, place / name, trust=str(path), repository="https://models.example")
    files = list(place.rglob("*.kt"))
    (place / "Main.kt").write_text(kotlin.START + PROGRAM)
    kotlin.compiled([*kotlin.STUBS, *files, place / "Main.kt"], place / "out", checked=True)
    with kotlin.process(place / "out", place) as process:
        yield process
        process.stdin.close()


@pytest.fixture(name="program")
def made_program(process, published, place):
    """One line in, one line out."""

    def ask(what, name="int8", how="file"):
        assets = place / name / "src" / "main" / "assets"
        process.stdin.write(f"{what} {assets} {published.address} {how}\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    return ask


def examples_of(case):
    return golden.make(tflite.read(case.content), case.task).to_bytes()


def open_files(place):
    return {path.name: path.read_bytes() for path in place.rglob("no_backup/tfedge/*/open/*")}


def test_it_begins_with_its_own_and_takes_what_was_proved(program, published, cases, place):
    case = cases["int8"]
    assert program("load").startswith("null Check(passed=true, examples=8")
    assert program("main") == "refused: delivery works: not on the main thread"
    published.add(case.content + b"1", examples_of(case))
    assert program("update") == "UPDATED 1"
    assert open_files(place) == {}
    assert program("load").startswith("1 Check(passed=true, examples=32")
    assert open_files(place) == {"1.tflite": case.content + b"1"}

    published.add(case.content + b"2", examples_of(case))
    assert program("spoiled").startswith(
        "KEPT 1 it answers otherwise than its release, by {output="
    )
    assert program("load").startswith("1 Check(passed=true")

    other = cases["uint8_raw"]
    published.add(other.content, examples_of(other))
    said = program("update")
    assert said == "KEPT 1 it needs other code: its normalization is in the file"
    published.add(case.content + b"4", examples_of(case))
    assert program("update") == "UPDATED 4"
    assert program("load").startswith("4 Check(passed=true")
    assert set(open_files(place)) == {"1.tflite", "4.tflite"}
    for path in place.rglob("open/1.tflite"):
        os.utime(path, (0, 0))  # nobody is loading that any more
    assert program("load").startswith("4 Check(passed=true")
    assert list(open_files(place)) == ["4.tflite"]

    assert program("load", how="memory").startswith("4 Check(passed=true, examples=32")
    published.add(case.content + b"5", examples_of(case))
    assert program("update", how="memory") == "UPDATED 5"
    assert program("load", how="memory").startswith("5 Check(passed=true")
    assert open_files(place) == {}


def test_a_full_disk_is_no_fault_of_a_version(program, published, cases, place):
    case = cases["int8"]
    published.add(case.content, examples_of(case))
    assert program("update") == "UPDATED 1"
    (kept,) = place.rglob("no_backup/tfedge/*")
    shutil.rmtree(kept / "open")
    (kept / "open").write_bytes(b"")  # nothing can be written below it
    for _ in range(3):
        assert program("load").startswith("null Check(passed=true, examples=8")
    published.add(case.content + b"2", examples_of(case))
    assert program("update").startswith("KEPT 1 ") and "cannot be made" in program("update")
    (kept / "open").unlink()
    assert program("load").startswith("1 Check(passed=true, examples=32")
    assert program("update") == "UPDATED 2"


def test_codes_are_those_of_the_file_that_came(program, published, cases):
    case = cases["int8"]
    before = numbers(program("answers1"))
    content = twice(twice(case.content, "image"), "output")
    published.add(content, examples_of(case))
    assert program("update") == "UPDATED 1"
    np.testing.assert_array_equal(numbers(program("answers2")), 2 * before)


def numbers(said):
    return np.array([float(each.strip(",")) for each in said.split()])


def twice(content, name):
    """The file with twice the scale of an input or output."""
    file = tflite.read(content)
    scale = {**file.named_inputs, **file.named_outputs}[name].scales.astype("<f4")
    assert content.count(scale.tobytes()) == 1
    return content.replace(scale.tobytes(), (2 * scale).tobytes())


def test_a_version_with_other_ends_is_refused(program, published, cases):
    case = cases["float"]
    published.add(case.content, examples_of(case))
    said = program("update")
    assert said.startswith("NOTHING null") and "it needs other code: it has End(name=image" in said
    assert "dtype=float32" in said and "this is for End(name=image" in said


def test_one_that_keeps_state_runs_from_memory(program, published, cases):
    case = cases["two_ends"]
    published.add(case.content, examples_of(case))
    said = program("remembers", "two_ends")
    assert said.startswith("1 Check(passed=true, examples=32")

"""The Kotlin around the client: what it loads before and after an update, and what it refuses.

Compiled and run as in `android_test`, whose LiteRT knows the answers to examples whatever the
bytes of a version are; its versions are real files all the same, for their ends are read.
"""

import pytest
from tfedge_tools.benchmarks.apps import kotlin
from tfedge_tools.benchmarks.apps.subject import Subject

from tfedge.delivery import at_rest, keyring, publishing, rotation, serving, trust
from tfedge.delivery.offering import Offered
from tfedge.device.file import tflite
from tfedge.release import golden

pytestmark = pytest.mark.skipif(not kotlin.is_here(), reason="KOTLIN_COMPILER names no compiler")
PROGRAM = """
typealias Delivery = com.example.uint8_raw.TinyNetDelivery
typealias Ways = com.example.uint8_raw.delivery.Ways

fun turn(what: String, assets: String, memory: Boolean): String {
    Looper.onMain = what == "main"
    Known.spoiled = what == "spoiled"
    val delivery = Delivery.open(contextOf(assets), inMemory = memory)
    if (what == "load" || what == "main") {
        val found = delivery.load()
        return found.model.use { "${found.version} ${it.selfCheck()} ${found.cause}" }
    }
    return delivery.update(Ways(attempts = 1)).let { "${it.outcome} ${it.version} ${it.cause}" }
}

fun remembers(assets: String): String {
    val delivery = com.example.two_ends.TinyNetDelivery.open(contextOf(assets))
    val told = delivery.update(com.example.two_ends.delivery.Ways(attempts = 1))
    return delivery.load().let { "${told.cause}${it.version} ${it.model.selfCheck()}" }
}

fun main() {
    for (line in generateSequence(::readLine)) {
        val (what, assets, how) = line.split(" ")
        Interpreter.folder = assets
        Interpreter.order = if (what == "remembers") listOf(1, 0) else listOf(0)
        Interpreter.outputOrder = Interpreter.order.sorted()
        val said = try {
            if (what == "remembers") remembers(assets) else turn(what, assets, how == "memory")
        } catch (error: IllegalStateException) { "refused: ${error.message}" }
        println(said.replace("\\n", " "))
    }
}
"""


class Publisher:
    """A repository that is served, and what is published there."""

    def __init__(self, folder):
        self.folder = folder / "repository"
        self.ring = keyring.Keyring([folder / "keys"], lambda _: b"correct horse")
        rotation.begin(self.folder, self.ring)
        root = (self.folder / "metadata" / "1.root.json").read_bytes()
        self.trust = folder / "trust.json"
        key = self.ring.audience_key("app")
        self.trust.write_bytes(trust.Trust(root, "app", key).to_bytes())

    def add(self, model, content, examples):
        offered = Offered(model, content, examples)
        publishing.add(self.folder, self.ring, offered, publishing.Asked())


@pytest.fixture(scope="module", name="published")
def made_publisher(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(at_rest, "COST", 1 << 4)
        yield Publisher(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module", name="place")
def made_place(tmp_path_factory):
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="module", name="program")
def made_program(cases, released, published, place):
    """One line in, one line out."""
    with serving.Server(published.folder) as server:
        more = {"trust": str(published.trust), "repository": server.address}
        for name in ("uint8_raw", "two_ends"):
            subject = Subject(name, released(name), cases[name].task, 32)
            kotlin.written(subject, place / name, **more)
        files = list(place.rglob("*.kt"))
        (place / "Main.kt").write_text(kotlin.START + PROGRAM)
        kotlin.compiled([*kotlin.STUBS, *files, place / "Main.kt"], place / "out", checked=True)
        with kotlin.process(place / "out", place) as process:

            def ask(what, name="uint8_raw", how="file"):
                assets = place / name / "src" / "main" / "assets"
                process.stdin.write(f"{what} {assets} {how}\n")
                process.stdin.flush()
                return process.stdout.readline().strip()

            yield ask
            process.stdin.close()


def examples_of(case):
    return golden.make(tflite.read(case.content), case.task).to_bytes()


def open_files(place):
    return {path.name: path.read_bytes() for path in place.rglob("no_backup/tfedge/*/open/*")}


def test_it_begins_with_its_own_and_takes_what_was_proved(program, published, cases, place):
    case = cases["uint8_raw"]
    assert program("load").startswith("null Check(passed=true, examples=8")
    assert program("main") == "refused: delivery works: not on the main thread"
    published.add("tiny_net", case.content + b"1", examples_of(case))
    assert program("update") == "UPDATED 1"
    assert open_files(place) == {}
    assert program("load").startswith("1 Check(passed=true, examples=32")
    assert open_files(place) == {"1.tflite": case.content + b"1"}

    published.add("tiny_net", case.content + b"2", examples_of(case))
    assert program("spoiled").startswith(
        "KEPT 1 it answers otherwise than its release, by {output="
    )
    assert program("load").startswith("1 Check(passed=true")

    other = cases["int8"]
    published.add("tiny_net", other.content, examples_of(other))
    said = program("update")
    assert said.startswith("KEPT 1 it needs other code: it has [End(name=") and "dtype=int8" in said
    published.add("tiny_net", case.content + b"4", examples_of(case))
    assert program("update") == "UPDATED 4"
    assert program("load").startswith("4 Check(passed=true")
    assert list(open_files(place)) == ["4.tflite"]

    for path in place.rglob("open/*"):
        path.unlink()
    assert program("load", how="memory").startswith("4 Check(passed=true, examples=32")
    published.add("tiny_net", case.content + b"5", examples_of(case))
    assert program("update", how="memory") == "UPDATED 5"
    assert program("load", how="memory").startswith("5 Check(passed=true")
    assert open_files(place) == {}


def test_one_that_keeps_state_runs_from_memory(program, published, cases):
    case = cases["two_ends"]
    published.add("tiny_net", case.content, examples_of(case))
    said = program("remembers", "two_ends")
    assert "Check(passed=true, examples=32" in said
    assert not said.startswith("null")

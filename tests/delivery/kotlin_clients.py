"""The Kotlin client in one Java process, asked by lines of JSON."""

import base64
import json

from repositories import MODEL
from tfedge_tools.benchmarks.apps import kotlin

from tfedge.packing import primer

PROGRAM = """
import com.example.model.NetUnpacking
import com.example.model.delivery.*
import java.io.File
import java.security.MessageDigest
import java.util.Base64
import java.util.concurrent.CountDownLatch
import java.util.concurrent.FutureTask

val primer = File("primer").readBytes()
val clients = HashMap<String, Client>()
val uses = HashMap<Client, FutureTask<Long>>()
val ends = HashMap<Client, CountDownLatch>()

fun probe(model: ByteArray, golden: ByteArray) {
    val digest = MessageDigest.getInstance("SHA-256").digest(model)
    check(golden.contentEquals("golden of ".toByteArray() + digest)) { "another answer" }
}

fun opened(how: Map<String, Any?>) = Client(
    how["repository"].text(), Json.bytes(how["trust"]), how["model"].text(),
    File(how["store"].text()), { packed, size -> NetUnpacking.unpack(packed, primer, size) },
    when (how["probe"]) {
        "ends" -> { _, _ -> Runtime.getRuntime().halt(9) }
        "has no room" -> { _, _ -> throw java.io.IOException("no space left") }
        "is cancelled" -> { _, _ -> throw java.util.concurrent.CancellationException() }
        else -> ::probe
    },
    (how["channel"] ?: "stable").text(), (how["app"] ?: "").text(), "",
    how["installation"]?.text(),
    if (how["now"] == null) System::currentTimeMillis else { -> how["now"] as Long },
)

fun updated(client: Client, how: Map<String, Any?>): Any {
    val steps = LinkedHashSet<String>()
    val waits = ArrayList<Any>()
    val ways = Ways(
        mostBytes = how["most_bytes"] as Long? ?: Long.MAX_VALUE,
        isMetered = { how["is_metered"] == true },
        timeoutSeconds = (how["timeout"] as Long? ?: 30L).toInt(),
        attempts = 4, sleep = { waits += "$it" }, draw = { 1.0 })
    val told = client.update(ways) { step, _, _ -> steps += step.name.lowercase() }
    return mapOf(
        "outcome" to told.outcome.name.lowercase(), "version" to told.version,
        "reason" to (told.reason?.words ?: ""), "cause" to told.cause, "received" to told.received,
        "states" to steps.toList(), "waits" to waits)
}

fun used(client: Client, how: Map<String, Any?>) = client.using {
    check(how["fails"] != true) { "crashed" }
    if (how["fails"] == "io") throw java.io.IOException("full")
    if (how["fails"] == "interrupted") throw InterruptedException()
    if (how["fails"] == "cancelled") throw java.util.concurrent.CancellationException()
    if (how["ends"] == true) Runtime.getRuntime().halt(9)
    val content = Base64.getEncoder().encodeToString(it.content)
    listOf(it.version, content, it.golden.size.toLong())
}

fun begin(client: Client): Any? {
    val begun = CountDownLatch(1)
    uses[client] = FutureTask {
        client.using { begun.countDown(); ends.getValue(client).await(); it.version }
    }
    ends[client] = CountDownLatch(1)
    kotlin.concurrent.thread { uses.getValue(client).run() }
    begun.await()
    return null
}

fun end(client: Client): Any? {
    ends.getValue(client).countDown()
    return uses.getValue(client).get()
}

fun canonical(how: Map<String, Any?>) =
    Json.canonical(Json.parse(Base64.getDecoder().decode(how["bytes"].text()))).decodeToString()

fun answer(how: Map<String, Any?>): Any? {
    fun client() = clients.getValue(how["id"].text())
    when (how["what"]) {
        "open" -> clients[how["id"].text()] = opened(how)
        "update" -> return updated(client(), how)
        "used" -> return used(client(), how)
        "begin" -> return begin(client())
        "end" -> return end(client())
        "canonical" -> return canonical(how)
    }
    return null
}

fun main() {
    for (line in generateSequence(::readLine)) {
        val told = try {
            mapOf("is" to answer(Json.parse(line.toByteArray()).fields()))
        } catch (error: Exception) {
            mapOf("error" to "${error::class.simpleName}: ${error.message}")
        }
        println(Json.bytes(told).decodeToString())
    }
}
"""


class Line:
    """A line of JSON to a process, and one back."""

    def __init__(self, process):
        self._process = process

    def ask(self, what, **how):
        self._process.stdin.write(json.dumps({"what": what, **how}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise EOFError(f"the process ended with {self._process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["is"]


class Java:
    """The program, compiled once; a process of it that can be started again."""

    def __init__(self, folder):
        files = kotlin.client(folder / "src")
        (folder / "Main.kt").write_text(PROGRAM)
        self.folder, self.classes = folder, folder / "out"
        kotlin.compiled([*files, folder / "Main.kt"], self.classes, checked=True)
        (folder / "primer").write_bytes(primer.stream())
        self._process = None
        self.start()

    def start(self):
        """The process, in the place of one that has ended."""
        self.close()
        self._process = kotlin.process(self.classes, cwd=self.folder)

    def ask(self, what, **how):
        return Line(self._process).ask(what, **how)

    def close(self):
        if self._process:
            self._process.communicate()


class Phone:
    """One installation, as `fetch.Client` has it; what it is told are words of `fetch.told`."""

    count = 0

    def __init__(self, java, address, repository, store, **more):
        Phone.count += 1
        self.java, self.id, self.store = java, str(Phone.count), store
        trust = json.loads(repository.trust.to_bytes())
        asked = {"repository": address, "trust": trust, "model": MODEL, "store": str(store), **more}
        self.opened = {"id": self.id, **asked}
        java.ask("open", **self.opened)

    def update(self, **more):
        return self.java.ask("update", id=self.id, **more)

    def used(self, **more):
        version, content, *_ = self.java.ask("used", id=self.id, **more)
        return version, base64.b64decode(content)

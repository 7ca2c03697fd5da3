// What _lines.py asks for; the store is the folder `store`.

import com.example.model.NetUnpacking
import com.example.model.delivery.*
import java.io.File

val primer = File("primer").readBytes()
val store = File("store")
val kept = File("kept")
var asked = emptyMap<String, Any?>()
var client: Client? = null

fun probe(model: ByteArray, golden: ByteArray) {
    check(sha256(model) == hex(golden)) { "another answer" }
}

fun open() {
    client = Client(
        asked["repository"].text(), Json.bytes(asked["trust"]), asked["model"].text(), store,
        { packed, size -> NetUnpacking.unpack(packed, primer, size) }, ::probe)
}

fun put(from: File?, to: File) {
    to.deleteRecursively()
    from?.copyRecursively(to)
}

fun updated(how: Map<String, Any?>): Any {
    val ways = Ways(attempts = how["attempts"].whole().toInt(), sleep = {})
    val told = client!!.update(ways)
    val reason = told.reason?.words ?: ""
    return mapOf("version" to told.version, "reason" to reason, "received" to told.received)
}

fun used(): Any? = try {
    client!!.using { listOf(it.version, sha256(it.content)) }
} catch (_: IllegalStateException) {
    null
}

fun answer(how: Map<String, Any?>): Any? {
    when (how["what"]) {
        "begin" -> { asked = how; put(null, store); open() }
        "keep" -> put(store, kept)
        "back" -> { put(kept, store); open() }
        "again" -> open()
        "update" -> return updated(how)
        "used" -> return used()
        else -> error("there is no ${how["what"]}")
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

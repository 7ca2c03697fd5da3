// What signed metadata say of a target, of a channel, and what an app brings. Written by tfedge; change
// nothing here.

package {{ model.package }}.delivery

import java.security.MessageDigest

private const val WHOLE_ROLLOUT = 10_000L
private const val WRAPPED_KEY = 60
private const val KEY = 32
internal val HASH = Regex("[0-9a-f]{64}")
internal val MODEL_NAME = Regex("[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
internal val CHANNEL_NAME = Regex("[a-z][a-z0-9_-]{0,31}")
internal val VERSION = Regex("([0-9]{1,9}(\\.[0-9]{1,9})*)?")

/** Names of targets, which are built here and nowhere read. */
internal class Names(val model: String) {
    fun channel(name: String) = "$model/$name.json"
    fun sealed(version: Long) = "$model/$version.sealed"
    fun delta(version: Long, base: Long) = "$model/$version.from-$base.sealed"
    fun golden(version: Long) = "$model/$version.golden.npz"
}

/** The beginning of an app: trust.json of the publisher. */
internal class Trust(val root: ByteArray, val audience: String, val key: ByteArray) {
    companion object {
        /** Throws IllegalArgumentException. */
        fun read(content: ByteArray): Trust {
            val told = Json.parse(content).fields()
            require(told["schema_version"] == 1L) { "trust: it is of version ${told["schema_version"]}" }
            val key = unbase64(told["key"].text())
            require(key.size == KEY) { "trust: a key has $KEY bytes" }
            return Trust(Json.bytes(told["root"].fields()), told["audience"].text(), key)
        }
    }
}

internal class Chunks(val bytes: Int, val sha256: List<String>)

/** The fields of a sealed model. */
internal class SealedFacts(
    val custom: Any?,
    val version: Long,
    val modelLength: Int,
    val modelSha256: String,
    val chunks: Chunks,
    val keys: Map<String, ByteArray>,
    val golden: String,
    val deltas: Map<Long, String>,
) {
    companion object {
        /** `length` is that of the sealed file, as it was signed. */
        fun read(custom: Any?, length: Long, name: String): SealedFacts = reading(name) {
            val told = told(custom)
            val model = told["model"].fields()
            SealedFacts(
                custom = custom,
                version = told["version"].whole(),
                modelLength = model["length"].whole(0, Int.MAX_VALUE.toLong()).toInt(),
                modelSha256 = hash(model["sha256"]),
                chunks = chunks(told["chunks"], length),
                keys = told["keys"].fields().mapValues { (_, each) ->
                    unbase64(each.text()).also { require(it.size == WRAPPED_KEY) { "a wrapped key" } }
                },
                golden = told["golden"].text(),
                deltas = told["deltas"].fields().entries.associate { (base, each) -> number(base) to each.text() },
            )
        }
    }
}

/** The fields of what turns version `base` into another. */
internal class DeltaFacts(val version: Long, val base: Long, val baseSha256: String, val chunks: Chunks) {
    companion object {
        fun read(custom: Any?, length: Long, name: String): DeltaFacts = reading(name) {
            val told = told(custom)
            DeltaFacts(
                told["version"].whole(),
                told["base"].whole(),
                hash(told["base_model"].fields()["sha256"]),
                chunks(told["chunks"], length),
            )
        }
    }
}

/** The versions of a model that some installations may have. */
internal class Channel(val model: String, val name: String, val entries: List<Entry>) {
    class Entry(val version: Long, val rollout: Long, val withdrawn: Boolean, val minApp: String, val minRuntime: String)

    /** The highest version that is for an installation; what it has it keeps. Null for none. */
    fun choose(installation: String, app: String, runtime: String, current: Long?, refused: Set<Long>): Long? =
        entries.filter { each ->
            !each.withdrawn && each.version !in refused &&
                isAtLeast(app, each.minApp) && isAtLeast(runtime, each.minRuntime) &&
                (each.version == current || includes(each, installation))
        }.maxOfOrNull { it.version }

    private fun includes(each: Entry, installation: String): Boolean {
        val said = "tfedge-rollout-1 $model/${each.version} $installation"
        val digest = MessageDigest.getInstance("SHA-256").digest(said.toByteArray())
        return hex(digest).take(8).toLong(16) * WHOLE_ROLLOUT < each.rollout shl 32
    }

    /** Whether a version, if known, is at least another; missing parts are 0. */
    private fun isAtLeast(version: String, least: String): Boolean {
        if (version.isEmpty() || least.isEmpty()) return true
        val (a, b) = listOf(version, least).map { each -> each.split(".").map { it.toInt() } }
        for (i in 0 until maxOf(a.size, b.size)) {
            val (ours, theirs) = Pair(a.getOrElse(i) { 0 }, b.getOrElse(i) { 0 })
            if (ours != theirs) return ours > theirs
        }
        return true
    }

    companion object {
        fun read(content: ByteArray, where: String): Channel = reading(where) {
            val told = Json.parse(content).fields()
            require(told["schema_version"] == 1L) { "it is of version ${told["schema_version"]}" }
            Channel(told["model"].text(), told["name"].text(), told["entries"].items().map { entry(it.fields()) })
        }

        private fun entry(told: Map<String, Any?>): Entry {
            val (app, runtime) = listOf("min_app", "min_runtime").map { told[it].text() }
            require(VERSION.matches(app) && VERSION.matches(runtime)) { "min_app, min_runtime" }
            val withdrawn = told["withdrawn"]
            require(withdrawn is Boolean) { "withdrawn" }
            return Entry(told["version"].whole(), told["rollout"].whole(0, WHOLE_ROLLOUT), withdrawn, app, runtime)
        }
    }
}

private fun told(custom: Any?): Map<String, Any?> {
    val told = custom.fields()["tfedge"].fields()
    require(told["schema_version"] == 1L) { "they are of version ${told["schema_version"]}" }
    return told
}

private fun chunks(told: Any?, length: Long): Chunks {
    val bytes = told.fields()["bytes"].whole(1, 1L shl 24)
    val hashes = told.fields()["sha256"].items().map { hash(it) }
    require(hashes.size.toLong() == (maxOf(1, length) + bytes - 1) / bytes) { "its chunks" }
    return Chunks(bytes.toInt(), hashes)
}

internal fun hash(value: Any?): String = value.text().also { require(HASH.matches(it)) { "a SHA-256" } }

private fun number(text: String): Long = requireNotNull(text.toLongOrNull()) { "'$text' is no version" }

private fun <T> reading(name: String, read: () -> T): T = try {
    read()
} catch (error: IllegalArgumentException) {
    throw Refused(Reason.UNREADABLE, "$name: ${error.message}")
}

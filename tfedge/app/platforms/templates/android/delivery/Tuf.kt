// The client workflow of The Update Framework 1.0 (section 5 of its specification) for repositories as
// tfedge publishes them: consistent snapshots, no delegations, ECDSA P-256, SHA-256. Written by tfedge;
// change nothing here.

package {{ model.package }}.delivery

import java.security.GeneralSecurityException
import java.security.KeyFactory
import java.security.MessageDigest
import java.security.Signature
import java.security.spec.X509EncodedKeySpec
import java.text.SimpleDateFormat
import java.util.Date
import java.util.Locale
import java.util.TimeZone

private val MOST = mapOf("root" to 512_000L, "timestamp" to 16_384L, "snapshot" to 2_000_000L, "targets" to 5_000_000L)
private const val MOST_ROOTS = 256
private val DATE = Regex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
private val SPECIFICATION = Regex("1\\.[0-9]+(\\.[0-9]+)?")
private val HEX = Regex("([0-9a-fA-F]{2})+")
private val NOT_THERE = setOf(403, 404)

/** What was seen before, by name. */
internal interface Kept {
    fun get(name: String): ByteArray?
    fun put(name: String, bytes: ByteArray)
}

/**
 * @param fetch a metadata file by name, of at most so many bytes; throws a [Refused] whose status is 404
 *     or 403 where there is none
 * @param now milliseconds, by the clock here
 */
internal class Tuf(private val fetch: (String, Long) -> ByteArray, private val kept: Kept, private val now: Long) {

    /** The newest targets by name, verified from `first` on against what was seen before. */
    fun refresh(first: ByteArray): Map<String, Any?> {
        val root = newestRoot(read(first, "root").also { it.check("root", it) })
        needFresh(root, "root")
        val timestamp = newestTimestamp(root)
        needFresh(timestamp, "timestamp")
        val snapshot = named(root, "snapshot", timestamp.meta("snapshot.json"), ::notOlder)
        needFresh(snapshot, "snapshot")
        val targets = named(root, "targets", snapshot.meta("targets.json")) { _, _ -> }
        needFresh(targets, "targets")
        return targets.signed["targets"].fields()
    }

    private fun newestRoot(first: Metadata): Metadata {
        var root = first
        repeat(MOST_ROOTS) {
            val name = "${root.version + 1}.root.json"
            val before = kept.get(name)?.let { bytes -> orNull { nextRoot(bytes, root) } }
            root = before ?: try {
                val bytes = fetch(name, MOST.getValue("root"))
                nextRoot(bytes, root).also { kept.put(name, bytes) }
            } catch (refused: Refused) {
                if (refused.status in NOT_THERE) return root
                throw refused
            }
        }
        return root
    }

    /** Signed by the root before and by itself, and one version on. */
    private fun nextRoot(bytes: ByteArray, before: Metadata): Metadata {
        val root = read(bytes, "root")
        root.check("root", before)
        if (root.version != before.version + 1) {
            throw Refused(Reason.ROLLBACK, "root: version ${root.version} comes after ${before.version}")
        }
        root.check("root", root)
        return root
    }

    private fun newestTimestamp(root: Metadata): Metadata {
        val old = keptOf("timestamp", root)
        val bytes = fetch("timestamp.json", MOST.getValue("timestamp"))
        val found = read(bytes, "timestamp")
        found.check("timestamp", root)
        if (old != null) {
            if (found.version == old.version) return old
            val (snapshot, before) = listOf(found, old).map { it.meta("snapshot.json")["version"].whole() }
            if (found.version < old.version || snapshot < before) {
                val told = "version ${found.version} (snapshot $snapshot) after ${old.version} ($before)"
                throw Refused(Reason.ROLLBACK, "timestamp: $told")
            }
        }
        kept.put("timestamp.json", bytes)
        return found
    }

    /** The snapshot or the targets that other metadata name: the kept ones or those of the server. */
    private fun named(
        root: Metadata, role: String, told: Map<String, Any?>, compare: (Metadata, Metadata) -> Unit,
    ): Metadata {
        val (old, version) = Pair(keptOf(role, root), told["version"].whole())
        if (old != null && old.version == version && isNamed(old.bytes, told)) return old
        val bytes = fetch("$version.$role.json", told["length"] as Long? ?: MOST.getValue(role))
        if (!isNamed(bytes, told)) {
            throw Refused(Reason.MIXED, "$role: another length or hash than was signed")
        }
        val found = read(bytes, role)
        found.check(role, root)
        if (old != null) compare(old, found)
        if (found.version != version) {
            throw Refused(Reason.MIXED, "$role: version ${found.version}, expected $version")
        }
        kept.put("$role.json", bytes)
        return found
    }

    private fun notOlder(before: Metadata, found: Metadata) {
        val (old, new) = Pair(before.signed["meta"].fields(), found.signed["meta"].fields())
        for ((name, told) in old) {
            val (version, least) = Pair(new[name]?.fields()?.get("version"), told.fields()["version"].whole())
            if (version == null || version.whole() < least) {
                throw Refused(Reason.MIXED, "snapshot: $name is older than version $least")
            }
        }
    }

    /** Null where it was signed by a key that was taken back since. */
    private fun keptOf(role: String, root: Metadata): Metadata? =
        kept.get("$role.json")?.let { bytes -> orNull { read(bytes, role).also { it.check(role, root) } } }

    private fun orNull(read: () -> Metadata): Metadata? = try {
        read()
    } catch (ignored: Refused) {
        null
    }

    private fun needFresh(of: Metadata, role: String) {
        if (now >= of.expires) {
            val today = dates("yyyy-MM-dd").format(Date(now))
            throw Refused(Reason.EXPIRED, "$role.json is expired; it is $today by the clock here")
        }
    }

    private fun isNamed(bytes: ByteArray, told: Map<String, Any?>): Boolean {
        val hashes = told["hashes"]?.fields()
        return told["length"].let { it == null || it == bytes.size.toLong() } &&
            (hashes == null || hashes["sha256"] == sha256(bytes))
    }
}

/** The parts of a metadata file, of the right types; nothing is verified. */
private fun read(bytes: ByteArray, role: String): Metadata = try {
    val told = Json.parse(bytes).fields()
    val signatures = told["signatures"].items().map { each -> each.fields().let { it["keyid"].text() to it["sig"].text() } }
    require(signatures.toMap().size == signatures.size) { "two signatures of one key" }
    val signed = told["signed"].fields()
    require(signed["_type"] == role) { "it is ${signed["_type"]}" }
    require(SPECIFICATION.matches(signed["spec_version"].text())) { "version of the specification" }
    val expires = signed["expires"].text()
    require(DATE.matches(expires)) { "expiry" }
    val expiry = requireNotNull(dates("yyyy-MM-dd'T'HH:mm:ss'Z'").parse(expires)).time
    checkShape(role, signed)
    Metadata(bytes, signed, Json.canonical(signed), signatures.toMap(), signed["version"].whole(), expiry)
} catch (error: IllegalArgumentException) {
    throw Refused(Reason.DAMAGED, "$role: ${error.message}")
} catch (error: java.text.ParseException) {
    throw Refused(Reason.DAMAGED, "$role: ${error.message}")
}

private fun checkShape(role: String, signed: Map<String, Any?>) {
    when (role) {
        "root" -> {
            require(signed["consistent_snapshot"] == true) { "snapshots are not consistent" }
            signed["keys"].fields().values.forEach { key ->
                key.fields()["scheme"].text()
                key.fields()["keyval"].fields()["public"].text()
            }
            val roles = signed["roles"].fields()
            for (each in MOST.keys) {
                val ids = roles[each].fields()["keyids"].items().map { it.text() }
                require(ids.toSet().size == ids.size) { "a key twice in $each" }
                roles[each].fields()["threshold"].whole()
            }
        }
        "targets" -> signed["targets"].fields().values.forEach { target ->
            target.fields()["length"].whole(least = 0)
            target.fields()["hashes"].fields()
        }
        else -> {
            val meta = signed["meta"].fields()
            meta.values.forEach { told ->
                told.fields()["version"].whole()
                if ("length" in told.fields()) told.fields()["length"].whole(least = 0)
                if ("hashes" in told.fields()) told.fields()["hashes"].fields()
            }
            val name = if (role == "timestamp") "snapshot.json" else "targets.json"
            require(name in meta) { "no $name" }
        }
    }
}

private class Metadata(
    val bytes: ByteArray,
    val signed: Map<String, Any?>,
    private val canonical: ByteArray,
    private val signatures: Map<String, String>,
    val version: Long,
    val expires: Long,
) {
    fun meta(name: String): Map<String, Any?> = signed["meta"].fields()[name].fields()

    /** Throws unless enough keys of a role have signed. */
    fun check(role: String, by: Metadata) {
        val told = by.signed["roles"].fields()[role].fields()
        val ids = told["keyids"].items()
        val keys = by.signed["keys"].fields()
        val good = HashSet<String>()
        for ((id, signature) in signatures) {
            val key = if (id in ids) keys[id]?.fields() else null
            if (key != null && isSigned(key, signature)) {
                good += key["keyval"].fields()["public"].text() // one key under two names counts once
            }
        }
        if (good.size < told["threshold"].whole()) {
            throw Refused(Reason.UNSIGNED, "$role was signed by ${good.size}/${told["threshold"]} keys")
        }
    }

    private fun isSigned(key: Map<String, Any?>, signature: String): Boolean {
        if (key["scheme"] != "ecdsa-sha2-nistp256" || !HEX.matches(signature)) return false
        return try {
            val pem = key["keyval"].fields()["public"].text()
            val der = unbase64(pem.replace(Regex("-----[^-]+-----|\\s"), ""))
            val public = KeyFactory.getInstance("EC").generatePublic(X509EncodedKeySpec(der))
            val verifier = Signature.getInstance("SHA256withECDSA")
            verifier.initVerify(public)
            verifier.update(canonical)
            verifier.verify(signature.chunked(2).map { it.toInt(16).toByte() }.toByteArray())
        } catch (ignored: GeneralSecurityException) {
            false
        } catch (ignored: RuntimeException) { // providers throw others for a key or signature that is none
            false
        }
    }
}

private fun dates(pattern: String) = SimpleDateFormat(pattern, Locale.ROOT).apply {
    timeZone = TimeZone.getTimeZone("UTC")
    isLenient = false
}

/** SHA-256 in hexadecimal. */
internal fun sha256(bytes: ByteArray): String = hex(MessageDigest.getInstance("SHA-256").digest(bytes))

/** Two digits each. */
internal fun hex(bytes: ByteArray): String = bytes.joinToString("") { "%02x".format(Locale.ROOT, it) }

/** java.util's is not there before Android 8. Throws IllegalArgumentException. */
internal fun unbase64(text: String): ByteArray {
    require(text.length % 4 == 0) { "no base64" }
    val body = text.trimEnd('=')
    require(text.length - body.length <= 2) { "no base64" }
    var held = 0
    var bits = 0
    val found = java.io.ByteArrayOutputStream(3 * body.length / 4)
    for (char in body) {
        val value = BASE64.indexOf(char)
        require(value >= 0) { "no base64" }
        held = (held shl 6 or value) and 0xffff
        bits += 6
        if (bits >= 8) {
            bits -= 8
            found.write(held shr bits)
        }
    }
    return found.toByteArray()
}

private const val BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// The folder on an installation: versions that were tried and found good, and which one is used. Written
// by tfedge; change nothing here.
//
//     made_by_tfedge.txt          the mark: nothing is deleted in a folder without it
//     installation                an identifier drawn once, for staged roll-outs
//     metadata/                   of The Update Framework
//     parts/SHA256                downloads that are not finished
//     versions/3/                 one version: version.json, sealed and golden
//     versions/3.new/             one that is being made; nobody reads it
//     state.json                  which version is used, and which before it
//
// Every file is written aside, down to the disk, and renamed, and so is every folder: what is at its name
// is whole. state.json is written last, so a process that is killed anywhere leaves the old state or the
// new one. A power failure may take back a rename (no API before Android 8 brings a folder to the disk):
// then a version that is not there is fetched again, and the one before is used meanwhile.

package {{ model.package }}.delivery

import java.io.File
import java.io.FileNotFoundException
import java.io.FileOutputStream
import java.io.IOException
import java.security.SecureRandom

private const val MARK = "made_by_tfedge.txt"
private const val WORDS = "Models that tfedge fetched.\n"
private val NUMBER = Regex("[1-9][0-9]{0,17}(\\.new)?")
private val PART = Regex("[0-9a-f]{64}")
private val ID = Regex("[0-9a-f]{32}")

/** A version is not there, or damaged. */
internal class Damaged(cause: String) : Exception(cause)

/** One version: its signed facts, which target came, and from which version that is a difference. */
internal class Record(
    val facts: SealedFacts, val length: Long, val name: String, val base: Long?, val golden: String,
) {
    fun bytes(): ByteArray = Json.bytes(mapOf(
        "schema_version" to 1L, "custom" to facts.custom, "length" to length, "name" to name, "base" to base,
        "golden" to golden,
    ))

    companion object {
        fun read(bytes: ByteArray): Record {
            val told = Json.parse(bytes).fields()
            require(told["schema_version"] == 1L) { "of version ${told["schema_version"]}" }
            val length = told["length"].whole()
            val facts = SealedFacts.read(told["custom"], length, "version.json")
            // A chain of differences has an end.
            val base = told["base"]?.whole(1, facts.version - 1)
            return Record(facts, length, told["name"].text(), base, hash(told["golden"]))
        }
    }
}

internal class Store(folder: File, model: String, private val unpack: (ByteArray, Int) -> ByteArray) {
    val folder: File = folder.canonicalFile
    val firstUse get() = File(folder, "first_use.lock")

    /** There while the first use of a version runs, and where its process ended meanwhile. */
    val begun get() = File(folder, "first_use.begun")
    private val names = Names(model)
    private val versions = File(this.folder, "versions")
    private val parts = File(this.folder, "parts")

    /** The folder of The Update Framework. */
    val metadata = object : Kept {
        private val place = File(this@Store.folder, "metadata")
        override fun get(name: String): ByteArray? = readOrNull(File(place, name))
        override fun put(name: String, bytes: ByteArray) = write(File(place, name), bytes)
    }

    init {
        claim()
        listOf(versions, parts, File(this.folder, "metadata")).forEach { made(it) }
    }

    /** While it runs, others wait that want to update too. */
    fun <T> updating(work: () -> T): T = Lock.held(File(folder, "update.lock"), work)

    /** The identifier that was drawn when it was first asked for; anew where it is damaged. */
    fun installation(): String = Lock.held(File(folder, "state.lock")) {
        val file = File(folder, "installation")
        val found = readOrNull(file)?.decodeToString()
        if (found != null && ID.matches(found)) found
        else hex(ByteArray(16).also { SecureRandom().nextBytes(it) }).also { write(file, it.toByteArray()) }
    }

    /** What is used; nothing where nothing is, or where the file is damaged. */
    fun state(): State = try {
        readOrNull(File(folder, "state.json"))?.let { State.read(it) } ?: State()
    } catch (ignored: IllegalArgumentException) {
        State()
    }

    /** Another state; those who do so at once come one after another. */
    fun change(change: (State) -> State): State = Lock.held(File(folder, "state.lock")) {
        val before = state()
        change(before).also { if (it != before) write(File(folder, "state.json"), it.bytes()) }
    }

    /** Where a file is downloaded to. */
    fun part(sha256: String) = File(parts, sha256)

    fun free(): Long = folder.usableSpace

    fun has(version: Long) = File(place(version), "version.json").isFile

    fun record(version: Long): Record = try {
        Record.read(read(File(place(version), "version.json")))
    } catch (error: IllegalArgumentException) {
        throw Damaged("version $version: ${error.message}")
    } catch (refused: Refused) {
        throw Damaged("version $version: ${refused.detail}")
    }

    /** The version is there from here on; downloaded files are moved. */
    fun settle(record: Record, sealed: File, golden: File) {
        val version = record.facts.version
        val (target, staged) = Pair(place(version), File(versions, "$version.new"))
        listOf(staged, target).forEach { it.deleteRecursively() }
        made(staged)
        write(File(staged, "version.json"), record.bytes())
        renamed(sealed, File(staged, "sealed"))
        renamed(golden, File(staged, "golden"))
        renamed(staged, target)
    }

    /** The .tflite of a version, in memory, compared with what was signed. */
    fun content(version: Long, trust: Trust): ByteArray =
        opened(record(version), read(File(place(version), "sealed")), trust)

    /** Likewise, of a file that is not settled yet. */
    fun opened(record: Record, sealed: ByteArray, trust: Trust): ByteArray {
        val facts = record.facts
        val content = try {
            val packed = Sealed.open(sealed, key(facts, trust), record.name)
            if (record.base == null) unpack(packed, facts.modelLength)
            else Sealed.applied(packed, content(record.base, trust), unpack, facts.modelLength)
        } catch (error: Unopened) {
            throw Damaged("${record.name}: ${error.message}")
        } catch (error: RuntimeException) { // of a packed file that makes no sense
            throw Damaged("${record.name}: ${error.message}")
        }
        if (content.size != facts.modelLength || sha256(content) != facts.modelSha256) {
            throw Damaged("${record.name} is not the model that was signed")
        }
        return content
    }

    /** golden.npz of a version. */
    fun golden(version: Long): ByteArray {
        val found = read(File(place(version), "golden"))
        if (sha256(found) != record(version).golden) throw Damaged("the examples of version $version")
        return found
    }

    /** The versions that it is a difference from, the nearest first. */
    fun bases(version: Long): List<Long> {
        val found = mutableListOf<Long>()
        try {
            var base = record(version).base
            while (base != null) {
                found += base
                base = record(base).base
            }
        } catch (ignored: Damaged) {
            return found
        }
        return found
    }

    fun drop(version: Long) {
        place(version).deleteRecursively()
    }

    /** Removes versions that nothing needs any more, and what killed processes left. */
    fun sweep() {
        val state = state()
        val kept = listOfNotNull(state.current, state.previous).flatMap { listOf(it) + bases(it) }.map { "$it" }
        versions.listFiles()?.filter { NUMBER.matches(it.name) && it.name !in kept }?.forEach { it.deleteRecursively() }
        parts.listFiles()?.filter { PART.matches(it.name) }?.forEach { it.delete() }
    }

    /** Throws a Refused for what is not for this key. */
    fun needKey(facts: SealedFacts, trust: Trust) {
        key(facts, trust)
    }

    private fun key(facts: SealedFacts, trust: Trust): ByteArray {
        val name = names.sealed(facts.version)
        val wrapped = facts.keys[trust.audience]
            ?: throw Refused(Reason.UNREADABLE, "$name is not for '${trust.audience}', but for ${facts.keys.keys}")
        try {
            return Sealed.unwrap(wrapped, trust.key, name)
        } catch (error: Unopened) { // another app's key is no damage
            throw Refused(Reason.UNREADABLE, "$name: ${error.message}")
        }
    }

    private fun place(version: Long) = File(versions, "$version")

    /** Marks the folder where it is new; someone else's is left alone. */
    private fun claim() {
        made(folder)
        val mark = File(folder, MARK)
        val found = mark.takeIf { it.isFile }?.readText()
        if (found == WORDS) return
        val others = folder.list().orEmpty().filter { it != MARK }
        val isOurs = others.isEmpty() && (found == null || WORDS.startsWith(found)) // killed while it was marked
        require(isOurs) { "$folder is not one of ours (it holds ${others.take(3)})" }
        mark.writeText(WORDS)
    }

    private fun made(place: File) {
        if (!place.isDirectory && !place.mkdirs() && !place.isDirectory) throw IOException("$place cannot be made")
    }

    private fun read(file: File): ByteArray = readOrNull(file) ?: throw Damaged("${file.name} is not there")

    private fun readOrNull(file: File): ByteArray? = try {
        file.readBytes()
    } catch (error: FileNotFoundException) {
        if (file.exists()) throw error // the disk refused, which is no damage
        null
    }

    private fun write(file: File, bytes: ByteArray) {
        val aside = File(file.path + ".aside")
        FileOutputStream(aside).use { opened ->
            opened.write(bytes)
            opened.fd.sync()
        }
        renamed(aside, file)
    }

    private fun renamed(from: File, to: File) {
        if (!from.renameTo(to)) throw IOException("$to cannot be written")
    }
}

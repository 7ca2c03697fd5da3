// One signed file from the network to the disk, however often it is interrupted: resumed, compared chunk
// by chunk. Written by tfedge; change nothing here.

package {{ model.package }}.delivery

import java.io.Closeable
import java.io.File
import java.io.RandomAccessFile
import java.security.MessageDigest

private const val MOST_MISREAD = 2

/** A file as it was signed: SHA-256 of all of it and of each chunk, in hexadecimal. */
internal class Wanted(
    val name: String, val url: String, val length: Long, val sha256: String, val chunks: Chunks,
)

internal class Download(private val wanted: Wanted, private val network: Network, private val progress: (Long, Long) -> Unit) {
    private var etag = ""
    private var misread = 0

    /** What is missing; then all of it is at `path`, compared and on the disk. What came stays. */
    fun to(path: File) {
        Part(path, wanted).use { part ->
            network.needUnmetered(wanted.name)
            var furthest = part.size
            network.untilDone {
                val before = furthest
                try {
                    while (part.size < wanted.length) ask(part)
                } catch (error: Interrupted) {
                    if (error.misread) misread++
                    furthest = maxOf(before, part.size)
                    error.moved = furthest > before
                    throw error
                }
            }
            part.flush()
        }
    }

    private fun ask(part: Part) {
        // Who cannot tell parts sends all of it, of which what is there is left out.
        val start = if (misread < MOST_MISREAD) part.size else 0
        val before = etag
        etag = "" // not said again where it was the reason that nothing came
        network.ask(wanted.url, start, before).use { answer ->
            // Another file, says the server: the signed hashes decide on that, so what is missing is
            // asked for once more without a condition.
            val isAnother = start > 0 && before.isNotEmpty() && answer.start == 0L
            if (isAnother) return
            etag = answer.etag
            take(answer, part)
        }
    }

    private fun take(answer: Answer, part: Part) {
        if (answer.length != null && answer.length != wanted.length) {
            part.dropUnchecked()
            val told = "${answer.length} bytes at the server, and ${wanted.length} were signed"
            throw Interrupted("${wanted.name} has $told", Reason.ARBITRARY)
        }
        var known = part.size - answer.start // again, of a server that always sends all of it
        network.pieces(answer, wanted.length - answer.start, wanted.chunks.bytes) { bytes, size ->
            val skipped = minOf(known, size.toLong()).toInt()
            known -= skipped
            part.append(bytes, skipped, size)
            progress(part.size, wanted.length)
            network.needUnmetered(wanted.name)
        }
        if (part.size < wanted.length) {
            throw Interrupted("${wanted.name} ended at byte ${part.size} of ${wanted.length}")
        }
    }
}

/**
 * The beginning of a file. It is never longer than what has come, so that a file of the right size is no
 * half of one, and nothing in it is believed when it is opened again.
 */
internal class Part(path: File, private val wanted: Wanted) : Closeable {
    private val file = RandomAccessFile(path, "rw")
    private val digest = MessageDigest.getInstance("SHA-256")
    private var checked = 0L

    /** Of what is there; all before the chunk that it ends in was compared. */
    var size = 0L
        private set

    private val number get() = (checked / wanted.chunks.bytes).toInt()
    private val end get() = minOf(wanted.length, checked + wanted.chunks.bytes)

    init {
        compareAgain()
    }

    /** More of it. */
    fun append(bytes: ByteArray, begin: Int, until: Int) {
        var at = begin
        while (at < until) {
            val taken = minOf((until - at).toLong(), end - size).toInt()
            file.write(bytes, at, taken)
            count(bytes, at, taken)
            at += taken
            if (size == end && !isGood()) {
                val cause = "chunk $number of ${wanted.name} is not what was signed"
                dropUnchecked()
                throw Interrupted(cause, Reason.ARBITRARY)
            }
        }
    }

    /** Takes back what is behind the last whole chunk. */
    fun dropUnchecked() {
        file.setLength(checked)
        file.seek(checked)
        size = checked
        digest.reset()
    }

    /** All of it down to the disk. */
    fun flush() = file.fd.sync()

    override fun close() = file.close()

    private fun count(bytes: ByteArray, begin: Int, length: Int) {
        digest.update(bytes, begin, length)
        size += length
    }

    /** Whether the chunk that ends here is the signed one; if so, the next begins. */
    private fun isGood(): Boolean {
        if (hex(digest.digest()) != wanted.chunks.sha256[number]) return false
        checked = size
        return true
    }

    private fun compareAgain() {
        val bytes = ByteArray(1 shl 16)
        while (size < wanted.length) {
            val read = file.read(bytes, 0, minOf(bytes.size.toLong(), end - size).toInt())
            if (read < 0) return // the next bytes go behind it, and tell whether it was good
            count(bytes, 0, read)
            if (size == end && !isGood()) break
        }
        dropUnchecked()
    }
}

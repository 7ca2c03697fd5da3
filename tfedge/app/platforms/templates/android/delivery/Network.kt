// HTTP, as much of it as a download needs: one GET from an offset on, nothing believed, tried again.
// Written by tfedge; change nothing here.

package {{ model.package }}.delivery

import java.io.ByteArrayOutputStream
import java.io.Closeable
import java.io.IOException
import java.io.InputStream
import java.net.HttpURLConnection
import java.net.URL
import java.security.cert.CertificateException
import java.util.Timer
import javax.net.ssl.SSLPeerUnverifiedException
import kotlin.concurrent.schedule
import kotlin.random.Random

private const val PIECE = 1 shl 16
private const val SLOW_SECONDS = 60.0
private const val SLOW_BYTES = 4096 // fewer in so long is no download
private const val MOST_REDIRECTIONS = 10
private val REDIRECTIONS = setOf(301, 302, 303, 307, 308)
private val TRY_AGAIN = setOf(408, 425, 429, 500, 502, 503, 504)
private val ETAG = Regex("\"[!#-~]{0,200}\"") // strong, and may be said back to any server
private val SIZE = Regex("[0-9]{1,15}")
private val RANGE = Regex("bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15}|\\*)")

/**
 * A way to the network.
 *
 * @param mostBytes that may come in all
 * @param isMetered whether nothing large may be fetched now; asked again with every piece
 * @param attempts in a row of which none came further
 * @param firstSeconds the longest first wait; each next one may be twice as long
 * @param longestSeconds of any wait, also of one that a server asks for
 * @param timeoutSeconds without a byte, and until all headers are there
 * @param draw evenly in [0, 1)
 */
class Ways(
    val mostBytes: Long = Long.MAX_VALUE,
    val isMetered: () -> Boolean = { false },
    val attempts: Int = 6,
    val firstSeconds: Double = 0.5,
    val longestSeconds: Double = 60.0,
    val timeoutSeconds: Int = 30,
    val sleep: (Double) -> Unit = { Thread.sleep((1000 * it).toLong()) },
    val draw: () -> Double = Random::nextDouble,
)

/**
 * What may go well when it is tried again; `misread`, whether the server seems to know no parts, and
 * `moved`, whether it had come further than before.
 */
internal class Interrupted(
    cause: String,
    val reason: Reason = Reason.OFFLINE,
    val waitSeconds: Double = 0.0,
    val misread: Boolean = false,
) : Exception(cause) {
    var moved = false
}

/** The beginning of an answer; `length` is of the whole file as the server says. */
internal class Answer(
    val start: Long, val etag: String, val length: Long?, val body: InputStream, private val connection: HttpURLConnection,
) : Closeable {
    override fun close() = connection.disconnect()
}

internal class Network(private val ways: Ways) {
    var received = 0L
        private set

    /** A small file of JSON, in one go. */
    fun whole(url: String, most: Long): ByteArray = untilDone {
        ask(url, 0, "").use { answer ->
            val found = ByteArrayOutputStream()
            pieces(answer, most + 1) { bytes, size -> found.write(bytes, 0, size) }
            if (found.size() > most) {
                throw Refused(Reason.ENDLESS, "$url is endless: more than the $most bytes it may have")
            }
            if (answer.length != null && answer.length != found.size().toLong()) {
                throw Interrupted("$url ended at byte ${found.size()} of ${answer.length}")
            }
            // A connection that breaks within the headers looks like an answer of no told length.
            if (answer.length == null && !isJson(found.toByteArray())) {
                throw Interrupted("$url ended at byte ${found.size()}, its length untold")
            }
            found.toByteArray()
        }
    }

    /** What `work` returns, which is called again after each [Interrupted]. */
    fun <T> untilDone(work: () -> T): T {
        var failures = 0
        while (true) {
            try {
                return work()
            } catch (error: Interrupted) {
                failures = if (error.moved) 1 else failures + 1
                if (failures >= ways.attempts) {
                    throw Refused(error.reason, "${error.message}, $failures times in a row")
                }
                wait(failures, error.waitSeconds)
            }
        }
    }

    private fun wait(failures: Int, asked: Double) {
        val longest = minOf(ways.longestSeconds, ways.firstSeconds * (1L shl minOf(failures - 1, 30)))
        try {
            ways.sleep(minOf(ways.longestSeconds, maxOf(asked, longest * ways.draw())))
        } catch (ignored: InterruptedException) {
            Thread.currentThread().interrupt()
            throw Refused(Reason.POSTPONED, "the thread was interrupted")
        }
    }

    /** A file from an offset on; `etag` is what it was when the first part of it came, if known. */
    fun ask(url: String, start: Long, etag: String): Answer {
        var connection: HttpURLConnection? = null
        try {
            connection = opened(url, start, etag)
            return checked(url, start, connection).also { connection = null }
        } catch (error: IOException) {
            val causes = generateSequence<Throwable>(error) { it.cause }.take(9)
            if (causes.any { it is CertificateException || it is SSLPeerUnverifiedException }) {
                throw Refused(Reason.OFFLINE, "$url has no valid certificate (${error.message})")
            }
            throw Interrupted("$url cannot be reached (${error.message})")
        } catch (error: RuntimeException) { // of headers that are none
            throw Interrupted("$url cannot be reached ($error)")
        } finally {
            connection?.disconnect()
        }
    }

    /** What comes, up to `most`, counted; `atOnce` is the most of one piece. */
    fun pieces(answer: Answer, most: Long, atOnce: Int = PIECE, each: (ByteArray, Int) -> Unit) {
        val piece = ByteArray(minOf(PIECE, atOnce))
        var (left, since, began) = Triple(most, 0L, System.nanoTime())
        while (left > 0) {
            if (Thread.currentThread().isInterrupted) throw Refused(Reason.POSTPONED, "the thread was interrupted")
            val budget = ways.mostBytes - received
            if (budget <= 0) throw Refused(Reason.POSTPONED, "the budget of ${ways.mostBytes} bytes is used up")
            val size = try {
                answer.body.read(piece, 0, minOf(piece.size.toLong(), left, budget).toInt())
            } catch (error: IOException) {
                throw Interrupted("the connection broke (${error.message})")
            }
            if (size < 0) return
            received += size
            left -= size
            since += size
            each(piece, size)
            if (System.nanoTime() - began > SLOW_SECONDS * 1e9) {
                if (since < SLOW_BYTES) throw Interrupted("$since bytes came in $SLOW_SECONDS s")
                since = 0
                began = System.nanoTime()
            }
        }
    }

    fun needUnmetered(name: String) {
        if (ways.isMetered()) {
            throw Refused(Reason.POSTPONED, "$name waits for a connection that is not metered")
        }
    }

    /** Redirections are followed here: HttpURLConnection does not go from http to https. */
    private fun opened(url: String, start: Long, etag: String): HttpURLConnection {
        var at = URL(url)
        repeat(MOST_REDIRECTIONS) {
            val connection = at.openConnection() as? HttpURLConnection ?: throw IOException("$at is not of http(s)")
            connection.instanceFollowRedirects = false
            connection.useCaches = false
            connection.connectTimeout = 1000 * ways.timeoutSeconds
            connection.readTimeout = 1000 * ways.timeoutSeconds
            // Android unpacks gzip by itself unless a header says what is taken.
            connection.setRequestProperty("Accept-Encoding", "identity")
            connection.setRequestProperty("User-Agent", "tfedge")
            if (start > 0) connection.setRequestProperty("Range", "bytes=$start-")
            if (start > 0 && etag.isNotEmpty()) connection.setRequestProperty("If-Range", etag)
            if (statusInTime(connection) !in REDIRECTIONS) return connection
            at = URL(at, connection.getHeaderField("Location") ?: throw IOException("a redirection to nowhere"))
            connection.disconnect()
        }
        throw IOException("too many redirections")
    }

    /** However slowly headers drip: each byte begins the time of a read anew, and so does a "100 Continue". */
    private fun statusInTime(connection: HttpURLConnection): Int {
        val late = Timer(true)
        late.schedule(1000L * ways.timeoutSeconds) { connection.disconnect() }
        try {
            return connection.responseCode
        } finally {
            late.cancel()
        }
    }

    /** Throws for an answer to another question. */
    private fun checked(url: String, start: Long, connection: HttpURLConnection): Answer {
        fun header(name: String) = connection.getHeaderField(name) ?: ""
        val status = connection.responseCode
        if (status in TRY_AGAIN || (status == 416 && start > 0)) {
            val asked = number(header("Retry-After"))?.toDouble() ?: 0.0
            throw Interrupted("$url answered with $status", waitSeconds = asked, misread = status == 416)
        }
        if (status >= 400) throw Refused(Reason.OFFLINE, "$url answered with $status", status)
        val packed = header("Content-Encoding")
        if (packed !in setOf("", "identity")) {
            val cause = "$url came packed by '${packed.take(40)}', which was not asked for"
            throw Interrupted(cause, misread = start > 0)
        }
        val etag = header("ETag").let { if (ETAG.matches(it)) it else "" }
        if (status == 200) return Answer(0, etag, number(header("Content-Length")), connection.inputStream, connection)
        if (status != 206 || start == 0L) {
            throw Interrupted("$url answered with $status to a request for all of it")
        }
        val range = RANGE.matchEntire(header("Content-Range"))
        if (range == null || range.groupValues[1].toLong() != start) {
            val told = header("Content-Range").take(60)
            throw Interrupted("$url from byte $start on was asked for, and '$told' came", misread = true)
        }
        return Answer(start, etag, number(range.groupValues[3]), connection.inputStream, connection)
    }

    private fun isJson(bytes: ByteArray): Boolean = try {
        Json.parse(bytes)
        true
    } catch (_: IllegalArgumentException) {
        false
    }

    private fun number(text: String): Long? = if (SIZE.matches(text)) text.toLong() else null
}

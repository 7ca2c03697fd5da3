// Opens what was sealed (TFS1), unwraps its key, and applies a difference (TFD1): AES-256-GCM and
// HKDF-SHA256 by javax.crypto. Written by tfedge; change nothing here.

package {{ model.package }}.delivery

import java.nio.ByteBuffer
import java.security.GeneralSecurityException
import javax.crypto.Cipher
import javax.crypto.Mac
import javax.crypto.spec.GCMParameterSpec
import javax.crypto.spec.SecretKeySpec

private const val HEADER = 40
private const val TAG = 16
private const val NONCE = 12
private const val SALT = 32
private const val LEAST_CHUNK = 1 shl 12
private const val MOST_CHUNK = 1 shl 24
private const val MOST_RANGES = 1 shl 15

/** It cannot be opened: damaged, or of another key. */
internal class Unopened(cause: String) : Exception("it cannot be opened: $cause")

internal object Sealed {
    /** The content key of the model at target `name`, by the key of an audience. */
    fun unwrap(wrapped: ByteArray, audienceKey: ByteArray, name: String): ByteArray {
        need(wrapped.size > NONCE) { "no wrapped key" }
        val cipher = opening(SecretKeySpec(audienceKey, "AES"), wrapped.copyOf(NONCE))
        cipher.updateAAD("tfedge-key-1 $name".toByteArray())
        return decrypted("this key does not open it") { cipher.doFinal(wrapped, NONCE, wrapped.size - NONCE) }
    }

    /** What was sealed under this name: throws for any other byte, order, length, key or name. */
    fun open(sealed: ByteArray, contentKey: ByteArray, name: String): ByteArray {
        need(sealed.size >= HEADER + TAG && sealed.copyOf(4).decodeToString() == "TFS1") { "no sealed file" }
        val chunk = ByteBuffer.wrap(sealed).getInt(4)
        need(chunk in LEAST_CHUNK..MOST_CHUNK && chunk and chunk - 1 == 0) { "chunks of $chunk bytes" }
        val key = fileKey(sealed.copyOf(HEADER), contentKey, name)
        val count = (sealed.size + chunk - 1) / chunk
        val found = ByteArray(sealed.size - HEADER - TAG * count)
        var written = 0
        for (i in 0 until count) {
            val begin = if (i == 0) HEADER else i * chunk
            val end = minOf(sealed.size, (i + 1) * chunk)
            need(end - begin >= TAG) { "it is truncated" }
            val nonce = ByteBuffer.allocate(NONCE).putInt(7, i).put(11, if (i == count - 1) 1 else 0).array()
            written += decrypted("chunk $i is damaged, at the wrong place, or sealed by another key") {
                opening(key, nonce).doFinal(sealed, begin, end - begin, found, written)
            }
        }
        return found
    }

    /** HKDF (RFC 5869), whose one block of output is as long as a key. */
    private fun fileKey(header: ByteArray, contentKey: ByteArray, name: String): SecretKeySpec {
        val drawn = mac(header.copyOfRange(HEADER - SALT, HEADER), contentKey)
        return SecretKeySpec(mac(drawn, header + name.toByteArray() + byteArrayOf(1)), "AES")
    }

    private fun mac(key: ByteArray, of: ByteArray): ByteArray =
        Mac.getInstance("HmacSHA256").apply { init(SecretKeySpec(key, "HmacSHA256")) }.doFinal(of)

    private fun opening(key: SecretKeySpec, nonce: ByteArray): Cipher =
        Cipher.getInstance("AES/GCM/NoPadding").apply { init(Cipher.DECRYPT_MODE, key, GCMParameterSpec(8 * TAG, nonce)) }

    private fun <T> decrypted(cause: String, work: () -> T): T = try {
        work()
    } catch (ignored: GeneralSecurityException) {
        throw Unopened(cause)
    }

    /**
     * The file that a difference makes of an earlier one.
     *
     * @param base the earlier file
     * @param unpack restores a packed file of so many bytes
     * @param size of the new file
     */
    fun applied(difference: ByteArray, base: ByteArray, unpack: (ByteArray, Int) -> ByteArray, size: Int): ByteArray {
        need(difference.size > 36 && difference.copyOf(4).decodeToString() == "TFD1") { "no difference" }
        need(hex(difference.copyOfRange(4, 36)) == sha256(base)) { "a difference from another file" }
        val reader = Varints(difference, 36)
        val count = reader.next()
        need(count <= MOST_RANGES) { "too many ranges" }
        val ranges = List(count.toInt()) { Triple(reader.next(), reader.next(), reader.next()) }
        val found = unpack(difference.copyOfRange(reader.at, difference.size), size)
        var end = 0L
        for ((gap, length, from) in ranges) {
            val start = end + gap
            end = start + length
            need(end <= found.size && from + length <= base.size) { "a range leaves its file" }
            for (i in 0 until length.toInt()) {
                val at = start.toInt() + i
                found[at] = (found[at] + base[from.toInt() + i]).toByte()
            }
        }
        return found
    }

    private class Varints(private val bytes: ByteArray, var at: Int) {
        fun next(): Long {
            var value = 0L
            for (place in 0 until 5) {
                need(at < bytes.size) { "it ends early" }
                val byte = bytes[at++].toLong()
                value = value or (byte and 127 shl 7 * place)
                if (byte >= 0) return value
            }
            throw Unopened("a length in it is too long")
        }
    }

    private inline fun need(holds: Boolean, cause: () -> String) {
        if (!holds) throw Unopened(cause())
    }
}

// JSON, read strictly, and written as it is signed. Written by tfedge; change nothing here.
//
// Android's org.json takes what is none ({a=1}, names that come twice, half a surrogate), and what is
// signed has to be read by all clients alike.

package {{ model.package }}.delivery

import java.nio.ByteBuffer
import java.nio.charset.CharacterCodingException

private const val DEEPEST = 64
private val NUMBER = Regex("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?")
private val FOUR_DIGITS = Regex("[0-9a-fA-F]{4}")
private val ESCAPED = mapOf(
    '"' to '"', '\\' to '\\', '/' to '/', 'b' to '\b', 'f' to '\u000c', 'n' to '\n', 'r' to '\r', 't' to '\t')

/** Values are null, Boolean, Long, Double, String, List and Map. */
internal object Json {
    /** Throws IllegalArgumentException for what is no JSON. */
    fun parse(bytes: ByteArray): Any? {
        val text = try {
            Charsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString()
        } catch (cause: CharacterCodingException) {
            throw IllegalArgumentException("it is no UTF-8", cause)
        }
        return Parser(text).whole()
    }

    /** Canonical JSON (OLPC): names in order, no white space, only quotes and backslashes escaped. */
    fun canonical(value: Any?): ByteArray =
        StringBuilder().also { write(value, it) { text -> quoted(text) } }.toString().toByteArray()

    /** JSON that [parse] reads. */
    fun bytes(value: Any?): ByteArray =
        StringBuilder().also { made ->
            write(value, made) { text -> quoted(text).map { if (it < ' ') "\\u%04x".format(it.code) else it }.joinToString("") }
        }.toString().toByteArray()

    private fun write(value: Any?, to: StringBuilder, text: (String) -> String) {
        when (value) {
            null, is Boolean, is Long -> to.append(value)
            is String -> to.append(text(value))
            is List<*> -> {
                to.append('[')
                value.forEachIndexed { i, each ->
                    if (i > 0) to.append(',')
                    write(each, to, text)
                }
                to.append(']')
            }
            is Map<*, *> -> {
                to.append('{')
                value.keys.map { it as String }.sortedWith(::byCodePoints).forEachIndexed { i, name ->
                    to.append(if (i > 0) "," else "").append(text(name)).append(':')
                    write(value[name], to, text)
                }
                to.append('}')
            }
            else -> throw IllegalArgumentException("no canonical form: $value")
        }
    }

    private fun quoted(text: String) = "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"") + "\""

    private fun byCodePoints(first: String, second: String): Int {
        var at = 0
        while (at < first.length && at < second.length) {
            val (a, b) = Pair(first.codePointAt(at), second.codePointAt(at))
            if (a != b) return a.compareTo(b)
            at += Character.charCount(a)
        }
        return first.length.compareTo(second.length)
    }

    private class Parser(private val text: String) {
        private var at = 0
        private var depth = 0

        fun whole(): Any? {
            val found = value()
            space()
            need(at == text.length) { "more follows its end" }
            return found
        }

        private fun value(): Any? {
            space()
            need(at < text.length) { "it ends early" }
            return when (text[at]) {
                '{' -> nested { fields() }
                '[' -> nested { items() }
                '"' -> string()
                't' -> word("true", true)
                'f' -> word("false", false)
                'n' -> word("null", null)
                else -> number()
            }
        }

        private fun fields(): Map<String, Any?> {
            val found = LinkedHashMap<String, Any?>()
            listed('}') {
                space()
                need(at < text.length && text[at] == '"') { "a name was expected" }
                val name = string()
                need(name !in found) { "'$name' comes twice" }
                space()
                take(':')
                found[name] = value()
            }
            return found
        }

        private fun items(): List<Any?> = mutableListOf<Any?>().also { found -> listed(']') { found += value() } }

        private fun listed(end: Char, one: () -> Unit) {
            at++
            space()
            if (at < text.length && text[at] == end) {
                at++
                return
            }
            while (true) {
                one()
                space()
                if (at < text.length && text[at] == end) {
                    at++
                    return
                }
                take(',')
            }
        }

        private fun string(): String {
            val found = StringBuilder()
            at++
            while (true) {
                need(at < text.length && text[at] >= ' ') { "a text does not end" }
                when (val char = text[at++]) {
                    '"' -> return found.toString().also { need(!hasHalves(it)) { "half a surrogate" } }
                    '\\' -> found.append(escaped())
                    else -> found.append(char)
                }
            }
        }

        private fun escaped(): Char {
            need(at < text.length) { "a text does not end" }
            val char = text[at++]
            if (char != 'u') return requireNotNull(ESCAPED[char]) { "no such escape: \\$char" }
            val digits = text.substring(at, minOf(at + 4, text.length))
            need(FOUR_DIGITS.matches(digits)) { "no such escape: \\u$digits" }
            at += 4
            return digits.toInt(16).toChar()
        }

        private fun hasHalves(found: String): Boolean {
            var i = 0
            while (i < found.length) {
                val point = found.codePointAt(i)
                if (point in 0xd800..0xdfff) return true
                i += Character.charCount(point)
            }
            return false
        }

        private fun number(): Any {
            var end = at
            while (end < text.length && (text[end] in '0'..'9' || text[end] in "+-.eE")) end++
            val digits = text.substring(at, end)
            val match = requireNotNull(NUMBER.matchEntire(digits)) { "what stands at $at is no value" }
            at = end
            if (match.groupValues[2].isEmpty() && match.groupValues[3].isEmpty()) {
                return requireNotNull(digits.toLongOrNull()) { "$digits is too large" }
            }
            return digits.toDouble()
        }

        private fun <T> word(word: String, value: T): T {
            need(text.startsWith(word, at)) { "what stands at $at is no value" }
            at += word.length
            return value
        }

        private fun <T> nested(read: () -> T): T {
            need(++depth <= DEEPEST) { "it is too deep" }
            return read().also { depth-- }
        }

        private fun take(char: Char) {
            need(at < text.length && text[at] == char) { "'$char' was expected at $at" }
            at++
        }

        private fun space() {
            while (at < text.length && text[at] in " \t\r\n") at++
        }
    }
}

/** What was read, of the type that it has to be; these throw IllegalArgumentException. */
internal fun Any?.fields(): Map<String, Any?> {
    require(this is Map<*, *>) { "fields were expected" }
    @Suppress("UNCHECKED_CAST")
    return this as Map<String, Any?>
}

internal fun Any?.items(): List<Any?> {
    require(this is List<*>) { "a list was expected" }
    return this
}

internal fun Any?.text(): String {
    require(this is String) { "a text was expected" }
    return this
}

internal fun Any?.whole(least: Long = 1, most: Long = Long.MAX_VALUE): Long {
    require(this is Long && this in least..most) { "a number from $least was expected, not $this" }
    return this
}

private inline fun need(holds: Boolean, cause: () -> String) = require(holds) { "no JSON: ${cause()}" }

// Restores a .tflite that tfedge packed (TFP1). Written by tfedge; change nothing here.

package {{ model.package }}

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.zip.DataFormatException
import java.util.zip.Inflater

private const val MOST_SPANS = 1 shl 14
private const val MOST_TABLES = 1 shl 14
private const val MOST_LANES = 1 shl 16
private const val MOST_STEPS = 1 shl 17
private const val TOTAL = 1 shl 14 // what the frequencies of a table add up to
private const val PRIMER_BYTES = 48144 // of what the primer itself unpacks to
private val NOTHING = IntArray(0)

/**
 * No size in the bytes is believed, and the work is bounded by the one that the caller knows.
 * Whether the result is the right file, its SHA-256 tells.
 */
internal object {{ model.class_name }}Unpacking {

    /**
     * The file.
     *
     * @param packed as it was shipped
     * @param primer tfedge_primer.lzma
     * @param size bytes of the file
     */
    fun unpack(packed: ByteArray, primer: ByteArray, size: Int): ByteArray {
        val reader = Reader(packed)
        need(reader.take(4).decodeToString() == "TFP1") { "it does not begin with TFP1" }
        val mode = reader.byte()
        reader.take(32) // its SHA-256: the caller knows which one it has to be
        val told = reader.varint()
        need(told == size) { "it says $told bytes, not $size" }
        if (mode == 0) return expanded(reader.rest(), primer, size)
        need(mode == 2) { "mode $mode is not known here" }
        return Parts(reader, size).file(primer)
    }

    private inline fun need(holds: Boolean, cause: () -> String) =
        check(holds) { "the packed model is damaged: ${cause()}" }

    private class Reader(private val bytes: ByteArray) {
        private var at = 0

        fun byte(): Int {
            need(at < bytes.size) { "it ends early" }
            return bytes[at++].toInt() and 255
        }

        fun take(count: Int): ByteArray {
            need(count <= bytes.size - at) { "it ends early" }
            at += count
            return bytes.copyOfRange(at - count, at)
        }

        fun rest() = take(bytes.size - at)

        fun varint(): Int {
            var value = 0L
            for (place in 0 until 5) {
                val byte = byte()
                value = value or ((byte and 127).toLong() shl 7 * place)
                if (byte < 128 && value <= Int.MAX_VALUE) return value.toInt()
            }
            error("the packed model is damaged: a length is too long")
        }
    }

    /** Numbers in bits, the most significant first. */
    private class Bits(private val bytes: ByteArray) {
        private var at = 0

        fun fixed(width: Int): Int {
            var value = 0
            repeat(width) {
                need(at shr 3 < bytes.size) { "its plan ends early" }
                value = value shl 1 or (bytes[at shr 3].toInt() shr 7 - (at and 7) and 1)
                at++
            }
            return value
        }

        /** Exp-Golomb of this order. */
        fun number(order: Int = 0): Int {
            var zeros = 0
            while (fixed(1) == 0) need(++zeros + order <= 29) { "a number is too long" }
            return (1 shl zeros + order) + fixed(zeros + order) - (1 shl order)
        }

        fun signed(order: Int): Int {
            val value = number(order)
            return if (value and 1 == 1) -(value + 1 shr 1) else value shr 1
        }
    }

    private class Product(val factor: Int, val others: Int)

    private class Span(val position: Int, val length: Int, val product: Product? = null)

    /** For each table where each symbol's range begins, and the end of the last one. */
    private class Tables(val alphabet: IntArray, val begins: List<IntArray>)

    /** Spans of the file that are coded, and the skeleton that is left without them. */
    private class Parts(reader: Reader, size: Int) {
        private val bits: Bits
        private val carried: Int
        private val piece: ByteArray
        private val raw: Reader
        private val states: LongArray
        private val words: Reader
        private val skeletonBytes: Int
        private val found = ByteArray(size)
        private var tables = MOST_TABLES
        private var steps = MOST_STEPS
        private val lengths = mutableListOf<Int>() // the last one first
        private val single = mutableListOf<Tables>() // the last one first

        init {
            val (planBytes, pieceBytes, skeleton, rawBytes, lanes) = List(5) { reader.varint() }
            need(lanes <= MOST_LANES && skeleton <= size) { "its sizes make no sense" }
            skeletonBytes = skeleton
            carried = minOf(2 * lanes, pieceBytes)
            bits = Bits(reader.take(planBytes))
            piece = reader.take(pieceBytes - carried)
            raw = Reader(reader.take(rawBytes))
            val begin = ByteBuffer.wrap(reader.take(4 * lanes)).order(ByteOrder.LITTLE_ENDIAN)
            states = LongArray(lanes) { begin.getInt().toLong() and 0xffffffffL }
            words = Reader(reader.rest())
        }

        fun file(primer: ByteArray): ByteArray {
            val spans = spans()
            need(raw.rest().isEmpty()) { "bytes belong nowhere" }
            val skeleton = expanded(wholePiece(), primer, skeletonBytes)
            var taken = 0
            var at = 0
            for (span in spans + Span(found.size, 0)) {
                val gap = span.position - at
                need(gap <= skeleton.size - taken) { "its parts do not add up" }
                skeleton.copyInto(found, at, taken, taken + gap)
                taken += gap
                at = span.position + span.length
            }
            need(taken == skeleton.size) { "its parts do not add up" }
            spans.forEach(::multiply)
            return found
        }

        /** The piece of the skeleton, whose first bytes the lanes began with. */
        private fun wholePiece(): ByteArray {
            need(words.rest().isEmpty()) { "words are left over" }
            val begin = ByteArray(2 * states.size)
            states.forEachIndexed { i, state ->
                need(state in 65536..131071) { "its lanes do not end where they should" }
                begin[2 * i] = state.toByte()
                begin[2 * i + 1] = (state shr 8).toByte()
            }
            return begin.copyOf(carried) + piece
        }

        private fun spans(): List<Span> {
            val count = bits.number(4)
            need(count <= MOST_SPANS) { "it has too many spans" }
            var end = 0
            return List(count) {
                val gap = bits.number(6)
                val length = length()
                need(gap <= found.size - end && length <= found.size - end - gap) { "a span lies behind the end" }
                val position = end + gap
                end = position + length
                Span(position, length, span(position, length))
            }
        }

        /** One that was there before, or another. */
        private fun length(): Int {
            val place = if (bits.fixed(1) == 1) bits.number() else -1
            need(place < lengths.size) { "a length was never there" }
            val length = if (place < 0) bits.number(8) else lengths[place]
            lengths.remove(length)
            lengths.add(0, length)
            return length
        }

        /** Writes the span, or tells what it is a product of. */
        private fun span(position: Int, length: Int): Product? {
            when (val kind = bits.fixed(3)) {
                0 -> plane(length).forEachIndexed { i, symbol -> found[position + i] = (symbol xor 128).toByte() }
                1 -> {
                    val halves = plane(2 * length)
                    for (i in 0 until length) {
                        found[position + i] = (halves[2 * i] xor 8 and 15 or (halves[2 * i + 1] xor 8 shl 4)).toByte()
                    }
                }
                2, 3 -> {
                    val width = 1 shl bits.fixed(2)
                    need(length % width == 0) { "a span ends within a word" }
                    if (kind == 2) wordsAt(position, length / width, width) else codesAt(position, length / width, width)
                }
                4 -> {
                    val product = Product(bits.number(12), bits.number(12))
                    need(maxOf(product.factor + 4, product.others + length) <= found.size && length % 4 == 0) {
                        "a product lies behind the end"
                    }
                    return product
                }
                else -> need(false) { "a span is of no known kind" }
            }
            return null
        }

        private fun codesAt(position: Int, count: Int, width: Int) {
            val book = List(bits.fixed(8) + 1) { List(width) { bits.fixed(8).toByte() }.reversed().toByteArray() }
            plane(count).forEachIndexed { i, symbol ->
                need(symbol < book.size) { "a value is not in its book" }
                book[symbol].copyInto(found, position + i * width)
            }
        }

        private fun wordsAt(position: Int, count: Int, width: Int) {
            val transform = bits.fixed(2)
            val sparse = bits.fixed(1) == 1
            val planes = mutableListOf(plane(count))
            while (planes.size < width) {
                if (!sparse) planes += plane(count)
                else {
                    val symbols = plane(planes[0].count { it != 0 })
                    var next = 0
                    planes += IntArray(count) { if (planes[0][it] != 0) symbols[next++] else 0 }
                }
            }
            for (i in 0 until count) {
                val low = planes[width - 1][i] and 1
                var carry = if (transform == 2) low else 0 // the bit that is rotated to the top
                for (j in 0 until width) {
                    val byte = planes[j][i]
                    val kept = if (transform == 1 || transform == 2) carry shl 7 or (byte shr 1) else byte
                    found[position + i * width + width - 1 - j] = (if (transform == 1 && low == 1) kept.inv() else kept).toByte()
                    carry = byte and 1
                }
            }
        }

        /** Symbols: raw, by a table used before, or by tables of their own. */
        private fun plane(count: Int): IntArray {
            if (bits.fixed(1) == 1) return raw.take(count).let { taken -> IntArray(count) { taken[it].toInt() and 255 } }
            if (bits.fixed(1) == 1) {
                val back = bits.number()
                need(back < single.size) { "a table was never there" }
                single.add(0, single.removeAt(back))
                return symbols(count, single[0])
            }
            val rows = bits.fixed(2) + 1
            val columns = bits.fixed(2) + 1
            if (rows * columns == 1) {
                single.add(0, tables(1, alphabet()))
                return symbols(count, single[0])
            }
            val height = bits.number(5)
            need(height in 1..count && count % height == 0) { "rows do not divide a plane" }
            val wide = count / height
            val ofRow = symbols(height, tables(1, IntArray(rows) { it }))
            val ofColumn = symbols(wide, tables(1, IntArray(columns) { it }))
            return symbols(count, tables(rows * columns, alphabet()), ofRow, ofColumn, columns)
        }

        /** The symbols that there are: some and the gaps between, or runs of them. */
        private fun alphabet(): IntArray {
            val found = mutableListOf<Int>()
            var symbol: Int
            if (bits.fixed(1) == 1) {
                val size = bits.number(3) + 1
                val order = bits.fixed(3)
                symbol = -1
                repeat(size) {
                    symbol += bits.number(order) + 1
                    need(symbol < 256) { "an alphabet is too large" }
                    found += symbol
                }
            } else {
                symbol = 0
                repeat(bits.number() + 1) {
                    symbol += bits.number(2)
                    val end = symbol + bits.number(2) + 1
                    need(end in symbol..256) { "an alphabet is too large" }
                    while (symbol < end) found += symbol++
                    symbol++
                }
            }
            return found.toIntArray()
        }

        private fun tables(count: Int, alphabet: IntArray): Tables {
            tables -= count
            need(tables >= 0) { "it has too many tables" }
            return Tables(alphabet, List(count) {
                val begins = IntArray(alphabet.size + 1)
                frequencies(levels(alphabet.size)).forEachIndexed { i, each -> begins[i + 1] = begins[i] + each }
                begins
            })
        }

        private fun levels(size: Int): List<Int> {
            val levels = if (size == 1) mutableListOf(0) else mutableListOf()
            var level = 0
            while (levels.size < size) {
                val run = bits.number() + 1
                level += bits.signed(1)
                need(level in 0..87 && run <= size - levels.size) { "a table makes no sense" }
                repeat(run) { levels += level }
            }
            return levels
        }

        /** Each weight's share of TOTAL. */
        private fun frequencies(levels: List<Int>): IntArray {
            val weights = levels.map { (4L + it % 4) shl it / 4 }
            val sum = weights.sum()
            val found = IntArray(levels.size) { maxOf(1, ((2 * weights[it] * TOTAL + sum) / (2 * sum)).toInt()) }
            fun largest() = found.indices.maxBy { found[it] } // the first one
            while (found.sum() > TOTAL) found[largest()]--
            found[largest()] += TOTAL - found.sum()
            return found
        }

        /** The next symbols of the lanes; of several tables the one of the row's and column's class. */
        private fun symbols(
            count: Int, by: Tables, ofRow: IntArray = NOTHING, ofColumn: IntArray = NOTHING, columns: Int = 1,
        ): IntArray {
            val (alphabet, tables) = Pair(by.alphabet, by.begins)
            if (alphabet.size == 1) return IntArray(count) { alphabet[0] }
            val lanes = states.size
            steps -= if (lanes > 0) (count + lanes - 1) / lanes else MOST_STEPS + 1
            need(steps >= 0) { "it has too few lanes" }
            return IntArray(count) { i ->
                val begins = tables[if (tables.size == 1) 0 else ofRow[i / ofColumn.size] * columns + ofColumn[i % ofColumn.size]]
                val state = states[i % lanes]
                val slot = (state and TOTAL - 1L).toInt()
                var low = 0
                var high = alphabet.size
                while (high - low > 1) {
                    val middle = low + high shr 1
                    if (begins[middle] <= slot) low = middle else high = middle
                }
                val next = (begins[low + 1] - begins[low]) * (state shr 14) + slot - begins[low]
                states[i % lanes] = if (next < 65536) next shl 16 or (words.byte() or (words.byte() shl 8)).toLong() else next
                alphabet[low]
            }
        }

        private fun multiply(span: Span) {
            val product = span.product ?: return
            val held = ByteBuffer.wrap(found).order(ByteOrder.LITTLE_ENDIAN)
            val factor = held.getFloat(product.factor)
            val others = FloatArray(span.length / 4) { held.getFloat(product.others + 4 * it) }
            others.forEachIndexed { i, other -> held.putFloat(span.position + 4 * i, factor * other) }
        }
    }

    private fun expanded(piece: ByteArray, primer: ByteArray, size: Int): ByteArray {
        val reader = Reader(piece)
        val found = when (val method = reader.byte()) {
            0 -> reader.rest()
            1 -> inflated(reader.rest(), size)
            2 -> reader.byte().let { Lzma(reader.rest(), it % 9, it % 45 / 9, it / 45).unpack(size) }
            3 -> {
                val shared = Reader(primer).take(reader.varint())
                val whole = Lzma(shared + reader.rest(), 0, 2, 2).unpack(PRIMER_BYTES + size)
                whole.copyOfRange(minOf(PRIMER_BYTES, whole.size), whole.size)
            }
            else -> error("the packed model is damaged: method $method is not known here")
        }
        need(found.size == size) { "a part does not give the bytes it should" }
        return found
    }

    private fun inflated(bytes: ByteArray, size: Int): ByteArray {
        val inflater = Inflater(true)
        try {
            inflater.setInput(bytes)
            val found = ByteArray(size + 1)
            var at = 0
            while (!inflater.finished() && at <= size) {
                val more = inflater.inflate(found, at, found.size - at)
                need(more > 0 || inflater.finished()) { "it ends early" }
                at += more
            }
            need(inflater.finished() && inflater.remaining == 0) { "bytes follow what is deflated" }
            return found.copyOf(at)
        } catch (cause: DataFormatException) {
            throw IllegalStateException("the packed model is damaged: ${cause.message}", cause)
        } finally {
            inflater.end()
        }
    }

    /** A raw LZMA1 stream with an end marker; the output is its own dictionary. */
    private class Lzma(bytes: ByteArray, private val lc: Int, private val lp: Int, private val pb: Int) {
        private class Lengths {
            val choice = chances(2)
            val low = chances(16 shl 3)
            val middle = chances(16 shl 3)
            val high = chances(256)
        }

        private val reader = Reader(bytes)
        private var range = 0xffffffffL
        private var code = 0L
        private val literals: IntArray
        private val isMatch = chances(12 shl 4)
        private val isRep = chances(12)
        private val isRep0 = chances(12)
        private val isRep1 = chances(12)
        private val isRep2 = chances(12)
        private val isRep0Long = chances(12 shl 4)
        private val slots = chances(4 shl 6)
        private val special = chances(128)
        private val align = chances(16)
        private val matchLengths = Lengths()
        private val repLengths = Lengths()

        init {
            need(lc + lp <= 4 && pb <= 4) { "its LZMA has no such properties" }
            literals = chances(0x300 shl lc + lp)
            need(reader.byte() == 0) { "its LZMA begins wrong" }
            repeat(4) { code = code shl 8 or reader.byte().toLong() }
        }

        /** At most `size` bytes: a stream that goes on is refused. */
        fun unpack(size: Int): ByteArray {
            val found = ByteArray(size)
            val reps = longArrayOf(0, 0, 0, 0)
            var at = 0
            var state = 0
            while (true) {
                val place = at and (1 shl pb) - 1
                if (bit(isMatch, (state shl 4) + place) == 0) {
                    need(at < size) { "its LZMA goes on" }
                    found[at] = literal(found, at, if (state < 7) -1 else at - reps[0].toInt() - 1).toByte()
                    at++
                    state = if (state < 4) 0 else if (state < 10) state - 3 else state - 6
                    continue
                }
                val length: Int
                if (bit(isRep, state) == 0) {
                    length = length(matchLengths, place) + 2
                    reps.copyInto(reps, 1, 0, 3)
                    reps[0] = distance(minOf(length - 2, 3))
                    if (reps[0] == 0xffffffffL) {
                        need(reader.rest().isEmpty() && code == 0L) { "bytes follow its LZMA" }
                        return found.copyOf(at)
                    }
                    state = if (state < 7) 7 else 10
                } else {
                    length = repeated(reps, state, place)
                    state = if (length == 1) (if (state < 7) 9 else 11) else if (state < 7) 8 else 11
                }
                need(reps[0] < at && length <= size - at) { "its LZMA makes no sense" }
                repeat(length) { found[at] = found[at++ - reps[0].toInt() - 1] }
            }
        }

        /** The length of a match at one of the last four distances, which comes to the front. */
        private fun repeated(reps: LongArray, state: Int, place: Int): Int {
            if (bit(isRep0, state) == 0) {
                if (bit(isRep0Long, (state shl 4) + place) == 0) return 1
            } else {
                val which = if (bit(isRep1, state) == 0) 1 else if (bit(isRep2, state) == 0) 2 else 3
                val distance = reps[which]
                reps.copyInto(reps, 1, 0, which)
                reps[0] = distance
            }
            return length(repLengths, place) + 2
        }

        private fun literal(found: ByteArray, at: Int, matched: Int): Int {
            val before = if (at > 0) found[at - 1].toInt() and 255 else 0
            val base = 0x300 * ((at and (1 shl lp) - 1 shl lc) + (before shr 8 - lc))
            var symbol = 1
            if (matched >= 0) {
                var match = found[matched].toInt() and 255
                while (symbol < 256) {
                    val wanted = match shr 7 and 1
                    match = match shl 1
                    val got = bit(literals, base + (1 + wanted shl 8) + symbol)
                    symbol = symbol shl 1 or got
                    if (wanted != got) break
                }
            }
            while (symbol < 256) symbol = symbol shl 1 or bit(literals, base + symbol)
            return symbol
        }

        private fun length(of: Lengths, place: Int): Int {
            if (bit(of.choice, 0) == 0) return tree(of.low, place shl 3, 3)
            if (bit(of.choice, 1) == 0) return 8 + tree(of.middle, place shl 3, 3)
            return 16 + tree(of.high, 0, 8)
        }

        private fun distance(of: Int): Long {
            val slot = tree(slots, of shl 6, 6)
            if (slot < 4) return slot.toLong()
            val bits = (slot shr 1) - 1
            val begin = (2L or (slot and 1).toLong()) shl bits
            if (slot < 14) return begin + backwards(special, begin.toInt() - slot, bits)
            var direct = 0L
            repeat(bits - 4) {
                range = range shr 1
                val one = code >= range
                if (one) code -= range
                direct = direct shl 1 or (if (one) 1 else 0)
                normalize()
            }
            return begin + (direct shl 4) + backwards(align, 0, 4)
        }

        private fun tree(chances: IntArray, base: Int, bits: Int): Int {
            var symbol = 1
            repeat(bits) { symbol = symbol shl 1 or bit(chances, base + symbol) }
            return symbol - (1 shl bits)
        }

        private fun backwards(chances: IntArray, base: Int, bits: Int): Int {
            var symbol = 1
            var found = 0
            for (i in 0 until bits) {
                val bit = bit(chances, base + symbol)
                symbol = symbol shl 1 or bit
                found = found or (bit shl i)
            }
            return found
        }

        private fun bit(chances: IntArray, index: Int): Int {
            val chance = chances[index]
            val bound = (range shr 11) * chance
            val one = code >= bound
            if (one) {
                range -= bound
                code -= bound
                chances[index] = chance - (chance shr 5)
            } else {
                range = bound
                chances[index] = chance + (2048 - chance shr 5)
            }
            normalize()
            return if (one) 1 else 0
        }

        private fun normalize() {
            if (range >= 1 shl 24) return
            range = range shl 8
            code = code shl 8 or reader.byte().toLong()
        }
    }

    private fun chances(count: Int) = IntArray(count) { 1024 }
}

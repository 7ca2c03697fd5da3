// Inputs and outputs of a .tflite, read from its flatbuffer: another training moves the scales of codes,
// and code that goes on with those of the version before would be wrong without a word. Written by
// tfedge; change nothing here.

package {{ model.package }}.delivery

import java.nio.ByteBuffer
import java.nio.ByteOrder

// Fields of the tables of TensorFlow Lite's schema.fbs.
private const val SUBGRAPHS = 2
private const val BUFFERS = 4
private const val METADATA = 6
private const val SIGNATURES = 7
private const val RAW = "tfedge.input"
private val DTYPES = mapOf(0 to "float32", 2 to "int32", 3 to "uint8", 9 to "int8")

/**
 * One of them.
 *
 * @param name in the signature
 * @param place among the inputs or outputs of the main graph
 * @param scale of its codes, where real number = (code - zeroPoint) * scale; 0 where there are none
 * @param isReal whether an app gives or gets real numbers, so that any codes will do
 */
internal data class End(
    val name: String, val place: Int, val dtype: String, val shape: List<Int>, val scale: Float, val zeroPoint: Int,
    val isReal: Boolean,
) {
    val count get() = shape.fold(1) { product, size -> product * size }

    /** Whether code that was written for another end runs this one. */
    fun isLike(other: End): Boolean =
        this == other.copy(scale = scale, zeroPoint = zeroPoint) &&
            (this == other || (isReal && scale != 0f && other.scale != 0f))
}

internal class Ends(val inputs: List<End>, val outputs: List<End>) {
    companion object {
        /**
         * Those of a version, in the order of the ones that the code was written for.
         *
         * @param takesRaw whether the code leaves the normalization to the file
         * @throws IllegalStateException where the code does not fit
         */
        fun of(content: ByteArray, inputs: List<End>, outputs: List<End>, takesRaw: Boolean): Ends {
            val bytes = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN)
            val model = Table(bytes, bytes.getInt(0))
            check(isRaw(model) == takesRaw) { "it needs other code: its normalization is ${if (takesRaw) "not " else ""}in the file" }
            val graph = model.tables(SUBGRAPHS).first()
            val signature = model.tables(SIGNATURES).first { (it.number(4) ?: 0) == 0 }
            val tensors = graph.tables(0)
            fun found(ours: List<End>, field: Int, order: List<Int>) = signature.tables(field).let { named ->
                check(named.size == ours.size) { "it needs other code: it has ${named.size} inputs or outputs, not ${ours.size}" }
                ours.map { end ->
                    val index = named.find { it.text(0) == end.name }?.let { it.number(1) ?: 0 }
                    val theirs = index?.let { end(end, order.indexOf(it), tensors[it]) }
                    check(theirs != null && theirs.isLike(end)) { "it needs other code: it has $theirs, this is for $end" }
                    theirs
                }
            }
            return Ends(found(inputs, 0, graph.numbers(1)), found(outputs, 1, graph.numbers(2)))
        }

        /** Whether the file normalizes by itself, which its metadata tell. */
        private fun isRaw(model: Table): Boolean {
            val told = model.tables(METADATA).find { it.text(0) == RAW } ?: return false
            return Json.parse(model.tables(BUFFERS)[told.number(1) ?: 0].bytes(0)).fields()["raw"] == true
        }

        private fun end(ours: End, place: Int, tensor: Table): End {
            val codes = tensor.table(4)
            val dtype = tensor.byte(1).let { DTYPES[it] ?: "type $it" }
            return ours.copy(
                place = place, dtype = dtype, shape = tensor.numbers(0),
                scale = codes?.float(2) ?: 0f, zeroPoint = codes?.long(3)?.toInt() ?: 0)
        }
    }

    private class Table(private val bytes: ByteBuffer, private val at: Int) {
        private val fields = at - bytes.getInt(at)

        fun number(field: Int): Int? = place(field)?.let { bytes.getInt(it) }
        fun byte(field: Int): Int = place(field)?.let { bytes.get(it).toInt() } ?: 0
        fun table(field: Int): Table? = place(field)?.let { Table(bytes, it + bytes.getInt(it)) }
        fun tables(field: Int): List<Table> = items(field, 4) { Table(bytes, it + bytes.getInt(it)) }
        fun numbers(field: Int): List<Int> = items(field, 4) { bytes.getInt(it) }
        fun float(field: Int): Float? = items(field, 4) { bytes.getFloat(it) }.firstOrNull()
        fun long(field: Int): Long? = items(field, 8) { bytes.getLong(it) }.firstOrNull()
        fun bytes(field: Int): ByteArray = items(field, 1) { bytes.get(it) }.toByteArray()
        fun text(field: Int): String = bytes(field).decodeToString()

        private fun place(field: Int): Int? {
            val slot = 4 + 2 * field
            val size = bytes.getShort(fields).toInt() and 0xffff
            val offset = if (slot < size) bytes.getShort(fields + slot).toInt() and 0xffff else 0
            return if (offset == 0) null else at + offset
        }

        private fun <T> items(field: Int, width: Int, read: (Int) -> T): List<T> {
            val start = place(field)?.let { it + bytes.getInt(it) } ?: return emptyList()
            val count = bytes.getInt(start)
            require(count in 0..bytes.limit() / width) { "a vector leaves its file" }
            return List(count) { read(start + 4 + width * it) }
        }
    }
}

// Inputs and outputs of a .tflite, read from its flatbuffer: an app's code knows their scales, and a
// version with others would answer wrong without a word. Written by tfedge; change nothing here.

package {{ model.package }}.delivery

import java.nio.ByteBuffer
import java.nio.ByteOrder

private val DTYPES = mapOf(0 to "float32", 2 to "int32", 3 to "uint8", 9 to "int8")

/**
 * One of them.
 *
 * @param name in the signature
 * @param place among the inputs or outputs of the main graph
 * @param scale of its codes; 0 where there are none
 */
internal data class End(
    val name: String, val place: Int, val dtype: String, val shape: List<Int>, val scale: Float, val zeroPoint: Long,
) {
    val count get() = shape.fold(1) { product, size -> product * size }
}

internal object Ends {
    /** Throws where a version has other ends than the code was written for. */
    fun check(content: ByteArray, inputs: List<End>, outputs: List<End>) {
        val (theirInputs, theirOutputs) = read(content)
        for ((ours, theirs) in listOf(inputs to theirInputs, outputs to theirOutputs)) {
            check(ours.toSet() == theirs.toSet()) { "it needs other code: it has $theirs, this is for $ours" }
        }
    }

    /** By the signature of the main graph, as schema.fbs of TensorFlow Lite numbers the fields. */
    private fun read(content: ByteArray): Pair<List<End>, List<End>> {
        val bytes = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN)
        val model = Table(bytes, bytes.getInt(0))
        val graph = model.tables(2).first()
        val signature = model.tables(7).first { (it.number(4) ?: 0) == 0 }
        val tensors = graph.tables(0)
        fun ends(field: Int, order: List<Int>) = signature.tables(field).map { named ->
            val index = named.number(1) ?: 0
            end(named.text(0), order.indexOf(index), tensors[index])
        }
        return Pair(ends(0, graph.numbers(1)), ends(1, graph.numbers(2)))
    }

    private fun end(name: String, place: Int, tensor: Table): End {
        val codes = tensor.table(4)
        val dtype = tensor.byte(1).let { DTYPES[it] ?: "type $it" }
        return End(name, place, dtype, tensor.numbers(0), codes?.float(2) ?: 0f, codes?.long(3) ?: 0)
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
        fun text(field: Int): String = items(field, 1) { bytes.get(it) }.toByteArray().decodeToString()

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

// The examples that come with a version, golden.npz, as its model takes them: a zip of .npy arrays. They
// were compared with what was signed; still nothing here believes a length in them. Written by tfedge;
// change nothing here.

package {{ model.package }}.delivery

import java.io.ByteArrayInputStream
import java.io.ByteArrayOutputStream
import java.io.IOException
import java.util.zip.ZipInputStream

private const val MOST_BYTES = 1 shl 26
private val TYPES = mapOf("|u1" to "uint8", "|i1" to "int8", "<i4" to "int32", "<f4" to "float32")
private val HEADER = Regex("'descr': '([^']+)', 'fortran_order': False, 'shape': \\(([0-9, ]*)\\)")

/**
 * @param bytes the tensors of each example, one after another: inputs and then outputs
 * @param tolerances of the outputs, in what their tensors hold
 */
internal class Golden(val bytes: ByteArray, val tolerances: List<Double>) {
    companion object {
        /** In the order of these ends of the model; throws IllegalArgumentException. */
        fun read(golden: ByteArray, inputs: List<End>, outputs: List<End>): Golden {
            val files = files(golden)
            fun array(name: String) = Npy.read(requireNotNull(files["$name.npy"]) { "no $name" })
            val about = Json.parse(array("about").bytes).fields()
            require(about["schema_version"] == 1L) { "examples of version ${about["schema_version"]}" }
            val examples = about["examples"].whole(1, MOST_BYTES.toLong()).toInt()
            val (arrays, tolerances) = Pair(mutableListOf<ByteArray>(), mutableListOf<Double>())
            for ((role, ends) in listOf("inputs" to inputs, "outputs" to outputs)) for (end in ends) {
                val told = about[role].items().map { it.fields() }.find { it["name"] == end.name }
                val found = told?.let { array(it["array"].text()) }
                require(found != null && found.dtype == end.dtype && found.count == examples.toLong() * end.count) {
                    "the examples have no '${end.name}' of ${end.count} ${end.dtype}"
                }
                arrays += found.bytes
                if (role == "outputs") tolerances += requireNotNull(
                    (told["tolerance"] as? Number)?.toDouble()?.takeIf { it in 0.0..Double.MAX_VALUE },
                ) { "the tolerance of '${end.name}'" }
            }
            val rows = ByteArrayOutputStream()
            for (row in 0 until examples) for (each in arrays) {
                rows.write(each, row * (each.size / examples), each.size / examples)
            }
            return Golden(rows.toByteArray(), tolerances)
        }

        private fun files(zip: ByteArray): Map<String, ByteArray> = try {
            val found = HashMap<String, ByteArray>()
            ZipInputStream(ByteArrayInputStream(zip)).use { opened ->
                val piece = ByteArray(1 shl 16)
                var left = MOST_BYTES
                while (true) {
                    val entry = opened.nextEntry ?: break
                    val content = ByteArrayOutputStream()
                    while (true) {
                        val read = opened.read(piece)
                        if (read < 0) break
                        left -= read
                        require(left >= 0) { "the examples are too large" }
                        content.write(piece, 0, read)
                    }
                    found[entry.name] = content.toByteArray()
                }
            }
            found
        } catch (cause: IOException) {
            throw IllegalArgumentException("the examples are no zip", cause)
        }
    }
}

/** An array of NumPy's format, versions 1 to 3, in C order. */
private class Npy(val dtype: String, val count: Long, val bytes: ByteArray) {
    companion object {
        fun read(content: ByteArray): Npy {
            require(content.size > 12 && content.copyOfRange(1, 6).decodeToString() == "NUMPY") { "no array" }
            fun at(place: Int) = content[place].toInt() and 255
            val begin = if (at(6) > 1) 12 else 10
            val start = begin + (at(8) or (at(9) shl 8)) // longer headers than 64 kB are none of ours
            require(start <= content.size) { "no array" }
            val told = HEADER.find(content.copyOfRange(begin, start).decodeToString())
            val dtype = TYPES[told?.groupValues?.get(1)]
            require(told != null && dtype != null) { "no array that is known here" }
            val sizes = told.groupValues[2].split(",").map { it.trim() }.filter { it.isNotEmpty() }.map { it.toLong() }
            val count = sizes.fold(1L) { product, size -> Math.multiplyExact(product, size) }
            val body = content.copyOfRange(start, content.size)
            require(body.size.toLong() == count * if (dtype.endsWith("8")) 1 else 4) { "an array of another length" }
            return Npy(dtype, count, body)
        }
    }
}

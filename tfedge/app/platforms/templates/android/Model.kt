// {{ model.class_name }}: {{ model.task|comment }}. Written by tfedge; change nothing here, write it again.

package {{ model.package }}

import android.content.Context
{% if model.picture %}
import android.graphics.Bitmap
{% endif %}
{% if model.packed %}
import android.os.Looper
{% endif %}
{% if not model.keeps_state %}
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.TensorBuffer
{% endif %}
{% if model.packed or (model.delivered and not model.keeps_state) %}
import java.io.File
{% endif %}
{% if model.keeps_state %}
import java.io.FileInputStream
{% endif %}
{% if model.delivered and not model.keeps_state %}
import java.io.IOException
{% endif %}
import java.io.InputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
{% if model.keeps_state %}
import java.nio.channels.FileChannel
{% endif %}
import java.security.MessageDigest
import kotlin.math.abs
{% if model.picture %}
import kotlin.math.ceil
import kotlin.math.floor
{% endif %}
{% if model.keeps_state or model.delivered %}
import org.tensorflow.lite.Interpreter
{% endif %}
{% if model.delivered %}
import {{ model.package }}.delivery.End
import {{ model.package }}.delivery.Ends
import {{ model.package }}.delivery.Golden
{% endif %}
{% macro end(port) %}End({{ port.name|text }}, {{ port.index }}, "{{ port.dtype }}", listOf({{ port.shape|listed }}), {{ port.scale|number }}f, {{ port.zero_point }}, isReal = {{ "true" if port.given == "real" else "false" }}){% endmacro %}
{% set input_types = {"bytes": "ByteArray", "real": "FloatArray", "whole": "IntArray"} %}

/**
 * One loaded model; close it when it is not needed any more. One thread at a time is let in.
{% if model.keeps_state %}
 * It remembers the example before, so it is reset before each one; no CompiledModel can do that.
{% endif %}
 */
class {{ model.class_name }}
private constructor(
    private val runtime: Runtime, private val golden: () -> Examples{{ ", private val ends: Ends" if model.delivered }},
) : AutoCloseable {

    /** What the model answers. */
    class Outputs(
{% for port in model.outputs %}
        /** {{ port.words }}. */
        val {{ port.id }}: {{ input_types[port.given] }},
{% endfor %}
    )
{% if model.labels %}

    /** One class, and its score{{ ", a probability" if model.is_probability else ", which is no probability: only the order tells" }}. */
    data class Answer(val label: String, val index: Int, val score: Float)
{% endif %}

    /** The largest difference of each output from the release's, in what its tensor holds. */
    data class Check(val passed: Boolean, val examples: Int, val differences: Map<String, Double>)

    /** Tensors as little-endian bytes, in the order of the signature. */
    private interface Runtime : AutoCloseable {
        fun invoke(inputs: List<ByteArray>): List<ByteArray>
    }

    /** Of each example the tensors of the inputs and then of the outputs; and how far answers may be apart. */
    private class Examples(val bytes: ByteArray, val tolerances: List<Double>)

    private var closed = false

    /**
     * One inference. Every array has exactly the length that is written here.
     *
{% for port in model.inputs %}
     * @param {{ port.id }} {{ port.words }}{{ port.seen|comment }}{{ ", before normalization" if port.factors }}
{% endfor %}
     */
    @Synchronized
    fun run({% for port in model.inputs %}{{ port.id }}: {{ input_types[port.given] }}{{ ", " if not loop.last }}{% endfor %}): Outputs {
        val found = invoke(listOf({% for port in model.inputs %}{{ port.id }}Tensor({{ port.id }}{{ ", ends.inputs[" ~ loop.index0 ~ "]" if model.delivered and port.is_coded_here }}){{ ", " if not loop.last }}{% endfor %}))
        return Outputs(
{% for port in model.outputs %}
{% if port.scale and model.delivered %}
            ends.outputs[{{ loop.index0 }}].let { end -> found[{{ loop.index0 }}].numbers("{{ port.dtype }}") { (it - end.zeroPoint).toFloat() * end.scale } }.toFloatArray(),
{% elif port.scale %}
            found[{{ loop.index0 }}].numbers("{{ port.dtype }}") { (it - {{ port.zero_point }}).toFloat() * {{ port.scale|number }}f }.toFloatArray(),
{% elif port.given == "real" %}
            found[{{ loop.index0 }}].little().asFloatBuffer().let { held -> FloatArray({{ port.count }}) { held.get(it) } },
{% else %}
            found[{{ loop.index0 }}].numbers("{{ port.dtype }}") { it }.toIntArray(),
{% endif %}
{% endfor %}
        )
    }
{% if model.picture %}

    /**
     * What a picture shows: {{ model.picture.words|comment }}.
     *
     * @param most how many answers, the likeliest first
     */
    fun classify(picture: Bitmap, most: Int = 1): List<Answer> {
        val pixels = IntArray(picture.width * picture.height)
        picture.getPixels(pixels, 0, picture.width, 0, 0, picture.width, picture.height)
        return ranked(run(pictureInput(pixels, picture.width, picture.height)).{{ model.outputs[0].id }}).take(most)
    }
{% elif model.labels %}

    /** The likeliest classes of an example; see [run]. */
    fun classify({% for port in model.inputs %}{{ port.id }}: {{ input_types[port.given] }}, {% endfor %}most: Int = 1): List<Answer> =
        ranked(run({{ model.inputs|map(attribute="id")|listed }}).{{ model.outputs[0].id }}).take(most)
{% endif %}

    /**
     * Runs the examples of {{ model.asset }}.golden on this device and compares the answers with the
     * release's.
     */
    @Synchronized
    fun selfCheck(): Check {
        val examples = golden()
        val bytes = examples.bytes
        check(bytes.isNotEmpty() && bytes.size % EXAMPLE_BYTES == 0) {
            "{{ model.asset }}.golden has ${bytes.size} bytes, a multiple of $EXAMPLE_BYTES was expected"
        }
        val differences = mutableMapOf({% for port in model.outputs %}"{{ port.id }}" to 0.0{{ ", " if not loop.last }}{% endfor %})
        var at = 0
        fun next(size: Int): ByteArray = bytes.copyOfRange(at, at + size).also { at += size }
        while (at < bytes.size) {
            val found = invoke(listOf({% for port in model.inputs %}next({{ port.bytes }}){{ ", " if not loop.last }}{% endfor %}))
{% for port in model.outputs %}
            differences.merge("{{ port.id }}", apart(found[{{ loop.index0 }}], next({{ port.bytes }}), "{{ port.dtype }}")) { a, b -> maxOf(a, b) }
{% endfor %}
        }
        val passed = differences.values.zip(examples.tolerances).all { (apart, allowed) -> apart <= allowed }
        return Check(passed, bytes.size / EXAMPLE_BYTES, differences)
    }
{% if model.delivered %}

    /** Throws where the answers to the examples of a delivered version are not its release's. */
    internal fun probe() {
        val told = selfCheck()
        check(told.passed) { "it answers otherwise than its release, by ${told.differences}" }
    }
{% endif %}

    @Synchronized
    override fun close() {
        if (closed) return
        closed = true
        runtime.close()
    }

    private fun invoke(inputs: List<ByteArray>): List<ByteArray> {
        check(!closed) { "the model was closed" }
        return runtime.invoke(inputs)
    }
{% if not model.keeps_state %}
{% set kinds = {"float32": "Float", "int32": "Int", "uint8": "Int8", "int8": "Int8"} %}

    private class Compiled(private val model: CompiledModel) : Runtime {
        private val inputBuffers: Map<String, TensorBuffer> =
            mapOf({% for port in model.inputs %}{{ port.name|text }} to model.createInputBuffer({{ port.name|text }}){{ ", " if not loop.last }}{% endfor %})
        private val outputBuffers: Map<String, TensorBuffer> =
            mapOf({% for port in model.outputs %}{{ port.name|text }} to model.createOutputBuffer({{ port.name|text }}){{ ", " if not loop.last }}{% endfor %})

        override fun invoke(inputs: List<ByteArray>): List<ByteArray> {
{% for port in model.inputs %}
{% if port.dtype in ("uint8", "int8") %}
            inputBuffers.getValue({{ port.name|text }}).writeInt8(inputs[{{ loop.index0 }}].checked({{ port.bytes }}))
{% else %}
            inputBuffers.getValue({{ port.name|text }}).write{{ kinds[port.dtype] }}(inputs[{{ loop.index0 }}].checked({{ port.bytes }}).little().as{{ kinds[port.dtype] }}Buffer()
                .let { held -> {{ kinds[port.dtype] }}Array({{ port.count }}) { held.get(it) } })
{% endif %}
{% endfor %}
            model.run(inputBuffers, outputBuffers)
            return listOf(
{% for port in model.outputs %}
{% if port.dtype in ("uint8", "int8") %}
                outputBuffers.getValue({{ port.name|text }}).readInt8().checked({{ port.bytes }}),
{% else %}
                outputBuffers.getValue({{ port.name|text }}).read{{ kinds[port.dtype] }}().let { held ->
                    ByteArray(4 * held.size).also { it.little().as{{ kinds[port.dtype] }}Buffer().put(held) }
                }.checked({{ port.bytes }}),
{% endif %}
{% endfor %}
            )
        }

        override fun close() {
            (inputBuffers.values + outputBuffers.values).forEach { it.close() }
            model.close()
        }
    }
{% endif %}
{% if model.keeps_state or model.delivered %}

    private class Classic(private val interpreter: Interpreter) : Runtime {
        override fun invoke(inputs: List<ByteArray>): List<ByteArray> {
            interpreter.resetVariableTensors(){{ "  // nothing where it remembers none" if not model.keeps_state }}
            val given = arrayOfNulls<Any>({{ model.inputs|length }})
{% for port in model.inputs %}
            given[{{ port.index }}] = direct(inputs[{{ loop.index0 }}])
{% endfor %}
            val found = listOf({% for port in model.outputs %}direct(ByteArray({{ port.bytes }})){{ ", " if not loop.last }}{% endfor %})
            interpreter.runForMultipleInputsOutputs(given, mapOf({% for port in model.outputs %}{{ port.index }} to found[{{ loop.index0 }}]{{ ", " if not loop.last }}{% endfor %}))
            return found.map { held -> held.rewind().let { ByteArray(held.capacity()).also { held.get(it) } } }
        }

        override fun close() = interpreter.close()
    }
{% endif %}

    companion object {
        const val VERSION = {{ model.version|text }}
        const val SHA256 = "{{ model.sha256 }}"
{% if model.labels %}

        /** The class names, in the order of the scores. */
        val LABELS: List<String> = listOf({{ model.labels|map("text")|listed }})
{% endif %}
        private const val EXAMPLE_BYTES = {{ model.example_bytes }}
        private val TOLERANCES = listOf({% for port in model.outputs %}{{ model.tolerance(port) }}{{ ", " if not loop.last }}{% endfor %})

        /**
         * Loads the asset and compares its SHA-256 with that of the release.{{ " The first call unpacks\n         * it into the app's cache; call it on another thread than the main one." if model.packed }}
         *
         * @param threads of the CPU
{% if not model.keeps_state %}
         * @param accelerator where it runs; a GPU may answer a little otherwise, see [selfCheck]
{% endif %}
         */
        fun load(
            context: Context,
            threads: Int = 2,
{% if not model.keeps_state %}
            accelerator: Accelerator = Accelerator.CPU,
{% endif %}
            asset: String = "{{ model.asset }}.tflite{{ ".packed" if model.packed }}",
        ): {{ model.class_name }} {
            require(threads in 1..64) { "threads is 1 to 64, not $threads" }
{% if model.packed %}
            val file = unpacked(context, asset)
{% else %}
            val found = context.assets.open(asset).use(::sha256)
            check(found == SHA256) { "$asset is another file: its SHA-256 is $found, not $SHA256" }
{% endif %}
            val golden = { Examples(context.assets.open("{{ model.asset }}.golden").use { it.readBytes() }, TOLERANCES) }
{% if model.keeps_state %}
{% if model.packed %}
            val mapped = FileInputStream(file).use {
                it.channel.map(FileChannel.MapMode.READ_ONLY, 0, file.length())
            }
{% else %}
            // Mapped, not copied: assets are not to be compressed, see README.md.
            val mapped = context.assets.openFd(asset).use { file ->
                FileInputStream(file.fileDescriptor).channel.map(
                    FileChannel.MapMode.READ_ONLY, file.startOffset, file.declaredLength)
            }
{% endif %}
            val options = Interpreter.Options().setNumThreads(threads)
            return {{ model.class_name }}(Classic(Interpreter(mapped, options)), golden{{ ", SHIPPED" if model.delivered }})
{% else %}
            val made = CompiledModel.create({{ "file.path" if model.packed else "context.assets, asset" }}, options(threads, accelerator))
            return {{ model.class_name }}(Compiled(made), golden{{ ", SHIPPED" if model.delivered }})
{% endif %}
        }
{% if not model.keeps_state %}

        private fun options(threads: Int, accelerator: Accelerator): CompiledModel.Options {
            val options = CompiledModel.Options(accelerator)
            options.cpuOptions = CompiledModel.CpuOptions(numThreads = threads)
            return options
        }
{% endif %}
{% if model.delivered %}

        private val INPUTS = listOf({% for port in model.inputs %}{{ end(port) }}{{ ", " if not loop.last }}{% endfor %})
        private val OUTPUTS = listOf({% for port in model.outputs %}{{ end(port) }}{{ ", " if not loop.last }}{% endfor %})
        private val SHIPPED = Ends(INPUTS, OUTPUTS)

        /** A later version, compared already, with golden.npz of it: see {{ model.class_name }}Delivery. */
{% if model.keeps_state %}
        internal fun delivered(content: ByteArray, golden: () -> ByteArray, threads: Int): {{ model.class_name }} {
            val ends = Ends.of(content, INPUTS, OUTPUTS, takesRaw = {{ "true" if model.takes_raw else "false" }})
            val examples = { Golden.read(golden(), INPUTS, OUTPUTS).let { Examples(it.bytes, it.tolerances) } }
            return {{ model.class_name }}(Classic(Interpreter(direct(content), Interpreter.Options().setNumThreads(threads))), examples, ends)
        }
{% else %}
        internal fun delivered(
            content: ByteArray, golden: () -> ByteArray, threads: Int, accelerator: Accelerator, file: File?,
        ): {{ model.class_name }} {
            val ends = Ends.of(content, INPUTS, OUTPUTS, takesRaw = {{ "true" if model.takes_raw else "false" }})
            val examples = { Golden.read(golden(), INPUTS, OUTPUTS).let { Examples(it.bytes, it.tolerances) } }
            if (file == null) {
                val options = Interpreter.Options().setNumThreads(threads)
                return {{ model.class_name }}(Classic(Interpreter(direct(content), options)), examples, ends)
            }
            laidOpen(content, file)
            return {{ model.class_name }}(Compiled(CompiledModel.create(file.path, options(threads, accelerator))), examples, ends)
        }

        /** CompiledModel loads files only; those of versions before go, but not while another process loads one. */
        private fun laidOpen(content: ByteArray, file: File) {
            val folder = checkNotNull(file.parentFile)
            if (!folder.isDirectory && !folder.mkdirs() && !folder.isDirectory) throw IOException("$folder cannot be made")
            val old = System.currentTimeMillis() - 3_600_000
            folder.listFiles()?.filter { it != file && it.lastModified() < old }?.forEach { it.delete() }
            if (file.isFile && file.inputStream().use(::sha256) == sha256(content.inputStream())) return
            val written = File.createTempFile("open", null, folder)
            try {
                written.writeBytes(content)
                if (!written.renameTo(file)) throw IOException("$file cannot be written")
            } finally {
                written.delete()
            }
        }
{% endif %}
{% endif %}

        private fun sha256(content: InputStream): String {
            val digest = MessageDigest.getInstance("SHA-256")
            val part = ByteArray(1 shl 16)
            while (true) {
                val read = content.read(part)
                if (read < 0) break
                digest.update(part, 0, read)
            }
            return digest.digest().joinToString("") { "%02x".format(it) }
        }
{% if model.packed %}

        /** The model in the app's cache, from where it is mapped; it is unpacked where it is not there. */
        private fun unpacked(context: Context, asset: String): File {
            check(Looper.myLooper() != Looper.getMainLooper()) { "load unpacks the model: not on the main thread" }
            val file = File(context.cacheDir, "{{ model.asset }}.tflite")
            if (file.isFile && file.inputStream().use(::sha256) == SHA256) return file
            val (packed, primer) = listOf(asset, "tfedge_primer.lzma").map { name ->
                context.assets.open(name).use { it.readBytes() }
            }
            val bytes = {{ model.class_name }}Unpacking.unpack(packed, primer, {{ model.content|length }})
            val found = sha256(bytes.inputStream())
            check(found == SHA256) { "$asset holds another file: its SHA-256 is $found, not $SHA256" }
            val written = File.createTempFile("{{ model.asset }}", null, context.cacheDir)
            try {
                written.writeBytes(bytes)
                check(written.renameTo(file)) { "$file cannot be written" }
            } finally {
                written.delete()
            }
            return file
        }
{% endif %}
{% for port in model.inputs %}

        private fun {{ port.id }}Tensor(values: {{ input_types[port.given] }}{{ ", end: End" if model.delivered and port.is_coded_here }}): ByteArray {
            require(values.size == {{ port.count }}) { "{{ port.id }} takes {{ port.count }} numbers, not ${values.size}" }
{% if port.given == "bytes" %}
{% if port.first_code %}
            return ByteArray({{ port.count }}) { (values[it] - 128).toByte() }
{% else %}
            return values
{% endif %}
{% elif port.given == "whole" %}
            val found = ByteArray({{ port.bytes }})
            val held = found.little()
{% if port.dtype == "int32" %}
            values.forEach { held.putInt(it) }
{% else %}
            for (value in values) {
                require(value in {{ port.least }}..{{ port.most }}) { "{{ port.id }} is {{ port.least }} to {{ port.most }}, not $value" }
                held.put(value.toByte())
            }
{% endif %}
            return found
{% else %}
            val found = ByteArray({{ port.bytes }})
            val held = found.little()
{% if port.factors %}
            // As in training: raw * {{ port.factors|listed }} + {{ port.offsets|listed }}.
            val factors = floatArrayOf({% for each in port.factors %}{{ each|number }}f{{ ", " if not loop.last }}{% endfor %})
            val offsets = floatArrayOf({% for each in port.offsets %}{{ each|number }}f{{ ", " if not loop.last }}{% endfor %})
{% endif %}
            for (i in values.indices) {
                val value = values[i]{{ " * factors[i % factors.size] + offsets[i % offsets.size]" if port.factors }}
{% if port.scale %}
                require(!value.isNaN()) { "{{ port.id }} holds NaN" }
{% if model.delivered and port.is_coded_here %}
                val code = Math.rint((value / end.scale + end.zeroPoint.toFloat()).toDouble())
{% else %}
                // The tensor holds codes: real number = (code - {{ port.zero_point }}) * {{ port.scale|number }}.
                val code = Math.rint((value / {{ port.scale|number }}f + {{ port.zero_point }}f).toDouble())
{% endif %}
                held.put{{ "Int" if port.dtype == "int32" }}(code.coerceIn({{ port.least }}.0, {{ port.most }}.0).toInt(){{ ".toByte()" if port.dtype != "int32" }})
{% else %}
                held.putFloat(value)
{% endif %}
            }
            return found
{% endif %}
        }
{% endfor %}
{% if model.labels %}

        private fun ranked(scores: FloatArray): List<Answer> =
            LABELS.mapIndexed { index, label -> Answer(label, index, scores[index]) }
                .sortedByDescending { it.score }
{% endif %}
{% if model.picture %}
{% set picture = model.picture %}

        /**
         * The input that a picture makes: {{ picture.words|comment }}.
         *
         * @param argb its pixels, as [Bitmap.getPixels] gives them
         */
        internal fun pictureInput(argb: IntArray, width: Int, height: Int): {{ input_types[model.inputs[0].given] }} {
            require(width > 0 && height > 0 && argb.size == width * height) {
                "a picture of ${width}x$height has ${argb.size} pixels"
            }
            val pixels = resized(channelsOf(argb), width, height)
{% if model.inputs[0].given == "real" %}
            return FloatArray(pixels.size) { {{ "pixels[it].toFloat()" if picture.most == 255 else "(pixels[it] * " ~ picture.most ~ " / 255).toFloat()" }} }
{% elif model.inputs[0].given == "bytes" %}
            return ByteArray(pixels.size) { {{ "pixels[it]" if picture.most == 255 else "Math.rint(pixels[it] * " ~ picture.most ~ " / 255).toInt()" }}.toByte() }
{% else %}
            return IntArray(pixels.size) { {{ "pixels[it]" if picture.most == 255 else "Math.rint(pixels[it] * " ~ picture.most ~ " / 255).toInt()" }} }
{% endif %}
        }

        /** {{ "Grey, as Pillow's convert('L')" if picture.channels == 1 else "Red, green, blue" }}, without alpha. */
        private fun channelsOf(argb: IntArray): IntArray {
            val found = IntArray({{ picture.channels }} * argb.size)
            for (i in argb.indices) {
                val red = argb[i] shr 16 and 255
                val green = argb[i] shr 8 and 255
                val blue = argb[i] and 255
{% if picture.channels == 1 %}
                found[i] = red * 19595 + green * 38470 + blue * 7471 + 0x8000 shr 16
{% else %}
                found[3 * i] = red
                found[3 * i + 1] = green
                found[3 * i + 2] = blue
{% endif %}
            }
            return found
        }

        /** {{ picture.fit }}, {{ picture.interpolation }}, half-pixel centres, no antialiasing (tf.image.resize). */
        private fun resized(given: IntArray, givenWidth: Int, givenHeight: Int): IntArray {
            var (pixels, width, height) = Triple(given, givenWidth, givenHeight)
{% if picture.fit != "stretch" %}
            if (width != {{ picture.width }} || height != {{ picture.height }}) {
                val fitting = ({{ "width.toDouble() * " ~ picture.height ~ " / " ~ picture.width }}).toInt()
                val across = ({{ "height.toDouble() * " ~ picture.width ~ " / " ~ picture.height }}).toInt()
{% if picture.fit == "crop" %}
                val tall = maxOf(minOf(height, fitting), 1)
                val wide = maxOf(minOf(width, across), 1)
{% else %}
                val tall = height + 2 * ((maxOf(height, fitting) - height) / 2)
                val wide = width + 2 * ((maxOf(width, across) - width) / 2)
{% endif %}
                val (top, left) = Pair((height - tall) / 2, (width - wide) / 2)
                val framed = IntArray(tall * wide * {{ picture.channels }})
                for (y in 0 until tall) for (x in 0 until wide) for (c in 0 until {{ picture.channels }}) {
                    if (y + top in 0 until height && x + left in 0 until width) {
                        framed[(y * wide + x) * {{ picture.channels }} + c] = pixels[((y + top) * width + x + left) * {{ picture.channels }} + c]
                    }
                }
                pixels = framed
                width = wide
                height = tall
            }
{% endif %}
            if (width == {{ picture.width }} && height == {{ picture.height }}) return pixels
            val rows = neighbours(height, {{ picture.height }})
            val columns = neighbours(width, {{ picture.width }})
            val found = IntArray({{ picture.height * picture.width * picture.channels }})
            for (y in 0 until {{ picture.height }}) for (x in 0 until {{ picture.width }}) for (c in 0 until {{ picture.channels }}) {
                fun pixel(row: Int, column: Int) = pixels[(row * width + column) * {{ picture.channels }} + c].toFloat()
{% if picture.interpolation == "nearest" %}
                found[(y * {{ picture.width }} + x) * {{ picture.channels }} + c] = pixel(rows[y], columns[x]).toInt()
{% else %}
                fun between(from: Float, to: Float, share: Float) = from + (to - from) * share
                val (top, bottom, down) = rows[y]
                val (left, right, along) = columns[x]
                val above = between(pixel(top, left), pixel(top, right), along)
                val below = between(pixel(bottom, left), pixel(bottom, right), along)
                found[(y * {{ picture.width }} + x) * {{ picture.channels }} + c] = Math.rint(between(above, below, down).toDouble()).toInt()
{% endif %}
            }
            return found
        }

{% if picture.interpolation == "nearest" %}
        private fun neighbours(before: Int, after: Int): List<Int> {
            val scale = before.toFloat() / after.toFloat()
            return List(after) { minOf(floor((it + 0.5f) * scale).toInt(), before - 1) }
        }
{% else %}
        private fun neighbours(before: Int, after: Int): List<Triple<Int, Int, Float>> {
            val scale = before.toFloat() / after.toFloat()
            return List(after) {
                val place = (it + 0.5f) * scale - 0.5f
                val low = floor(place)
                Triple(maxOf(low.toInt(), 0), minOf(ceil(place).toInt(), before - 1), place - low)
            }
        }
{% endif %}
{% endif %}

        private fun apart(found: ByteArray, expected: ByteArray, dtype: String): Double {
            val differences = found.reals(dtype).zip(expected.reals(dtype)) { got, wanted ->
                if (got == wanted || (got.isNaN() && wanted.isNaN())) 0.0 else abs(got - wanted)
            }
            return if (differences.any { it.isNaN() }) Double.POSITIVE_INFINITY else differences.max()
        }

        private fun ByteArray.reals(dtype: String): List<Double> =
            if (dtype == "float32") little().asFloatBuffer().let { held -> List(size / 4) { held.get(it).toDouble() } }
            else numbers(dtype) { it.toDouble() }

        private fun <T> ByteArray.numbers(dtype: String, made: (Int) -> T): List<T> = when (dtype) {
            "uint8" -> map { made(it.toInt() and 255) }
            "int8" -> map { made(it.toInt()) }
            else -> little().asIntBuffer().let { held -> List(size / 4) { made(held.get(it)) } }
        }

        private fun ByteArray.little(): ByteBuffer = ByteBuffer.wrap(this).order(ByteOrder.LITTLE_ENDIAN)

{% if not model.keeps_state %}
        /** A shorter array would be written without a word, and a longer one read out of bounds. */
        private fun ByteArray.checked(bytes: Int): ByteArray {
            check(size == bytes) { "a tensor takes $bytes bytes, not $size" }
            return this
        }
{% endif %}
{% if model.keeps_state or model.delivered %}

        private fun direct(bytes: ByteArray): ByteBuffer =
            ByteBuffer.allocateDirect(bytes.size).order(ByteOrder.nativeOrder()).put(bytes).also { it.rewind() }
{% endif %}
    }
}

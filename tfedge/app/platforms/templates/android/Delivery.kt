// Fetches later versions of {{ model.class_name }}. Written by tfedge; change nothing here, write it again.

package {{ model.package }}

import android.content.Context
import android.os.Looper
{% if not model.keeps_state %}
import com.google.ai.edge.litert.Accelerator
{% endif %}
import java.io.File
import {{ model.package }}.delivery.Client
import {{ model.package }}.delivery.Step
import {{ model.package }}.delivery.Told
import {{ model.package }}.delivery.Ways

/** The model in this app: the version that was proved last, or the one that the app brings. */
class {{ model.class_name }}Delivery
private constructor(
    private val client: Client,
    private val delivered: (version: String, content: ByteArray, golden: () -> ByteArray) -> {{ model.class_name }},
    private val shipped: () -> {{ model.class_name }},
) {
    /**
     * A model.
     *
     * @param version null for the one that the app brings
     * @param cause why that is no delivered one, where there is one
     */
    class Loaded(val model: {{ model.class_name }}, val version: Long?, val cause: String = "")

    /**
     * Asks for the version that is meant for this installation, proves it and keeps it for the next
     * [load]. Whatever stands in the way is told, not thrown.
     *
     * @param ways to the network, and what may come over it
     * @param progress gets where it is, and the bytes of a download that are there, and of how many
     */
    fun update(ways: Ways = Ways(), progress: (Step, done: Long, total: Long) -> Unit = { _, _, _ -> }): Told {
        needThread()
        return client.update(ways, progress)
    }

    /**
     * Loads the last good version; it needs no network. One that ends the app at its first load is not
     * loaded again.
     */
    fun load(): Loaded {
        needThread()
        var cause = ""
        // A version that throws was not used well: the next turn gets the one before.
        repeat(if (client.version == null) 0 else 2) {
            try {
                return client.using { Loaded(delivered("${it.version}", it.content, it::golden), it.version, cause) }
            } catch (error: Exception) {
                cause = error.message ?: "$error"
            }
        }
        return Loaded(shipped(), null, cause)
    }

    private fun needThread() =
        check(Looper.myLooper() != Looper.getMainLooper()) { "delivery works: not on the main thread" }

    companion object {
        const val REPOSITORY = {{ model.delivered.repository|text }}
        const val MODEL = {{ model.delivered.model|text }}
        private const val TRUST = {{ model.delivered.trust|text }}

        /**
         * Opens what this installation keeps; nothing is asked for over the network yet.
         *
         * @param threads of the CPU
{% if not model.keeps_state %}
         * @param accelerator where it runs
         * @param inMemory whether delivered versions run in the classic Interpreter, on the CPU, and never
         *     lie open on the disk; CompiledModel loads files only
{% endif %}
         * @param channel which versions are meant
         * @param app version of the app, such as "2.4.1", for versions that need a newer one
         * @param runtime of LiteRT, likewise
         * @param installation an identifier that stays, for staged roll-outs; null for one that is drawn
         */
        fun open(
            context: Context,
            threads: Int = 2,
{% if not model.keeps_state %}
            accelerator: Accelerator = Accelerator.CPU,
            inMemory: Boolean = false,
{% endif %}
            channel: String = "stable",
            app: String = "",
            runtime: String = "",
            installation: String? = null,
            repository: String = REPOSITORY,
        ): {{ model.class_name }}Delivery {
            val folder = File(context.noBackupFilesDir, "tfedge/$MODEL-${Integer.toHexString(repository.hashCode())}")
            val primer by lazy { context.assets.open("tfedge_primer.lzma").use { it.readBytes() } }
            val delivered = { version: String, content: ByteArray, golden: () -> ByteArray ->
{% if model.keeps_state %}
                {{ model.class_name }}.delivered(content, golden, threads)
{% else %}
                {{ model.class_name }}.delivered(
                    content, golden, threads, accelerator, if (inMemory) null else File(folder, "open/$version.tflite"))
{% endif %}
            }
{% if not model.keeps_state %}
            if (inMemory) File(folder, "open").deleteRecursively()
{% endif %}
            val client = Client(
                repository, TRUST.toByteArray(), MODEL, File(folder, "sealed"),
                unpack = { packed, size -> {{ model.class_name }}Unpacking.unpack(packed, primer, size) },
                probe = { content, golden ->
{% if model.keeps_state %}
                    delivered("", content) { golden }.use { it.probe() }
{% else %}
                    try {
                        delivered("tried", content) { golden }.use { it.probe() }
                    } finally {
                        File(folder, "open/tried.tflite").delete()
                    }
{% endif %}
                },
                channel = channel, app = app, runtime = runtime, installation = installation,
            )
            return {{ model.class_name }}Delivery(client, delivered) { {{ model.class_name }}.load(context, threads{{ ", accelerator" if not model.keeps_state }}) }
        }
    }
}

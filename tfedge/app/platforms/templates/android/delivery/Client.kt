// An installation: asks for the version that is meant for it, and switches to what it has proved. What it
// says and does is docs/delivery.md's; the format is docs/delivery_format.md's. Written by tfedge; change
// nothing here.
//
//     val client = Client("https://host/models/", trust, "ds_cnn", folder, unpack, probe)
//     val told = client.update()                       // never ends the app: it says what happened
//     val answer = client.using { run(it.content) }    // the last good one, also without a network

package {{ model.package }}.delivery

import java.io.File
import java.io.IOException

private val ADDRESS = Regex("https?://[^/?#\\s]+(/[^?#\\s]*)?")

/** A model that may be used: its .tflite, and the golden.npz that it was tried by. */
class Delivered internal constructor(val version: Long, val content: ByteArray, private val examples: () -> ByteArray) {
    val golden: ByteArray get() = examples()
}

/**
 * No method is for the main thread. Several processes may share a folder.
 *
 * @param repository its address, of http or https
 * @param trust trust.json of the publisher
 * @param model its name
 * @param folder for this model of this repository, as in `noBackupFilesDir`; made where it is missing
 * @param unpack restores a packed file of so many bytes
 * @param probe runs a model (.tflite) on its examples (golden.npz); throws where it does not answer as it
 *     should, and an IOException where that is not the model's fault
 * @param channel which versions are meant
 * @param app version of the app, such as "2.4.1"; "" where not known
 * @param runtime of LiteRT, likewise
 * @param installation an identifier that stays; null for one that is drawn once
 * @param now milliseconds since 1970
 * @throws IllegalArgumentException for what is no such name, and a folder that holds other things
 * @throws IOException for a folder that cannot be made
 */
class Client(
    repository: String,
    trust: ByteArray,
    model: String,
    folder: File,
    unpack: (packed: ByteArray, size: Int) -> ByteArray,
    probe: (model: ByteArray, golden: ByteArray) -> Unit,
    channel: String = "stable",
    app: String = "",
    runtime: String = "",
    installation: String? = null,
    now: () -> Long = System::currentTimeMillis,
) {
    private val asked: Asked
    private val store: Store

    init {
        require(MODEL_NAME.matches(model)) { "model: '$model' is no name" }
        require(CHANNEL_NAME.matches(channel)) { "channel: '$channel' is no name" }
        for (each in listOf(app, runtime)) {
            require(VERSION.matches(each)) { "app, runtime: '$each' is no version such as 2.4.1" }
        }
        require(ADDRESS.matches(repository)) { "repository: http(s) only, not $repository" }
        asked = Asked(
            repository.trimEnd('/') + "/", Trust.read(trust), Names(model), channel, app, runtime, installation, probe, now)
        store = Store(folder, model, unpack)
    }

    /**
     * Asks for the version that is meant for this installation, and switches to it. Whatever stands in
     * the way is told, not thrown: the last good version stays in use.
     *
     * @param progress gets where it is, and the bytes of a download that are there, and of how many
     */
    fun update(ways: Ways = Ways(), progress: (Step, done: Long, total: Long) -> Unit = { _, _, _ -> }): Told {
        val network = Network(ways)
        val told = try {
            store.updating { Update(store, asked, network, progress).run() }
        } catch (refused: Refused) {
            kept(refused.reason, refused.detail)
        } catch (error: Damaged) {
            kept(Reason.UNREADABLE, error.message ?: "")
        } catch (error: IOException) {
            kept(Reason.DISK, error.message ?: "$error")
        }
        return told.copy(received = network.received)
    }

    /**
     * Calls `work` with the last good model; it needs no network. The first call that ends without an
     * exception makes a new version the good one; after a crash or an exception the next gets the version
     * before. An IOException, an interruption and a cancellation are the app's: the next call is a first
     * one again.
     *
     * @throws IllegalStateException where no model is there
     */
    fun <T> using(work: (Delivered) -> T): T {
        val state = store.state()
        if (state.firstUse == FirstUse.DONE || state.current == null) return work(model(false))
        return Lock.ifFree(store.firstUse) { isFree ->
            // Another one has it, or the disk is full: then it is not the first use.
            var isOurs = isFree && isWritten(::begin)
            var used: Long? = null
            val answer = try {
                val model = model(isOurs)
                if (isOurs && model.version != store.state().current) { // that one cannot be read
                    store.begun.delete()
                    isOurs = false
                }
                used = model.version
                work(model)
            } catch (error: Throwable) {
                if (isOurs && (used == null || isOfTheApp(error))) store.begun.delete()
                throw error
            }
            if (isOurs) {
                store.begun.delete() // needs no room, so on a full disk the next use is a first one again
                isWritten { store.change { if (it.current == used) it.copy(firstUse = FirstUse.DONE) else it } }
            }
            answer
        }
    }

    /** The version that is used; null for none, or where the disk refuses to say. */
    val version: Long? get() = try {
        store.state().current
    } catch (ignored: IOException) {
        null
    }

    private fun begin() {
        val isBegun = store.change(::beginning).firstUse == FirstUse.BEGUN
        if (isBegun) store.begun.createNewFile() else store.begun.delete()
    }

    /** The first use begins; or it had begun, and its process is gone. */
    private fun beginning(state: State): State {
        val current = state.current ?: return state
        return when {
            state.firstUse == FirstUse.WAITING -> state.copy(firstUse = FirstUse.BEGUN)
            state.firstUse == FirstUse.BEGUN && store.begun.exists() && state.previous != null ->
                state.refusing(asked.place(current))
            else -> state
        }
    }

    /** The current one; where it is damaged or in its first use elsewhere, the one before. */
    private fun model(isOurs: Boolean): Delivered {
        val state = store.state()
        val versions = listOfNotNull(state.current, state.previous)
        var cause = ""
        for (version in if (state.firstUse == FirstUse.BEGUN && !isOurs) versions.reversed() else versions) {
            try {
                return Delivered(version, store.content(version, asked.trust)) { store.golden(version) }
            } catch (error: Damaged) {
                cause = "; ${error.message}"
            } catch (error: Refused) {
                cause = "; ${error.message}"
            } catch (error: IOException) {
                cause = "; ${error.message}"
            }
        }
        throw IllegalStateException("no model is there that can be used: update first$cause")
    }

    private fun kept(reason: Reason, cause: String): Told {
        val version = version
        return Told(if (version == null) Outcome.NOTHING else Outcome.KEPT, version, reason, cause)
    }

    private fun isWritten(change: () -> Unit): Boolean = try {
        change()
        true
    } catch (ignored: IOException) {
        false
    }
}

// From the question to the switch: an update, with every way that it may end before. Written by tfedge;
// change nothing here.

package {{ model.package }}.delivery

import java.io.File
import java.io.IOException

private const val LONGEST_CHAIN = 4 // differences on differences: each is opened whenever a model is
private const val MOST_SMALL = 1L shl 20
private const val MOST_PROBES = 2

/** What is asked for; see [Client]. */
internal class Asked(
    val repository: String,
    val trust: Trust,
    val names: Names,
    val channel: String,
    val app: String,
    val runtime: String,
    val installation: String?,
    val probe: (ByteArray, ByteArray) -> Unit,
    val now: () -> Long,
) {
    /** Where a version is tried. */
    fun place(version: Long) = Place(version, app, runtime)
}

/** One update of a store, by whoever holds its lock. */
internal class Update(
    private val store: Store,
    private val asked: Asked,
    private val network: Network,
    private val progress: (Step, Long, Long) -> Unit,
) {
    private val names = asked.names
    private lateinit var targets: Map<String, Any?>

    fun run(): Told {
        progress(Step.CHECKING, 0, 0)
        targets = Tuf(
            { name, most -> network.whole("${asked.repository}metadata/$name", most) }, store.metadata, asked.now(),
        ).refresh(asked.trust.root)
        val offered = offered()
        val state = store.change { offered.entries.filter { it.withdrawn }.fold(it) { left, each -> left.without(each.version) } }
        val version = chosen(offered, state)
            ?: throw Refused(Reason.NONE, "no version is meant for this installation")
        val isThere = isThere(version)
        if (isThere && version == state.current) return Told(Outcome.UNCHANGED, version)
        if (!isThere) get(version)
        progress(Step.SWITCHING, 0, 0)
        store.change { it.switched(version) }
        try {
            store.sweep()
        } catch (ignored: IOException) { // the next update does it
        }
        return Told(Outcome.UPDATED, version)
    }

    private fun offered(): Channel {
        val name = names.channel(asked.channel)
        val found = Channel.read(small(name), name)
        if (found.model != names.model || found.name != asked.channel) {
            throw Refused(Reason.ARBITRARY, "$name says that it is ${found.model}/${found.name}")
        }
        return found
    }

    /** Without what did not work here. */
    private fun chosen(offered: Channel, state: State): Long? {
        val refused = state.refused.filter { it == asked.place(it.version) }.map { it.version }.toSet()
        val installation = asked.installation ?: store.installation()
        return offered.choose(installation, asked.app, asked.runtime, state.current, refused)
    }

    /**
     * Whether the model that is signed now is in the store, and can be opened here: another repository, as
     * one that was begun anew when keys were lost, has a version of that number too.
     */
    private fun isThere(version: Long): Boolean {
        if (!store.has(version) || !isWhole(version)) return false
        val target = target(names.sealed(version))
        return SealedFacts.read(target.custom, target.length, target.name).modelSha256 == store.record(version).facts.modelSha256
    }

    /**
     * Whether what is in the store can be read and opened here; a damaged version goes. What the disk refuses
     * to read is fetched again, and so is what another key opened: the repository may have sealed it for this
     * one meanwhile.
     */
    private fun isWhole(version: Long): Boolean = try {
        store.content(version, asked.trust)
        true
    } catch (ignored: Damaged) {
        store.drop(version)
        false
    } catch (ignored: Refused) {
        false
    } catch (ignored: IOException) {
        false
    }

    /** Downloads, opens and probes; then the version is in the store. */
    private fun get(version: Long) {
        if (store.state().let { it.probed == version && it.probes >= MOST_PROBES }) {
            refuse(version)
            throw Refused(Reason.PROBE, "the app ended $MOST_PROBES times while version $version was tried")
        }
        val name = names.sealed(version)
        val target = target(name)
        val facts = SealedFacts.read(target.custom, target.length, name)
        if (facts.version != version || facts.golden != names.golden(version)) {
            throw Refused(Reason.ARBITRARY, "$name names version ${facts.version} and ${facts.golden}")
        }
        store.needKey(facts, asked.trust) // before anything of it is fetched
        val examples = target(facts.golden)
        val whole = Chunks(maxOf(1, examples.length).coerceAtMost(Int.MAX_VALUE.toLong()).toInt(), listOf(examples.sha256))
        val golden = download(examples, whole)
        val (record, path, content) = got(facts, target, examples.sha256)
        progress(Step.PROBING, 0, 0)
        probe(version, content, golden.readBytes())
        store.settle(record, path, golden)
    }

    /** A crash of the runtime is one of the app: what was being tried is written down before. */
    private fun probe(version: Long, content: ByteArray, golden: ByteArray) {
        store.change { it.probing(version) }
        try {
            asked.probe(content, golden)
        } catch (error: Throwable) { // a library that is not there, or too little memory, too
            if (isOfTheApp(error)) { // a full disk: no version is to blame
                store.change { it.copy(probed = null, probes = 0) }
                if (error is InterruptedException) Thread.currentThread().interrupt()
                throw if (error is IOException) error else Refused(Reason.POSTPONED, "what tried it was ended")
            }
            refuse(version)
            throw Refused(Reason.PROBE, error.message ?: "$error")
        }
        store.change { it.copy(probed = null, probes = 0) }
    }

    private data class Got(val record: Record, val path: File, val content: ByteArray)

    /** By a difference where there is one that fits, else whole. */
    private fun got(facts: SealedFacts, target: Target, golden: String): Got {
        for (base in facts.deltas.keys.sortedDescending()) {
            try {
                if (base < facts.version && fits(base)) return byDifference(facts, target, base, golden)
            } catch (refused: Refused) {
                // What the server does not have has a status; without a network all of it would not come.
                val isOffline = refused.reason == Reason.OFFLINE && refused.status == 0
                if (isOffline || refused.reason == Reason.POSTPONED) throw refused
            } catch (ignored: Damaged) { // all of it is taken
            }
        }
        val path = download(target, facts.chunks)
        try {
            return open(Record(facts, target.length, target.name, null, golden), path)
        } catch (error: Damaged) {
            refuse(facts.version) // all of it is as signed: it will not open another time
            throw error
        }
    }

    private fun fits(base: Long) = store.has(base) && store.bases(base).size < LONGEST_CHAIN && isWhole(base)

    private fun byDifference(facts: SealedFacts, target: Target, base: Long, golden: String): Got {
        val name = names.delta(facts.version, base)
        val found = target(name)
        val delta = DeltaFacts.read(found.custom, found.length, name)
        val isOurs = delta.version == facts.version && delta.base == base && facts.deltas[base] == name &&
            delta.baseSha256 == store.record(base).facts.modelSha256
        if (!isOurs) throw Refused(Reason.ARBITRARY, "$name is from another model")
        return open(Record(facts, target.length, name, base, golden), download(found, delta.chunks))
    }

    private fun open(record: Record, path: File): Got {
        progress(Step.OPENING, 0, 0)
        return Got(record, path, store.opened(record, path.readBytes(), asked.trust))
    }

    /** The path of a file that is whole, and what was signed. */
    private fun download(target: Target, chunks: Chunks): File {
        val path = store.part(target.sha256)
        val free = store.free()
        if (free < target.length) throw IOException("${target.name} needs ${target.length} bytes, $free are free")
        val wanted = Wanted(target.name, url(target), target.length, target.sha256, chunks)
        Download(wanted, network) { done, total -> progress(Step.DOWNLOADING, done, total) }.to(path)
        val found = sha256(path.readBytes())
        if (found != target.sha256) {
            path.delete()
            throw Refused(Reason.ARBITRARY, "${target.name} has the SHA-256 $found, ${target.sha256} was signed")
        }
        return path
    }

    private fun small(name: String): ByteArray {
        val target = target(name)
        if (target.length > MOST_SMALL) {
            throw Refused(Reason.ENDLESS, "$name has ${target.length} bytes, $MOST_SMALL are allowed")
        }
        return network.untilDone {
            val found = network.whole(url(target), target.length)
            if (sha256(found) != target.sha256) throw Interrupted("$name is not what was signed", Reason.ARBITRARY)
            found
        }
    }

    private class Target(val name: String, val length: Long, val sha256: String, val custom: Any?)

    private fun target(name: String): Target {
        val told = targets[name]?.fields() ?: throw Refused(Reason.NONE, "the repository has no $name")
        val digest = told["hashes"].fields()["sha256"]
        readable(digest is String && HASH.matches(digest)) { "the SHA-256 of $name" }
        return Target(name, told["length"].whole(least = 0), digest as String, told["custom"])
    }

    private fun url(target: Target): String {
        val (folder, last) = target.name.split("/")
        return "${asked.repository}targets/$folder/${target.sha256}.$last"
    }

    private fun refuse(version: Long) {
        store.change { it.refusing(asked.place(version)) }
    }
}

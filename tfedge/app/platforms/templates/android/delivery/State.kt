// Which version is used, which was before it, and which are not taken. Written by tfedge; change nothing
// here.

package {{ model.package }}.delivery

/** Where a version was found not to work; with a new app or runtime it is tried again. */
internal data class Place(val version: Long, val app: String, val runtime: String)

internal enum class FirstUse { DONE, WAITING, BEGUN }

/**
 * @param current the version that is used; null for none
 * @param previous the good one before
 * @param firstUse of `current`: DONE where it was used once without a crash, WAITING before that, BEGUN
 *     while it is or where the process ended meanwhile
 * @param refused what did not work, and where
 * @param probed the version that is being tried, or was when the process ended; null for none
 * @param probes how often it was begun
 */
internal data class State(
    val current: Long? = null,
    val previous: Long? = null,
    val firstUse: FirstUse = FirstUse.DONE,
    val refused: Set<Place> = emptySet(),
    val probed: Long? = null,
    val probes: Long = 0,
) {
    /** To a new version that was probed, the good one before kept. */
    fun switched(version: Long): State {
        val before = if (current != null && current != version && firstUse == FirstUse.DONE) current else previous
        return copy(current = version, previous = before.takeIf { it != version }, firstUse = FirstUse.WAITING)
    }

    /** Where a version is not to be used: the good one before, if that is another. */
    fun without(version: Long): State = when (version) {
        previous -> copy(previous = null)
        current -> copy(current = previous, previous = null, firstUse = FirstUse.DONE)
        else -> this
    }

    /** Likewise, and it is not taken again here. */
    fun refusing(place: Place): State = without(place.version).copy(refused = refused + place, probed = null, probes = 0)

    fun probing(version: Long): State = copy(probed = version, probes = if (probed == version) probes + 1 else 1)

    fun bytes(): ByteArray = Json.bytes(mapOf(
        "current" to current,
        "previous" to previous,
        "first_use" to firstUse.name.lowercase(),
        "refused" to refused.map { mapOf("version" to it.version, "app" to it.app, "runtime" to it.runtime) },
        "probed" to probed,
        "probes" to probes,
    ))

    companion object {
        /** Throws IllegalArgumentException for something else. */
        fun read(bytes: ByteArray): State {
            val told = Json.parse(bytes).fields()
            return State(
                told["current"]?.whole(),
                told["previous"]?.whole(),
                requireNotNull(FirstUse.entries.find { it.name.lowercase() == told["first_use"] }) { "first_use" },
                told["refused"].items().map { each ->
                    val place = each.fields()
                    Place(place["version"].whole(), place["app"].text(), place["runtime"].text())
                }.toSet(),
                told["probed"]?.whole(),
                told["probes"].whole(least = 0),
            )
        }
    }
}

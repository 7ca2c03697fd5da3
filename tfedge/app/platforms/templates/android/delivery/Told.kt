// How an update ended, and why. Written by tfedge; change nothing here.

package {{ model.package }}.delivery

import java.io.IOException
import java.util.concurrent.CancellationException

/** Why an installation did not get what it asked for; from EXPIRED on it is what an attack looks like. */
enum class Reason(val words: String) {
    /** The network, the server, or a file that it does not have. */
    OFFLINE("offline"),

    /** A budget, a metered connection, or a thread that was interrupted. */
    POSTPONED("postponed"),

    /** Full, or failing. */
    DISK("disk"),

    /** No version is meant for this installation. */
    NONE("none"),

    /** Signed, and yet not for this app: its key, or a later format. */
    UNREADABLE("unreadable"),

    /** The model does not run here, or answers otherwise than it should. */
    PROBE("probe"),

    /** A freeze, the same old metadata for ever; or a clock that is wrong. */
    EXPIRED("expired"),

    /** Older metadata than were seen already. */
    ROLLBACK("rollback"),

    /** Files of different states of the repository. */
    MIXED("mix and match"),

    ENDLESS("endless data"),

    /** By another key, or by too few. */
    UNSIGNED("not signed"),

    DAMAGED("damaged metadata"),

    /** Other bytes than were signed, or a name that nobody asked for. */
    ARBITRARY("arbitrary target"),
}

/** UNCHANGED: the version that is meant is used already; KEPT: it could not be had, and the last good
 * one is used; NOTHING: likewise, and there is none. */
enum class Outcome { UPDATED, UNCHANGED, KEPT, NOTHING }

/** Where an update is. */
enum class Step { CHECKING, DOWNLOADING, OPENING, PROBING, SWITCHING }

/**
 * How an update ended.
 *
 * @param version that is used from here on; null for none
 * @param reason for KEPT and NOTHING; null otherwise
 * @param cause a sentence about it
 * @param received bytes that came over the network
 */
data class Told(
    val outcome: Outcome,
    val version: Long?,
    val reason: Reason? = null,
    val cause: String = "",
    val received: Long = 0,
)

/** What was offered is not taken; `status` is of HTTP, 0 where it was something else. */
class Refused(val reason: Reason, val detail: String, val status: Int = 0) :
    Exception("${reason.words}: $detail")

/** Whether it is no fault of a version that was in use: a full disk, or somebody who ended it. */
internal fun isOfTheApp(error: Throwable) =
    error is IOException || error is InterruptedException || error is CancellationException

internal fun readable(holds: Boolean, what: () -> String) {
    if (!holds) throw Refused(Reason.UNREADABLE, "not as it should be: ${what()}")
}

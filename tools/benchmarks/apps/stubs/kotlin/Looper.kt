package android.os

/** The main one while `onMain` is set. */
class Looper {
    companion object {
        private val main = Looper()
        var onMain = false

        fun getMainLooper() = main
        fun myLooper(): Looper? = if (onMain) main else null
    }
}

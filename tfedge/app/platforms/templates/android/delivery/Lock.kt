// One holder at a time, among the threads of a process and among processes: it ends with the process,
// however that ends. Written by tfedge; change nothing here.

package {{ model.package }}.delivery

import java.io.File
import java.io.RandomAccessFile
import java.util.concurrent.Semaphore

internal object Lock {
    // A file lock is the process's: a second thread would get an OverlappingFileLockException.
    private val threads = HashMap<String, Semaphore>()

    /** When whoever has it has ended. The file stays: a removed one could be held twice. */
    fun <T> held(file: File, work: () -> T): T {
        val ours = semaphore(file)
        ours.acquireUninterruptibly()
        try {
            return RandomAccessFile(file, "rw").use { opened -> opened.channel.lock().use { work() } }
        } finally {
            ours.release()
        }
    }

    /** At once; `work` gets whether it is ours, which it is not where the disk refuses either. */
    fun <T> ifFree(file: File, work: (Boolean) -> T): T {
        val ours = semaphore(file)
        if (!ours.tryAcquire()) return work(false)
        try {
            val opened = orNull { RandomAccessFile(file, "rw") } ?: return work(false)
            return opened.use { work(orNull { opened.channel.tryLock() } != null) }
        } finally {
            ours.release()
        }
    }

    private fun semaphore(file: File) =
        synchronized(threads) { threads.getOrPut(file.canonicalPath) { Semaphore(1) } }

    private fun <T> orNull(work: () -> T?): T? = try {
        work()
    } catch (ignored: java.io.IOException) {
        null
    }
}

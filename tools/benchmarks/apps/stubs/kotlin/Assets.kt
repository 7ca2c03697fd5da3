package android.content.res

import java.io.Closeable
import java.io.File
import java.io.FileDescriptor
import java.io.FileInputStream
import java.io.InputStream

class AssetManager(val folder: File) {
    fun open(name: String): InputStream = FileInputStream(File(folder, name))
    fun openFd(name: String) = AssetFileDescriptor(File(folder, name))
}

class AssetFileDescriptor(private val file: File) : Closeable {
    private val stream = FileInputStream(file)
    val fileDescriptor: FileDescriptor get() = stream.fd
    val startOffset = 0L
    val declaredLength get() = file.length()
    override fun close() = stream.close()
}

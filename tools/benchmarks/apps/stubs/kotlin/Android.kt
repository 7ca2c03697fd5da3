// Stands for Android in tests: assets are files of a folder, and its cache is in it.

package android.content

import java.io.File

class Context(val assets: android.content.res.AssetManager, val cacheDir: File) {
    val noBackupFilesDir get() = cacheDir.resolve("no_backup").also { it.mkdirs() }
}

fun contextOf(folder: String) =
    Context(android.content.res.AssetManager(File(folder)), File(folder, "cache").also { it.mkdirs() })

// Stands for Android in tests: assets are files of a folder.

package android.content

import java.io.File
import java.io.InputStream

class Context(val assets: android.content.res.AssetManager)

fun contextOf(folder: String) = Context(android.content.res.AssetManager(File(folder)))

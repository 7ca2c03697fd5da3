package android.graphics

class Bitmap(private val pixels: IntArray, val width: Int, val height: Int) {
    fun getPixels(to: IntArray, offset: Int, stride: Int, x: Int, y: Int, width: Int, height: Int) {
        pixels.copyInto(to, offset)
    }
}

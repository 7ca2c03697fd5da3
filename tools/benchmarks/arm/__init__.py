"""A .tflite on an emulated ARM core: Debian's arm64 Python under qemu-user."""

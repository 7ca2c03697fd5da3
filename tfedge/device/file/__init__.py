"""A .tflite as it lies on disk, read without trusting it."""

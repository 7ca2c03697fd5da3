"""Edits of a .tflite after conversion: each takes an unpacked file and changes one thing."""

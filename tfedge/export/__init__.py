"""Candidate in, .tflite bytes out."""

"""A .tflite as a tree that can be edited, and what is in it."""

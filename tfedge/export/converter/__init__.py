"""Around TensorFlow's converter: what it is given, and what it must not do."""

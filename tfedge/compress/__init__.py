"""Keras model in, smaller Keras model out."""

from tfedge.compress import keras as _quietly  # noqa: F401  (before anything starts TensorFlow)

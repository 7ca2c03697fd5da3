"""Keras model in, smaller Keras model out."""

"""What compression knows of Keras' layer classes, and the kernels they have."""
